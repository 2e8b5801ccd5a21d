/**
 * What the signed and the unsigned 64-bit range say of each other. Source: __reg64_deduce_bounds, kernel/bpf/verifier.c.
 *
 * Both count the same bit patterns, but from different starts: 0 … 2^63-1 means the same to both, while the upper half of
 * the patterns is the greatest numbers for the one and the negative ones for the other.
 */
import { ltS64, ltU64 } from './int64.ts';
import { SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, UMAX_HI, UMAX_LO, UMIN_HI, UMIN_LO } from './layout.ts';
import { narrowS64, narrowU64 } from './narrow.ts';
import { announce, Bound } from './rules.ts';
import { setWide } from './scalar.ts';

/** Runs all rules of this file; returns the changed bounds. */
export function deduce64(r: Int32Array, o: number): number {
  return signedFromUnsigned(r, o) | unsignedFromSigned(r, o);
}

/** An unsigned range on one side of the sign boundary is a signed range with the same ends. */
function signedFromUnsigned(r: Int32Array, o: number): number {
  const minLo = r[o + UMIN_LO]!;
  const minHi = r[o + UMIN_HI]!;
  const maxLo = r[o + UMAX_LO]!;
  const maxHi = r[o + UMAX_HI]!;
  if (ltS64(maxLo, maxHi, minLo, minHi)) return 0;
  return announce('u64-to-s64', narrowS64(r, o, minLo, minHi, maxLo, maxHi), r, o);
}

/** A signed range on one side of zero is an unsigned range with the same ends: -3 … -1 is 0xf…fd … 0xf…ff. */
function unsignedFromSigned(r: Int32Array, o: number): number {
  const minLo = r[o + SMIN_LO]!;
  const minHi = r[o + SMIN_HI]!;
  const maxLo = r[o + SMAX_LO]!;
  const maxHi = r[o + SMAX_HI]!;
  if (ltU64(maxLo, maxHi, minLo, minHi)) return oneSide(r, o, minLo, minHi, maxLo, maxHi);
  return announce('s64-to-u64', narrowU64(r, o, minLo, minHi, maxLo, maxHi), r, o);
}

/**
 * The signed range crosses zero: as unsigned numbers it is two parts, 0 … smax and smin … 2^64-1. An unsigned range that
 * ends before the second part begins can only meet the first, and one that begins behind the first only the second. Both
 * ranges then become their common part. One that meets both parts teaches nothing: a record cannot hold two ranges.
 */
function oneSide(
  r: Int32Array,
  o: number,
  sMinLo: number,
  sMinHi: number,
  sMaxLo: number,
  sMaxHi: number,
): number {
  const uMinLo = r[o + UMIN_LO]!;
  const uMinHi = r[o + UMIN_HI]!;
  const uMaxLo = r[o + UMAX_LO]!;
  const uMaxHi = r[o + UMAX_HI]!;
  let changed = 0;
  if (ltU64(uMaxLo, uMaxHi, sMinLo, sMinHi)) {
    changed = Bound.Smin;
    setWide(r, o + SMIN_LO, uMinLo, uMinHi);
    if (ltU64(sMaxLo, sMaxHi, uMaxLo, uMaxHi)) {
      setWide(r, o + UMAX_LO, sMaxLo, sMaxHi);
      changed |= Bound.Umax;
    }
  } else if (ltU64(sMaxLo, sMaxHi, uMinLo, uMinHi)) {
    changed = Bound.Smax;
    setWide(r, o + SMAX_LO, uMaxLo, uMaxHi);
    if (ltU64(uMinLo, uMinHi, sMinLo, sMinHi)) {
      setWide(r, o + UMIN_LO, sMinLo, sMinHi);
      changed |= Bound.Umin;
    }
  }
  return announce('s64-one-side', changed, r, o);
}
