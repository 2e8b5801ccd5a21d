/**
 * and, or, xor. The known bits give the exact answer bit by bit; ranges only help where bits do not: x & y is not above
 * either of them, x | y not below either. d op= s in place, for both widths at once; syncBounds is the caller's last step.
 * Source: scalar_min_max_and, _or, _xor and their 32-bit forms, kernel/bpf/verifier.c.
 *
 * d and s must be different records: alu.ts copies the source first.
 */
import { ltS64, ltU64, maxU32, minU32 } from './int64.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_LO,
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
import { announce, Bound } from './rules.ts';
import { forgetS32, forgetS64, markKnown, markKnownSubreg, setWide } from './scalar.ts';
import { boundsFromBits } from './sync.ts';
import { tnumAnd, tnumIsConst, tnumOr, tnumSubregIsConst, tnumXor } from './tnum.ts';

/** d &= s. */
export function andScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  tnumAnd(d, di, s, si);
  if (!constantSubreg(d, di, s, si)) {
    d[di + U32_MIN] = d[di + VAR_VALUE_LO]!;
    d[di + U32_MAX] = minU32(d[di + U32_MAX]!, s[si + U32_MAX]!);
    signed32FromUnsigned(d, di);
  }
  if (constant(d, di, s, si)) return;
  setWide(d, di + UMIN_LO, d[di + VAR_VALUE_LO]!, d[di + VAR_VALUE_HI]!);
  if (ltU64(s[si + UMAX_LO]!, s[si + UMAX_HI]!, d[di + UMAX_LO]!, d[di + UMAX_HI]!)) {
    setWide(d, di + UMAX_LO, s[si + UMAX_LO]!, s[si + UMAX_HI]!);
  }
  signed64FromUnsigned(d, di);
  announce('and', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** d |= s. */
export function orScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  tnumOr(d, di, s, si);
  if (!constantSubreg(d, di, s, si)) {
    d[di + U32_MIN] = maxU32(d[di + U32_MIN]!, s[si + U32_MIN]!);
    d[di + U32_MAX] = d[di + VAR_VALUE_LO]! | d[di + VAR_MASK_LO]!;
    signed32FromUnsigned(d, di);
  }
  if (constant(d, di, s, si)) return;
  if (ltU64(d[di + UMIN_LO]!, d[di + UMIN_HI]!, s[si + UMIN_LO]!, s[si + UMIN_HI]!)) {
    setWide(d, di + UMIN_LO, s[si + UMIN_LO]!, s[si + UMIN_HI]!);
  }
  setUmaxFromBits(d, di);
  signed64FromUnsigned(d, di);
  announce('or', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** d ^= s. */
export function xorScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  tnumXor(d, di, s, si);
  if (!constantSubreg(d, di, s, si)) {
    d[di + U32_MIN] = d[di + VAR_VALUE_LO]!;
    d[di + U32_MAX] = d[di + VAR_VALUE_LO]! | d[di + VAR_MASK_LO]!;
    signed32FromUnsigned(d, di);
  }
  if (constant(d, di, s, si)) return;
  setWide(d, di + UMIN_LO, d[di + VAR_VALUE_LO]!, d[di + VAR_VALUE_HI]!);
  setUmaxFromBits(d, di);
  signed64FromUnsigned(d, di);
  announce('xor', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** The case that the source and the result are known in their low halves: then so is the low half's every bound. */
function constantSubreg(d: Int32Array, di: number, s: Int32Array, si: number): boolean {
  if (!tnumSubregIsConst(s, si) || !tnumSubregIsConst(d, di)) return false;
  markKnownSubreg(d, di, d[di + VAR_VALUE_LO]!);
  return true;
}

/** The same for the whole number. */
function constant(d: Int32Array, di: number, s: Int32Array, si: number): boolean {
  if (!tnumIsConst(s, si) || !tnumIsConst(d, di)) return false;
  markKnown(d, di, d[di + VAR_VALUE_LO]!, d[di + VAR_VALUE_HI]!);
  announce('constant', Bound.All, d, di);
  return true;
}

function setUmaxFromBits(d: Int32Array, di: number): void {
  const lo = d[di + VAR_VALUE_LO]! | d[di + VAR_MASK_LO]!;
  const hi = d[di + VAR_VALUE_HI]! | d[di + VAR_MASK_HI]!;
  setWide(d, di + UMAX_LO, lo, hi);
}

/** The new unsigned range is the signed one too if it does not cross the sign boundary; otherwise nothing is known. */
function signed32FromUnsigned(d: Int32Array, di: number): void {
  const min = d[di + U32_MIN]!;
  const max = d[di + U32_MAX]!;
  if (max < min) {
    forgetS32(d, di);
    return;
  }
  d[di + S32_MIN] = min;
  d[di + S32_MAX] = max;
}

/** The same for 64 bits. */
function signed64FromUnsigned(d: Int32Array, di: number): void {
  const minLo = d[di + UMIN_LO]!;
  const minHi = d[di + UMIN_HI]!;
  const maxLo = d[di + UMAX_LO]!;
  const maxHi = d[di + UMAX_HI]!;
  if (ltS64(maxLo, maxHi, minLo, minHi)) {
    forgetS64(d, di);
    return;
  }
  setWide(d, di + SMIN_LO, minLo, minHi);
  setWide(d, di + SMAX_LO, maxLo, maxHi);
}
