/**
 * Shifts by a known amount (alu.ts answers "unknown" for all others), in place on all descriptions of d; syncBounds is the
 * caller's last step. Source: scalar_min_max_lsh, _rsh, _arsh and their 32-bit forms, kernel/bpf/verifier.c.
 *
 * A shift moves bits across the middle of the register, so a 64-bit one can rarely say anything of the 32-bit ranges, and a
 * 32-bit one says nothing of the 64-bit ranges: those are forgotten and found again from the bits.
 */
import { ltU64, sarHi, sarLo, shlHi, shlLo, shrHi, shrLo } from './int64.ts';
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
import { boundsFromBits, subregBoundsFromBits } from './sync.ts';
import { tnumArsh, tnumArsh32, tnumKeepSubreg, tnumLsh, tnumRsh } from './tnum.ts';

/** d <<= n for 64 bits, 0 <= n < 64. */
export function lsh64(d: Int32Array, di: number, n: number): void {
  // `x << 32 >> 32` is how compilers widen an int. The sign of the lower half becomes the sign of the number.
  if (n === 32) {
    setWide(d, di + SMIN_LO, 0, d[di + S32_MIN]!);
    setWide(d, di + SMAX_LO, 0, d[di + S32_MAX]!);
  } else forgetS64(d, di);
  // The range is kept only up to 2^(63-n), though every number below 2^(64-n) would lose no bit.
  const top = 63 - n;
  if (ltU64(shlLo(1, top), shlHi(1, 0, top), d[di + UMAX_LO]!, d[di + UMAX_HI]!)) forgetU64(d, di);
  else {
    shiftLeft(d, di + UMIN_LO, n);
    shiftLeft(d, di + UMAX_LO, n);
  }
  lshRange32(d, di, n);
  tnumLsh(d, di, n);
  announce('lsh', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** d <<= n for 32 bits, 0 <= n < 32. */
export function lsh32(d: Int32Array, di: number, n: number): void {
  lshRange32(d, di, n);
  tnumLsh(d, di, n);
  tnumKeepSubreg(d, di);
  markUnbounded64(d, di);
  announce('lsh', Bound.All, d, di);
  subregBoundsFromBits(d, di);
}

function shiftLeft(d: Int32Array, at: number, n: number): void {
  const lo = d[at]!;
  setWide(d, at, shlLo(lo, n), shlHi(lo, d[at + 1]!, n));
}

/** The 32-bit ranges of a left shift: upper bits that go to the other half are lost for them, whatever the width. */
function lshRange32(d: Int32Array, di: number, n: number): void {
  forgetS32(d, di);
  if (n > 31 || d[di + U32_MAX]! >>> 0 > 2 ** (31 - n)) {
    forgetU32(d, di);
    return;
  }
  d[di + U32_MIN]! <<= n;
  d[di + U32_MAX]! <<= n;
}

/** d >>= n for 64 bits with zeroes coming in. Unless n is 0 the result is not negative: the unsigned range says it all. */
export function rsh64(d: Int32Array, di: number, n: number): void {
  forgetS64(d, di);
  tnumRsh(d, di, n);
  const minHi = d[di + UMIN_HI]!;
  const maxHi = d[di + UMAX_HI]!;
  setWide(d, di + UMIN_LO, shrLo(d[di + UMIN_LO]!, minHi, n), shrHi(minHi, n));
  setWide(d, di + UMAX_LO, shrLo(d[di + UMAX_LO]!, maxHi, n), shrHi(maxHi, n));
  markUnbounded32(d, di);
  announce('rsh', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** d >>= n for 32 bits with zeroes coming in. */
export function rsh32(d: Int32Array, di: number, n: number): void {
  forgetS32(d, di);
  tnumKeepSubreg(d, di);
  tnumRsh(d, di, n);
  d[di + U32_MIN]! >>>= n;
  d[di + U32_MAX]! >>>= n;
  markUnbounded64(d, di);
  announce('rsh', Bound.All, d, di);
  subregBoundsFromBits(d, di);
}

/** d s>>= n for 64 bits: the order of signed numbers stays, the unsigned range is found again from the bits. */
export function arsh64(d: Int32Array, di: number, n: number): void {
  const minHi = d[di + SMIN_HI]!;
  const maxHi = d[di + SMAX_HI]!;
  setWide(d, di + SMIN_LO, sarLo(d[di + SMIN_LO]!, minHi, n), sarHi(minHi, n));
  setWide(d, di + SMAX_LO, sarLo(d[di + SMAX_LO]!, maxHi, n), sarHi(maxHi, n));
  tnumArsh(d, di, n);
  forgetU64(d, di);
  markUnbounded32(d, di);
  announce('arsh', Bound.All, d, di);
  boundsFromBits(d, di);
}

/** d s>>= n for 32 bits. */
export function arsh32(d: Int32Array, di: number, n: number): void {
  d[di + S32_MIN]! >>= n;
  d[di + S32_MAX]! >>= n;
  tnumArsh32(d, di, n);
  forgetU32(d, di);
  markUnbounded64(d, di);
  announce('arsh', Bound.All, d, di);
  subregBoundsFromBits(d, di);
}
