/**
 * Making, copying and asking scalars: the constants, the unknown, and the questions other rules ask of a record.
 * Sources: __mark_reg_known, __mark_reg_unbounded and their kin, is_reg_const, get_reg_width in kernel/bpf/verifier.c.
 * None of these functions touches a word beyond the scalar part: ids, type and precision are the caller's.
 */
import { bitLength } from './int64.ts';
import {
  S32_MAX,
  S32_MIN,
  SCALAR_WORDS,
  SMAX_LO,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_LO,
  VAR_MASK_LO,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from './layout.ts';
import { setTnum, tnumIsConst, tnumSetUnknown, tnumSubregIsConst } from './tnum.ts';

/** INT_MIN as a word. */
export const S32_LOWEST = -0x80000000;
/** INT_MAX as a word. */
export const S32_HIGHEST = 0x7fffffff;

/** Writes both halves of a 64-bit field at `at` (offset of the record plus SMIN_LO, UMAX_LO …). */
export function setWide(r: Int32Array, at: number, lo: number, hi: number): void {
  r[at] = lo;
  r[at + 1] = hi;
}

/** Writes a JavaScript number, an integer within ±2^53, to a 64-bit field at `at`. */
export function setWideNumber(r: Int32Array, at: number, value: number): void {
  r[at] = value | 0;
  r[at + 1] = Math.floor(value / 0x1_0000_0000) | 0;
}

/** The number is this constant (___mark_reg_known). */
export function markKnown(r: Int32Array, o: number, lo: number, hi: number): void {
  setTnum(r, o, lo, hi, 0, 0);
  setWide(r, o + SMIN_LO, lo, hi);
  setWide(r, o + SMAX_LO, lo, hi);
  setWide(r, o + UMIN_LO, lo, hi);
  setWide(r, o + UMAX_LO, lo, hi);
  setSubregBounds(r, o, lo, lo, lo, lo);
}

/** The number is a sign-extended 32-bit constant, as an immediate operand is. */
export function markKnownImm(r: Int32Array, o: number, imm: number): void {
  markKnown(r, o, imm, imm >> 31);
}

/** The low 32 bits are this constant; what was known of the upper half stays in the bits (__mark_reg32_known). */
export function markKnownSubreg(r: Int32Array, o: number, value: number): void {
  r[o + VAR_VALUE_LO] = value;
  r[o + VAR_MASK_LO] = 0;
  setSubregBounds(r, o, value, value, value, value);
}

/** Nothing is known of the number. */
export function markUnknown(r: Int32Array, o: number): void {
  tnumSetUnknown(r, o);
  markUnbounded(r, o);
}

/** Forgets all ranges, not the known bits (__mark_reg_unbounded). */
export function markUnbounded(r: Int32Array, o: number): void {
  markUnbounded64(r, o);
  markUnbounded32(r, o);
}

/** Forgets the 64-bit ranges (__mark_reg64_unbounded). */
export function markUnbounded64(r: Int32Array, o: number): void {
  forgetS64(r, o);
  forgetU64(r, o);
}

/** Forgets the 32-bit ranges (__mark_reg32_unbounded). */
export function markUnbounded32(r: Int32Array, o: number): void {
  setSubregBounds(r, o, S32_LOWEST, S32_HIGHEST, 0, -1);
}

/** Forgets the signed 64-bit range. */
export function forgetS64(r: Int32Array, o: number): void {
  setWide(r, o + SMIN_LO, 0, S32_LOWEST);
  setWide(r, o + SMAX_LO, -1, S32_HIGHEST);
}

/** Forgets the unsigned 64-bit range. */
export function forgetU64(r: Int32Array, o: number): void {
  setWide(r, o + UMIN_LO, 0, 0);
  setWide(r, o + UMAX_LO, -1, -1);
}

/** Forgets the signed 32-bit range. */
export function forgetS32(r: Int32Array, o: number): void {
  r[o + S32_MIN] = S32_LOWEST;
  r[o + S32_MAX] = S32_HIGHEST;
}

/** Forgets the unsigned 32-bit range. */
export function forgetU32(r: Int32Array, o: number): void {
  r[o + U32_MIN] = 0;
  r[o + U32_MAX] = -1;
}

/** Writes all four 32-bit bounds. */
export function setSubregBounds(
  r: Int32Array,
  o: number,
  s32Min: number,
  s32Max: number,
  u32Min: number,
  u32Max: number,
): void {
  r[o + S32_MIN] = s32Min;
  r[o + S32_MAX] = s32Max;
  r[o + U32_MIN] = u32Min;
  r[o + U32_MAX] = u32Max;
}

/** Copies the scalar part of one record to another. */
export function copyScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  for (let i = 0; i < SCALAR_WORDS; i++) d[di + i] = s[si + i]!;
}

/** Whether two records know exactly the same (the memcmp over var_off … u32_max_value in the kernel's regs_exact). */
export function sameScalar(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  for (let i = 0; i < SCALAR_WORDS; i++) if (a[ai + i] !== b[bi + i]) return false;
  return true;
}

/** Whether the number (width 64) or its low half (width 32) is a constant: is_reg_const for a scalar. */
export function isConst(r: Int32Array, o: number, width: 32 | 64): boolean {
  return width === 32 ? tnumSubregIsConst(r, o) : tnumIsConst(r, o);
}

/** Whether the number is this constant, given as an integer within ±2^53. */
export function isConstNumber(r: Int32Array, o: number, value: number): boolean {
  return (
    tnumIsConst(r, o) &&
    r[o + VAR_VALUE_LO] === (value | 0) &&
    r[o + VAR_VALUE_HI] === (Math.floor(value / 0x1_0000_0000) | 0)
  );
}

/**
 * A signed 64-bit field at `at` as a JavaScript number; exact within ±2^53, beyond it rounded (never across 2^53), which is
 * enough to compare with any offset or size.
 */
export function signedNumber(r: Int32Array, at: number): number {
  return r[at + 1]! * 0x1_0000_0000 + (r[at]! >>> 0);
}

/** An unsigned 64-bit field at `at` as a JavaScript number; exact below 2^53, rounded above. */
export function unsignedNumber(r: Int32Array, at: number): number {
  return (r[at + 1]! >>> 0) * 0x1_0000_0000 + (r[at]! >>> 0);
}

/** Bits that the greatest unsigned value needs, 0 to 64 (get_reg_width). */
export function unsignedWidth(r: Int32Array, o: number): number {
  return bitLength(r[o + UMAX_LO]!, r[o + UMAX_HI]!);
}
