/**
 * Writing register records: unknown, known, uninitialized, copied. Each of these functions touches exactly the words that its
 * counterpart in the kernel does, because what is left over decides whether two states are the same.
 * Source: __mark_reg_known, __mark_reg_unknown, __mark_reg_not_init, copy_register_state in kernel/bpf/verifier.c.
 */
import {
  copyScalar,
  markKnown,
  markUnknown,
  REG_WORDS,
  sameScalar,
  tnumEqualsConst,
  tnumIsConst,
  tnumSubregIsConst,
} from '../domain/index.ts';
import {
  AUX,
  AUX2,
  FRAMENO,
  ID,
  OFF,
  PRECISE,
  READ32,
  READ64,
  REF,
  REG_PARENT,
  regAt,
  TYPE,
  WRITTEN,
} from './layout.ts';
import { NOT_INIT, SCALAR_VALUE } from './reg-type.ts';

/** The register holds any number. */
export function markRegUnknown(r: Int32Array, o: number): void {
  r[o + TYPE] = SCALAR_VALUE;
  clearPointerPart(r, o);
  r[o + FRAMENO] = 0;
  r[o + PRECISE] = 0;
  markUnknown(r, o);
}

/** The register holds nothing that may be read. */
export function markRegNotInit(r: Int32Array, o: number): void {
  markRegUnknown(r, o);
  r[o + TYPE] = NOT_INIT;
}

/** The number is this constant; the type stays (__mark_reg_known). */
export function markRegKnown(r: Int32Array, o: number, lo: number, hi: number): void {
  clearPointerPart(r, o);
  markKnown(r, o, lo, hi);
}

/** The constant 0; the type stays. What pointers start from. */
export function markRegKnownZero(r: Int32Array, o: number): void {
  markRegKnown(r, o, 0, 0);
}

/** The scalar 0 (__mark_reg_const_zero). */
export function markRegConstZero(r: Int32Array, o: number): void {
  markRegKnown(r, o, 0, 0);
  r[o + TYPE] = SCALAR_VALUE;
  r[o + PRECISE] = 0;
}

function clearPointerPart(r: Int32Array, o: number): void {
  r[o + OFF] = 0;
  r[o + AUX] = 0;
  r[o + AUX2] = 0;
  r[o + ID] = 0;
  r[o + REF] = 0;
}

/** Copies what a register is; the target keeps its liveness and its parent (copy_register_state). */
export function copyRegister(d: Int32Array, di: number, s: Int32Array, si: number): void {
  for (let i = 0; i < REG_WORDS; i++) d[di + i] = s[si + i]!;
}

const MARKS = [READ32, READ64, WRITTEN] as const;

/** Copies register `from` of a frame to register `to`, liveness and parent too: a C assignment of the struct. */
export function assignRegister(d: Int32Array, to: number, s: Int32Array, from: number): void {
  copyRegister(d, regAt(to), s, regAt(from));
  d[REG_PARENT + to] = s[REG_PARENT + from]!;
  for (const marks of MARKS) {
    const bit = (s[marks]! >>> from) & 1;
    d[marks] = (d[marks]! & ~(1 << to)) | (bit << to);
  }
}

/** Forgets that a scalar equals others (clear_scalar_id). */
export function clearScalarId(r: Int32Array, o: number): void {
  r[o + ID] = 0;
  r[o + OFF] = 0;
}

/** Type, offset and what is pointed to are the same (memcmp up to var_off). */
export function samePointee(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  return (
    a[ai + TYPE] === b[bi + TYPE] &&
    a[ai + OFF] === b[bi + OFF] &&
    a[ai + AUX] === b[bi + AUX] &&
    a[ai + AUX2] === b[bi + AUX2]
  );
}

/** All but ids is the same (memcmp up to id). */
export function sameButIds(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  return samePointee(a, ai, b, bi) && sameScalar(a, ai, b, bi);
}

/** The scalar 0 (register_is_null). */
export function isNull(r: Int32Array, o: number): boolean {
  return r[o + TYPE] === SCALAR_VALUE && tnumEqualsConst(r, o, 0, 0);
}

/** A scalar whose value, or lower half, is known (is_reg_const). */
export function isConstScalar(r: Int32Array, o: number, width: 32 | 64): boolean {
  return r[o + TYPE] === SCALAR_VALUE && (width === 32 ? tnumSubregIsConst(r, o) : tnumIsConst(r, o));
}

export { copyScalar };
