/**
 * What the 32-bit ranges say of the 64-bit ones. Source: __reg_deduce_mixed_bounds, kernel/bpf/verifier.c.
 */
import { ltU32 } from './int64.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_LO,
  UMIN_LO,
} from './layout.ts';
import { announce, Bound } from './rules.ts';
import { setWide } from './scalar.ts';
import { tnumIntersectRange } from './tnum.ts';

/** Runs all rules of this file; returns the changed bounds. */
export function deduceAcrossWidths(r: Int32Array, o: number): number {
  const u32Min = r[o + U32_MIN]!;
  const u32Max = r[o + U32_MAX]!;
  const s32Min = r[o + S32_MIN]!;
  const s32Max = r[o + S32_MAX]!;
  let changed = announce('u32-to-64', narrowLowHalves(r, o, u32Min, u32Max), r, o);
  // A signed range that does not cross zero is an unsigned range too.
  if (!ltU32(s32Max, s32Min)) {
    changed |= announce('s32-to-64', narrowLowHalves(r, o, s32Min, s32Max), r, o);
  }
  return changed | signExtendedPositive(r, o, s32Min, s32Max);
}

/**
 * The least number cannot have a lower half below the least lower half: raise it, the upper half stays. The greatest in
 * the same way. It holds for signed ranges as well, since lower halves always count as unsigned.
 */
function narrowLowHalves(r: Int32Array, o: number, min: number, max: number): number {
  let changed = 0;
  if (ltU32(r[o + UMIN_LO]!, min)) {
    r[o + UMIN_LO] = min;
    changed = Bound.Umin;
  }
  if (ltU32(max, r[o + UMAX_LO]!)) {
    r[o + UMAX_LO] = max;
    changed |= Bound.Umax;
  }
  if (ltU32(r[o + SMIN_LO]!, min)) {
    r[o + SMIN_LO] = min;
    changed |= Bound.Smin;
  }
  if (ltU32(max, r[o + SMAX_LO]!)) {
    r[o + SMAX_LO] = max;
    changed |= Bound.Smax;
  }
  return changed;
}

/**
 * After a sign-extending load the number is a signed 32-bit number: -2^31 … 2^31-1. If its lower half turns out not to be
 * negative, the upper half must be 0, for with an upper half of ones the number would lie below -2^31. So all 64-bit
 * ranges are the 32-bit one.
 */
function signExtendedPositive(r: Int32Array, o: number, s32Min: number, s32Max: number): number {
  if (s32Min < 0) return 0;
  const sMinHi = r[o + SMIN_HI]!;
  const sMaxHi = r[o + SMAX_HI]!;
  const aboveS32Min = sMinHi >= 0 || (sMinHi === -1 && r[o + SMIN_LO]! < 0);
  const belowS32Max = sMaxHi < 0 || (sMaxHi === 0 && r[o + SMAX_LO]! >= 0);
  if (!aboveS32Min || !belowS32Max) return 0;
  const s32MaxHi = s32Max >> 31;
  let changed = 0;
  if (assign(r, o + SMIN_LO, s32Min, 0)) changed = Bound.Smin;
  if (assign(r, o + SMAX_LO, s32Max, s32MaxHi)) changed |= Bound.Smax;
  if (assign(r, o + UMIN_LO, s32Min, 0)) changed |= Bound.Umin;
  if (assign(r, o + UMAX_LO, s32Max, s32MaxHi)) changed |= Bound.Umax;
  announce('sign-extended-positive', changed, r, o);
  const bits = tnumIntersectRange(r, o, s32Min, 0, s32Max, s32MaxHi) ? Bound.Var : 0;
  return changed | announce('bounds-to-bits', bits, r, o);
}

/** Sets a 64-bit field; returns whether it was different. */
function assign(r: Int32Array, at: number, lo: number, hi: number): boolean {
  if (r[at] === lo && r[at + 1] === hi) return false;
  setWide(r, at, lo, hi);
  return true;
}
