/**
 * reg_bounds_sync: carries knowledge between the five descriptions of a number until (nearly) nothing new comes of it. Run
 * after every operation that changed some of them. Order and number of passes are the kernel's, so that what is found, and
 * what is missed, is the same: bits to bounds; bounds among themselves, three passes; bounds to bits; bits to bounds.
 */
import { deduceAcrossWidths } from './deduce-mixed.ts';
import { deduce32 } from './deduce32.ts';
import { deduce64 } from './deduce64.ts';
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
  VAR_MASK_HI,
  VAR_MASK_LO,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from './layout.ts';
import { narrowS32, narrowS64, narrowU32, narrowU64 } from './narrow.ts';
import { announce, Bound } from './rules.ts';
import { S32_HIGHEST, S32_LOWEST } from './scalar.ts';
import { tnumIntersectRange, tnumIntersectSubregRange } from './tnum.ts';

/**
 * Makes all five descriptions of the number agree, as far as the kernel does (reg_bounds_sync). The kernel always runs three
 * passes and looks at the bits again at the end; a step after one that changed nothing would change nothing either, so it is
 * left out here.
 */
export function syncBounds(r: Int32Array, o: number): void {
  boundsFromBits(r, o);
  let deduced = 0;
  if (!allRangesEqual(r, o)) {
    deduced = deduce(r, o);
    if (deduced !== 0 && deduce(r, o) !== 0) deduce(r, o);
  }
  if ((bitsFromBounds(r, o) | deduced) !== 0) boundsFromBits(r, o);
}

/**
 * Whether all four ranges are the same one within 0 … 2^31-1. Most numbers of most programs are like that, and no range can
 * teach another anything: this test spares three quarters of the work.
 */
function allRangesEqual(r: Int32Array, o: number): boolean {
  const min = r[o + U32_MIN]!;
  const max = r[o + U32_MAX]!;
  return (
    min >= 0 &&
    max >= min &&
    (r[o + UMIN_HI]! | r[o + UMAX_HI]! | r[o + SMIN_HI]! | r[o + SMAX_HI]!) === 0 &&
    ((r[o + UMIN_LO]! ^ min) | (r[o + SMIN_LO]! ^ min) | (r[o + S32_MIN]! ^ min)) === 0 &&
    ((r[o + UMAX_LO]! ^ max) | (r[o + SMAX_LO]! ^ max) | (r[o + S32_MAX]! ^ max)) === 0
  );
}

/** One pass over all deductions between ranges (__reg_deduce_bounds); returns the changed bounds. */
function deduce(r: Int32Array, o: number): number {
  const narrow = deduce32(r, o);
  const wide = deduce64(r, o);
  return narrow | wide | deduceAcrossWidths(r, o);
}

/** Every bound that the known bits give (__update_reg_bounds). */
export function boundsFromBits(r: Int32Array, o: number): void {
  subregBoundsFromBits(r, o);
  wideBoundsFromBits(r, o);
}

/**
 * The same for the 32-bit ranges (__update_reg32_bounds). Unsigned, the least number has 0 in all unknown bits and the
 * greatest has 1. Signed, the sign bit works the other way round.
 */
export function subregBoundsFromBits(r: Int32Array, o: number): void {
  const value = r[o + VAR_VALUE_LO]!;
  const mask = r[o + VAR_MASK_LO]!;
  const changed =
    narrowS32(r, o, value | (mask & S32_LOWEST), value | (mask & S32_HIGHEST)) |
    narrowU32(r, o, value, value | mask);
  announce('bits-to-bounds', changed, r, o);
}

/** The same for the 64-bit ranges (__update_reg64_bounds). */
function wideBoundsFromBits(r: Int32Array, o: number): void {
  const lo = r[o + VAR_VALUE_LO]!;
  const hi = r[o + VAR_VALUE_HI]!;
  const maskHi = r[o + VAR_MASK_HI]!;
  const most = lo | r[o + VAR_MASK_LO]!;
  const changed =
    narrowS64(r, o, lo, hi | (maskHi & S32_LOWEST), most, hi | (maskHi & S32_HIGHEST)) |
    narrowU64(r, o, lo, hi, most, hi | maskHi);
  announce('bits-to-bounds', changed, r, o);
}

/** Bits that the unsigned ranges give (__reg_bound_offset). */
function bitsFromBounds(r: Int32Array, o: number): number {
  const wide = tnumIntersectRange(r, o, r[o + UMIN_LO]!, r[o + UMIN_HI]!, r[o + UMAX_LO]!, r[o + UMAX_HI]!);
  const narrow = tnumIntersectSubregRange(r, o, r[o + U32_MIN]!, r[o + U32_MAX]!);
  return announce('bounds-to-bits', wide || narrow ? Bound.Var : 0, r, o);
}
