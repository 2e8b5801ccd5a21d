/**
 * Sums, differences and products of scalars. Each function computes d = d op s on the ranges of one width, or, for the
 * whole number, on all five descriptions; none of them synchronises (syncBounds is the caller's last step).
 * Source: scalar_min_max_add, _sub, _mul and their 32-bit forms, kernel/bpf/verifier.c.
 *
 * d and s must be different records: alu.ts copies the source first.
 */
import { addHi, ltU32, ltU64, mulHi, mulHiU32, subHi } from './int64.ts';
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
import { announce, Bound } from './rules.ts';
import {
  forgetS32,
  forgetS64,
  forgetU32,
  forgetU64,
  markUnbounded32,
  markUnbounded64,
  setWide,
} from './scalar.ts';
import { tnumAdd, tnumMul, tnumSub } from './tnum.ts';

/** d += s on ranges of both widths and on the bits. The 32-bit ranges do not depend on upper halves: sums carry upwards only. */
export function addScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  addBounds32(d, di, s, si);
  addBounds64(d, di, s, si);
  tnumAdd(d, di, s, si);
  announce('add', Bound.All, d, di);
}

/** d -= s on ranges of both widths and on the bits. */
export function subScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  subBounds32(d, di, s, si);
  subBounds64(d, di, s, si);
  tnumSub(d, di, s, si);
  announce('sub', Bound.All, d, di);
}

/** d *= s on ranges of both widths and on the bits. */
export function mulScalar(d: Int32Array, di: number, s: Int32Array, si: number): void {
  tnumMul(d, di, s, si);
  mulBounds32(d, di, s, si);
  mulBounds64(d, di, s, si);
  announce('mul', Bound.All, d, di);
}

function addBounds32(d: Int32Array, di: number, s: Int32Array, si: number): void {
  // Exact in doubles: a sum that is no 32-bit number has overflowed.
  const sMin = d[di + S32_MIN]! + s[si + S32_MIN]!;
  const sMax = d[di + S32_MAX]! + s[si + S32_MAX]!;
  if (sMin === (sMin | 0) && sMax === (sMax | 0)) {
    d[di + S32_MIN] = sMin;
    d[di + S32_MAX] = sMax;
  } else forgetS32(d, di);
  const uMin = (d[di + U32_MIN]! + s[si + U32_MIN]!) | 0;
  const uMax = (d[di + U32_MAX]! + s[si + U32_MAX]!) | 0;
  if (!ltU32(uMin, d[di + U32_MIN]!) && !ltU32(uMax, d[di + U32_MAX]!)) {
    d[di + U32_MIN] = uMin;
    d[di + U32_MAX] = uMax;
  } else forgetU32(d, di);
}

/**
 * d += s on the 64-bit ranges: least plus least, greatest plus greatest. If either sum overflows, some numbers wrap around
 * and others may not, so that the range is lost. Also used for a pointer plus a scalar, whose 32-bit ranges are not kept.
 */
export function addBounds64(d: Int32Array, di: number, s: Int32Array, si: number): void {
  addSigned(d, di, s, si);
  addUnsigned(d, di, s, si);
}

function addSigned(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const minHi = d[di + SMIN_HI]!;
  const maxHi = d[di + SMAX_HI]!;
  const sMinHi = s[si + SMIN_HI]!;
  const sMaxHi = s[si + SMAX_HI]!;
  const minLo = (d[di + SMIN_LO]! + s[si + SMIN_LO]!) | 0;
  const maxLo = (d[di + SMAX_LO]! + s[si + SMAX_LO]!) | 0;
  const newMinHi = addHi(d[di + SMIN_LO]!, minHi, sMinHi, minLo);
  const newMaxHi = addHi(d[di + SMAX_LO]!, maxHi, sMaxHi, maxLo);
  // A sum overflows when its sign differs from that of both operands.
  const overflow = ((minHi ^ newMinHi) & (sMinHi ^ newMinHi)) | ((maxHi ^ newMaxHi) & (sMaxHi ^ newMaxHi));
  if (overflow < 0) {
    forgetS64(d, di);
    return;
  }
  setWide(d, di + SMIN_LO, minLo, newMinHi);
  setWide(d, di + SMAX_LO, maxLo, newMaxHi);
}

function addUnsigned(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const minLo = d[di + UMIN_LO]!;
  const minHi = d[di + UMIN_HI]!;
  const maxLo = d[di + UMAX_LO]!;
  const maxHi = d[di + UMAX_HI]!;
  const newMinLo = (minLo + s[si + UMIN_LO]!) | 0;
  const newMinHi = addHi(minLo, minHi, s[si + UMIN_HI]!, newMinLo);
  const newMaxLo = (maxLo + s[si + UMAX_LO]!) | 0;
  const newMaxHi = addHi(maxLo, maxHi, s[si + UMAX_HI]!, newMaxLo);
  if (ltU64(newMinLo, newMinHi, minLo, minHi) || ltU64(newMaxLo, newMaxHi, maxLo, maxHi)) {
    forgetU64(d, di);
    return;
  }
  setWide(d, di + UMIN_LO, newMinLo, newMinHi);
  setWide(d, di + UMAX_LO, newMaxLo, newMaxHi);
}

function subBounds32(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const sMin = d[di + S32_MIN]! - s[si + S32_MAX]!;
  const sMax = d[di + S32_MAX]! - s[si + S32_MIN]!;
  if (sMin === (sMin | 0) && sMax === (sMax | 0)) {
    d[di + S32_MIN] = sMin;
    d[di + S32_MAX] = sMax;
  } else forgetS32(d, di);
  const least = d[di + U32_MIN]!;
  const most = s[si + U32_MAX]!;
  if (ltU32(least, most)) {
    forgetU32(d, di);
    return;
  }
  d[di + U32_MIN] = (least - most) | 0;
  d[di + U32_MAX] = (d[di + U32_MAX]! - s[si + U32_MIN]!) | 0;
}

/**
 * d -= s on the 64-bit ranges: least minus greatest, greatest minus least. Unsigned, the range is kept only if no difference
 * can go below zero. Also used for a pointer minus a scalar.
 */
export function subBounds64(d: Int32Array, di: number, s: Int32Array, si: number): void {
  subSigned(d, di, s, si);
  subUnsigned(d, di, s, si);
}

function subSigned(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const minHi = d[di + SMIN_HI]!;
  const maxHi = d[di + SMAX_HI]!;
  const sMinHi = s[si + SMIN_HI]!;
  const sMaxHi = s[si + SMAX_HI]!;
  const newMinHi = subHi(d[di + SMIN_LO]!, minHi, s[si + SMAX_LO]!, sMaxHi);
  const newMaxHi = subHi(d[di + SMAX_LO]!, maxHi, s[si + SMIN_LO]!, sMinHi);
  // A difference overflows when the operands' signs differ and its own is not that of the first.
  const overflow = ((minHi ^ sMaxHi) & (minHi ^ newMinHi)) | ((maxHi ^ sMinHi) & (maxHi ^ newMaxHi));
  if (overflow < 0) {
    forgetS64(d, di);
    return;
  }
  setWide(d, di + SMIN_LO, d[di + SMIN_LO]! - s[si + SMAX_LO]!, newMinHi);
  setWide(d, di + SMAX_LO, d[di + SMAX_LO]! - s[si + SMIN_LO]!, newMaxHi);
}

function subUnsigned(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const minLo = d[di + UMIN_LO]!;
  const minHi = d[di + UMIN_HI]!;
  const sMaxLo = s[si + UMAX_LO]!;
  const sMaxHi = s[si + UMAX_HI]!;
  if (ltU64(minLo, minHi, sMaxLo, sMaxHi)) {
    forgetU64(d, di);
    return;
  }
  const maxLo = d[di + UMAX_LO]!;
  const sMinLo = s[si + UMIN_LO]!;
  const newMaxHi = subHi(maxLo, d[di + UMAX_HI]!, sMinLo, s[si + UMIN_HI]!);
  setWide(d, di + UMIN_LO, minLo - sMaxLo, subHi(minLo, minHi, sMaxLo, sMaxHi));
  setWide(d, di + UMAX_LO, maxLo - sMinLo, newMaxHi);
}

/**
 * d *= s on the 32-bit ranges, kept only if neither number is negative and both fit in 16 bits, so that the product fits
 * in 32. The result is a signed range too if its greatest number is not above 2^31-1.
 */
function mulBounds32(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const negative = s[si + S32_MIN]! < 0 || d[di + S32_MIN]! < 0;
  if (negative || s[si + U32_MAX]! >>> 16 !== 0 || d[di + U32_MAX]! >>> 16 !== 0) {
    markUnbounded32(d, di);
    return;
  }
  const min = Math.imul(d[di + U32_MIN]!, s[si + U32_MIN]!);
  const max = Math.imul(d[di + U32_MAX]!, s[si + U32_MAX]!);
  d[di + U32_MIN] = min;
  d[di + U32_MAX] = max;
  if (max < 0) {
    forgetS32(d, di);
    return;
  }
  d[di + S32_MIN] = min;
  d[di + S32_MAX] = max;
}

/** The same for the 64-bit ranges: neither number negative, both below 2^32. */
function mulBounds64(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const negative = s[si + SMIN_HI]! < 0 || d[di + SMIN_HI]! < 0;
  if (negative || (s[si + UMAX_HI]! | d[di + UMAX_HI]!) !== 0) {
    markUnbounded64(d, di);
    return;
  }
  const minLo = Math.imul(d[di + UMIN_LO]!, s[si + UMIN_LO]!);
  const minHi = mulHi(d[di + UMIN_LO]!, d[di + UMIN_HI]!, s[si + UMIN_LO]!, s[si + UMIN_HI]!);
  const maxLo = Math.imul(d[di + UMAX_LO]!, s[si + UMAX_LO]!);
  const maxHi = mulHiU32(d[di + UMAX_LO]!, s[si + UMAX_LO]!);
  setWide(d, di + UMIN_LO, minLo, minHi);
  setWide(d, di + UMAX_LO, maxLo, maxHi);
  if (maxHi < 0) {
    forgetS64(d, di);
    return;
  }
  setWide(d, di + SMIN_LO, minLo, minHi);
  setWide(d, di + SMAX_LO, maxLo, maxHi);
}
