/**
 * Whether one scalar's numbers are all among another's: the heart of pruning. A state that was found safe before covers the
 * current one if it does so register by register. Source: range_within, retval_range_within, kernel/bpf/verifier.c.
 */
import { ltS64, ltU32, ltU64 } from './int64.ts';
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
} from './layout.ts';
import { signedNumber } from './scalar.ts';
import { tnumIn } from './tnum.ts';

/** Whether all four ranges of `b` lie within those of `a` (range_within with old = a, cur = b). */
export function rangeWithin(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  return (
    !ltU64(b[bi + UMIN_LO]!, b[bi + UMIN_HI]!, a[ai + UMIN_LO]!, a[ai + UMIN_HI]!) &&
    !ltU64(a[ai + UMAX_LO]!, a[ai + UMAX_HI]!, b[bi + UMAX_LO]!, b[bi + UMAX_HI]!) &&
    !ltS64(b[bi + SMIN_LO]!, b[bi + SMIN_HI]!, a[ai + SMIN_LO]!, a[ai + SMIN_HI]!) &&
    !ltS64(a[ai + SMAX_LO]!, a[ai + SMAX_HI]!, b[bi + SMAX_LO]!, b[bi + SMAX_HI]!) &&
    !ltU32(b[bi + U32_MIN]!, a[ai + U32_MIN]!) &&
    !ltU32(a[ai + U32_MAX]!, b[bi + U32_MAX]!) &&
    a[ai + S32_MIN]! <= b[bi + S32_MIN]! &&
    a[ai + S32_MAX]! >= b[bi + S32_MAX]!
  );
}

/** Whether everything known of `a` also holds of `b`: ranges and bits. */
export function scalarWithin(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  return rangeWithin(a, ai, b, bi) && tnumIn(a, ai, b, bi);
}

/** Whether the signed number, or its low half, lies in min … max, integers within ±2^53 (retval_range_within). */
export function signedWithin(r: Int32Array, o: number, width: 32 | 64, min: number, max: number): boolean {
  if (width === 32) return min <= r[o + S32_MIN]! && r[o + S32_MAX]! <= max;
  return min <= signedNumber(r, o + SMIN_LO) && signedNumber(r, o + SMAX_LO) <= max;
}
