/**
 * Changing the size of a number: zero extension of 32-bit results, truncation to the size of a memory access, and sign
 * extension (movsx, sign-extending loads). Source: zext_32_to_64, __reg_assign_32_into_64, coerce_reg_to_size,
 * coerce_reg_to_size_sx, coerce_subreg_to_size_sx, kernel/bpf/verifier.c.
 */
import {
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VAR_VALUE_LO,
} from './layout.ts';
import { announce, Bound } from './rules.ts';
import { forgetU64, markKnown, markUnbounded32, setSubregBounds, setWide } from './scalar.ts';
import { syncBounds } from './sync.ts';
import { setTnum, tnumIsConst, tnumKeepSubreg, tnumSetRange, tnumSetUnknown, tnumTruncate } from './tnum.ts';

/**
 * The upper half becomes 0, as after every 32-bit operation, and the 64-bit ranges become the 32-bit ones. A signed 32-bit
 * range that reaches below zero is none of the whole number: then only 0 … 2^32-1 is left. Does not synchronise.
 */
export function zeroExtend32(r: Int32Array, o: number): void {
  tnumKeepSubreg(r, o);
  setWide(r, o + UMIN_LO, r[o + U32_MIN]!, 0);
  setWide(r, o + UMAX_LO, r[o + U32_MAX]!, 0);
  const min = r[o + S32_MIN]!;
  const max = r[o + S32_MAX]!;
  if (min >= 0 && max >= 0) {
    setWide(r, o + SMIN_LO, min, 0);
    setWide(r, o + SMAX_LO, max, 0);
  } else {
    setWide(r, o + SMIN_LO, 0, 0);
    setWide(r, o + SMAX_LO, -1, 0);
  }
  announce('zero-extend', Bound.Var | Bound.All64, r, o);
}

/**
 * Keeps the low `size` bytes and clears the others, as a load of that size does. A range survives if all its numbers agree
 * in the bytes that are cut off. Synchronises.
 */
export function truncateToSize(r: Int32Array, o: number, size: 1 | 2 | 4): void {
  tnumTruncate(r, o, size);
  const keep = size === 4 ? -1 : (1 << (8 * size)) - 1;
  const minLo = r[o + UMIN_LO]!;
  const maxLo = r[o + UMAX_LO]!;
  const sameCut = r[o + UMIN_HI] === r[o + UMAX_HI] && (minLo & ~keep) === (maxLo & ~keep);
  const min = sameCut ? minLo & keep : 0;
  const max = sameCut ? maxLo & keep : keep;
  setWide(r, o + UMIN_LO, min, 0);
  setWide(r, o + UMAX_LO, max, 0);
  setWide(r, o + SMIN_LO, min, 0);
  setWide(r, o + SMAX_LO, max, 0);
  if (size < 4) markUnbounded32(r, o);
  announce('truncate', Bound.All, r, o);
  syncBounds(r, o);
}

/** The low `size` bytes of `word`, sign-extended to 32 bits. */
function signExtend(word: number, size: 1 | 2 | 4): number {
  const cut = 32 - 8 * size;
  return (word << cut) >> cut;
}

/**
 * The whole number becomes its low `size` bytes, sign-extended. A range survives if all its numbers agree in the bytes that
 * are cut off and both ends come out with the same sign; otherwise all that is known is the range of the size. What was
 * known of single bits is not carried over. Does not synchronise.
 */
export function signExtendToSize(r: Int32Array, o: number, size: 1 | 2 | 4): void {
  if (tnumIsConst(r, o)) {
    const value = signExtend(r[o + VAR_VALUE_LO]!, size);
    markKnown(r, o, value, value >> 31);
  } else if (!extendRange64(r, o, size)) {
    const low = lowest(size);
    setWide(r, o + SMIN_LO, low, -1);
    setWide(r, o + SMAX_LO, -1 - low, 0);
    forgetU64(r, o);
    setSubregBounds(r, o, low, -1 - low, 0, -1);
    tnumSetUnknown(r, o);
  }
  announce('sign-extend', Bound.All, r, o);
}

/** The case that the signed 64-bit range can be carried over; false if it cannot. */
function extendRange64(r: Int32Array, o: number, size: 1 | 2 | 4): boolean {
  const minLo = r[o + SMIN_LO]!;
  const maxLo = r[o + SMAX_LO]!;
  const cut = size === 4 ? 0 : -1 << (8 * size);
  if (r[o + SMIN_HI] !== r[o + SMAX_HI] || (minLo & cut) !== (maxLo & cut)) return false;
  const a = signExtend(minLo, size);
  const b = signExtend(maxLo, size);
  if (a >= 0 !== b >= 0) return false;
  const min = Math.min(a, b);
  const max = Math.max(a, b);
  setWide(r, o + SMIN_LO, min, min >> 31);
  setWide(r, o + SMAX_LO, max, max >> 31);
  setWide(r, o + UMIN_LO, min, min >> 31);
  setWide(r, o + UMAX_LO, max, max >> 31);
  setSubregBounds(r, o, min, max, min, max);
  tnumSetRange(r, o, min, min >> 31, max, max >> 31);
  return true;
}

/**
 * The same within the low 32 bits, for the 32-bit movsx; the caller zero-extends and synchronises afterwards. Only the 32-bit
 * ranges and the bits are set. Does not synchronise.
 */
export function signExtendSubregToSize(r: Int32Array, o: number, size: 1 | 2): void {
  if (tnumIsConst(r, o)) {
    const value = signExtend(r[o + VAR_VALUE_LO]!, size);
    setTnum(r, o, value, value >> 31, 0, 0);
    setSubregBounds(r, o, value, value, value, value);
  } else if (!extendRange32(r, o, size)) {
    const low = lowest(size);
    setSubregBounds(r, o, low, -1 - low, 0, -1);
    setTnum(r, o, 0, 0, -1, 0);
  }
  announce('sign-extend', Bound.Var | Bound.All32, r, o);
}

function extendRange32(r: Int32Array, o: number, size: 1 | 2): boolean {
  const cut = -1 << (8 * size);
  if ((r[o + S32_MIN]! & cut) !== (r[o + S32_MAX]! & cut)) return false;
  const a = signExtend(r[o + S32_MIN]!, size);
  const b = signExtend(r[o + S32_MAX]!, size);
  if (a >= 0 !== b >= 0) return false;
  const min = Math.min(a, b);
  const max = Math.max(a, b);
  setSubregBounds(r, o, min, max, min, max);
  tnumSetRange(r, o, min, 0, max, 0);
  return true;
}

/** The least signed number of `size` bytes. */
function lowest(size: 1 | 2 | 4): number {
  return -(2 ** (8 * size - 1));
}
