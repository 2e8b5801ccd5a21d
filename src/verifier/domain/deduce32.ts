/**
 * What the 64-bit ranges say of the low 32 bits, and the two 32-bit ranges of each other.
 * Source: __reg32_deduce_bounds, kernel/bpf/verifier.c. The rules run in the kernel's order: each sees what those before found.
 */
import { ltU32, maxU32, minU32 } from './int64.ts';
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
import { narrowS32, narrowU32 } from './narrow.ts';
import { announce, Bound } from './rules.ts';

/** Runs all rules of this file; returns the changed bounds. */
export function deduce32(r: Int32Array, o: number): number {
  return (
    fromUnsignedWide(r, o) |
    fromSignedWide(r, o) |
    acrossUpperHalves(r, o, 'u64-across-to-s32', UMIN_LO, UMAX_LO) |
    acrossUpperHalves(r, o, 's64-across-to-s32', SMIN_LO, SMAX_LO) |
    signedFromUnsigned(r, o) |
    unsignedFromSigned(r, o)
  );
}

/**
 * If the upper half is the same at both ends of the unsigned range it is the same all along, and the lower halves count up
 * from the one end to the other: an unsigned range, and a signed one if it does not cross the sign boundary on the way.
 */
function fromUnsignedWide(r: Int32Array, o: number): number {
  if (r[o + UMIN_HI] !== r[o + UMAX_HI]) return 0;
  const min = r[o + UMIN_LO]!;
  const max = r[o + UMAX_LO]!;
  let changed = narrowU32(r, o, min, max);
  if (min <= max) changed |= narrowS32(r, o, min, max);
  return announce('u64-to-32', changed, r, o);
}

/** The same from the signed range. */
function fromSignedWide(r: Int32Array, o: number): number {
  if (r[o + SMIN_HI] !== r[o + SMAX_HI]) return 0;
  const min = r[o + SMIN_LO]!;
  const max = r[o + SMAX_LO]!;
  let changed = 0;
  if (!ltU32(max, min)) changed |= narrowU32(r, o, min, max);
  if (min <= max) changed |= narrowS32(r, o, min, max);
  return announce('s64-to-32', changed, r, o);
}

/**
 * A 64-bit range may also step from one upper half to the next. Where the lower half then runs from a negative number up
 * through -1 (the last one below the step) to 0 and on to a positive number, it is a signed range: -1 … 1 is
 * 0xffffffff_ffffffff … 0x00000000_00000001.
 */
function acrossUpperHalves(
  r: Int32Array,
  o: number,
  rule: 'u64-across-to-s32' | 's64-across-to-s32',
  minAt: number,
  maxAt: number,
): number {
  if (((r[o + minAt + 1]! + 1) | 0) !== r[o + maxAt + 1]) return 0;
  const min = r[o + minAt]!;
  const max = r[o + maxAt]!;
  if (min >= 0 || max < 0) return 0;
  return announce(rule, narrowS32(r, o, min, max), r, o);
}

/** An unsigned range on one side of the sign boundary is a signed range with the same ends. */
function signedFromUnsigned(r: Int32Array, o: number): number {
  const min = r[o + U32_MIN]!;
  const max = r[o + U32_MAX]!;
  if (min > max) return 0;
  return announce('u32-to-s32', narrowS32(r, o, min, max), r, o);
}

/**
 * A signed range on one side of zero is an unsigned range with the same ends. One that crosses zero covers both ends of the
 * unsigned numbers and leaves a gap in the middle; see oneSide.
 */
function unsignedFromSigned(r: Int32Array, o: number): number {
  const min = r[o + S32_MIN]!;
  const max = r[o + S32_MAX]!;
  if (ltU32(max, min)) return oneSide(r, o, min, max);
  return announce('s32-to-u32', narrowU32(r, o, min, max), r, o);
}

/**
 * The signed range crosses zero: as unsigned numbers it is 0 … sMax and sMin … 0xffffffff. An unsigned range that ends
 * before the second part begins can only meet the first, and one that begins behind the first only the second. Both ranges
 * then become their common part.
 */
function oneSide(r: Int32Array, o: number, sMin: number, sMax: number): number {
  const uMin = r[o + U32_MIN]!;
  const uMax = r[o + U32_MAX]!;
  let changed = 0;
  if (ltU32(uMax, sMin)) {
    const max = minU32(uMax, sMax);
    r[o + S32_MIN] = uMin;
    r[o + U32_MAX] = max;
    changed = Bound.S32Min | (max === uMax ? 0 : Bound.U32Max);
  } else if (ltU32(sMax, uMin)) {
    const min = maxU32(uMin, sMin);
    r[o + S32_MAX] = uMax;
    r[o + U32_MIN] = min;
    changed = Bound.S32Max | (min === uMin ? 0 : Bound.U32Min);
  }
  return announce('s32-one-side', changed, r, o);
}
