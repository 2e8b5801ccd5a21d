/**
 * Intersecting a scalar's ranges with another range. The one place where a range becomes smaller: every rule of deduction
 * and every branch comes down to one of these four. Each returns the set of bounds that it changed.
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
import { Bound } from './rules.ts';
import { setWide } from './scalar.ts';

/** Intersects the signed 32-bit range with min … max. */
export function narrowS32(r: Int32Array, o: number, min: number, max: number): number {
  let changed = 0;
  if (min > r[o + S32_MIN]!) {
    r[o + S32_MIN] = min;
    changed = Bound.S32Min;
  }
  if (max < r[o + S32_MAX]!) {
    r[o + S32_MAX] = max;
    changed |= Bound.S32Max;
  }
  return changed;
}

/** Intersects the unsigned 32-bit range with min … max. */
export function narrowU32(r: Int32Array, o: number, min: number, max: number): number {
  let changed = 0;
  if (ltU32(r[o + U32_MIN]!, min)) {
    r[o + U32_MIN] = min;
    changed = Bound.U32Min;
  }
  if (ltU32(max, r[o + U32_MAX]!)) {
    r[o + U32_MAX] = max;
    changed |= Bound.U32Max;
  }
  return changed;
}

/** Intersects the signed 64-bit range with min … max. */
export function narrowS64(
  r: Int32Array,
  o: number,
  minLo: number,
  minHi: number,
  maxLo: number,
  maxHi: number,
): number {
  let changed = 0;
  if (ltS64(r[o + SMIN_LO]!, r[o + SMIN_HI]!, minLo, minHi)) {
    setWide(r, o + SMIN_LO, minLo, minHi);
    changed = Bound.Smin;
  }
  if (ltS64(maxLo, maxHi, r[o + SMAX_LO]!, r[o + SMAX_HI]!)) {
    setWide(r, o + SMAX_LO, maxLo, maxHi);
    changed |= Bound.Smax;
  }
  return changed;
}

/** Intersects the unsigned 64-bit range with min … max. */
export function narrowU64(
  r: Int32Array,
  o: number,
  minLo: number,
  minHi: number,
  maxLo: number,
  maxHi: number,
): number {
  let changed = 0;
  if (ltU64(r[o + UMIN_LO]!, r[o + UMIN_HI]!, minLo, minHi)) {
    setWide(r, o + UMIN_LO, minLo, minHi);
    changed = Bound.Umin;
  }
  if (ltU64(maxLo, maxHi, r[o + UMAX_LO]!, r[o + UMAX_HI]!)) {
    setWide(r, o + UMAX_LO, maxLo, maxHi);
    changed |= Bound.Umax;
  }
  return changed;
}
