/**
 * Tracked numbers ("tnums"): knowledge about a number bit by bit. `value` has the bits known to be 1, `mask` the bits that
 * may be either; all others are known to be 0. So value=4 mask=1 stands for {4, 5}. Source of the rules: kernel/bpf/tnum.c.
 *
 * A tnum lies in the first four words of a register record (layout.ts). Functions named tnumX(d, di, s, si) compute d = d op s
 * in place; d and s may be the same record.
 */
import { addHi, bitLength, mulHi, sarHi, sarLo, shlHi, shlLo, shrHi, shrLo, subHi } from './int64.ts';
import { VAR_MASK_HI, VAR_MASK_LO, VAR_VALUE_HI, VAR_VALUE_LO } from './layout.ts';

/** Writes all four words of a tnum. */
export function setTnum(
  r: Int32Array,
  o: number,
  valueLo: number,
  valueHi: number,
  maskLo: number,
  maskHi: number,
): void {
  r[o + VAR_VALUE_LO] = valueLo;
  r[o + VAR_VALUE_HI] = valueHi;
  r[o + VAR_MASK_LO] = maskLo;
  r[o + VAR_MASK_HI] = maskHi;
}

/** Knows nothing (tnum_unknown). */
export function tnumSetUnknown(r: Int32Array, o: number): void {
  setTnum(r, o, 0, 0, -1, -1);
}

/** Whether every bit is known (tnum_is_const). */
export function tnumIsConst(r: Int32Array, o: number): boolean {
  return (r[o + VAR_MASK_LO]! | r[o + VAR_MASK_HI]!) === 0;
}

/** Whether every one of the low 32 bits is known (tnum_subreg_is_const). */
export function tnumSubregIsConst(r: Int32Array, o: number): boolean {
  return r[o + VAR_MASK_LO] === 0;
}

/** Whether no bit is known (tnum_is_unknown). */
export function tnumIsUnknown(r: Int32Array, o: number): boolean {
  return (r[o + VAR_MASK_LO]! & r[o + VAR_MASK_HI]!) === -1;
}

/** Whether the number is the constant with these halves (tnum_equals_const). */
export function tnumEqualsConst(r: Int32Array, o: number, lo: number, hi: number): boolean {
  return tnumIsConst(r, o) && r[o + VAR_VALUE_LO] === lo && r[o + VAR_VALUE_HI] === hi;
}

/** Whether the number is surely a multiple of `size`, a power of two up to 2^31, or 0 for any (tnum_is_aligned). */
export function tnumIsAligned(r: Int32Array, o: number, size: number): boolean {
  return size === 0 || ((r[o + VAR_VALUE_LO]! | r[o + VAR_MASK_LO]!) & (size - 1)) === 0;
}

/**
 * d + s. All carries that can happen lie between those of the sum of the least numbers (unknown bits 0) and of the
 * greatest (unknown bits 1): where both sums agree, and no operand's bit is unknown, the bit is known.
 */
export function tnumAdd(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const dmLo = d[di + VAR_MASK_LO]!;
  const dmHi = d[di + VAR_MASK_HI]!;
  const smLo = s[si + VAR_MASK_LO]!;
  const smHi = s[si + VAR_MASK_HI]!;
  const dvLo = d[di + VAR_VALUE_LO]!;
  const leastLo = (dvLo + s[si + VAR_VALUE_LO]!) | 0;
  const leastHi = addHi(dvLo, d[di + VAR_VALUE_HI]!, s[si + VAR_VALUE_HI]!, leastLo);
  const spreadLo = (dmLo + smLo) | 0;
  const spreadHi = addHi(dmLo, dmHi, smHi, spreadLo);
  const greatestLo = (leastLo + spreadLo) | 0;
  const greatestHi = addHi(leastLo, leastHi, spreadHi, greatestLo);
  const maskLo = (greatestLo ^ leastLo) | dmLo | smLo;
  const maskHi = (greatestHi ^ leastHi) | dmHi | smHi;
  setTnum(d, di, leastLo & ~maskLo, leastHi & ~maskHi, maskLo, maskHi);
}

/** d - s. The same idea for borrows: compare the greatest difference with the least one. */
export function tnumSub(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const dmLo = d[di + VAR_MASK_LO]!;
  const dmHi = d[di + VAR_MASK_HI]!;
  const smLo = s[si + VAR_MASK_LO]!;
  const smHi = s[si + VAR_MASK_HI]!;
  const dvLo = d[di + VAR_VALUE_LO]!;
  const svLo = s[si + VAR_VALUE_LO]!;
  const diffLo = (dvLo - svLo) | 0;
  const diffHi = subHi(dvLo, d[di + VAR_VALUE_HI]!, svLo, s[si + VAR_VALUE_HI]!);
  const greatestLo = (diffLo + dmLo) | 0;
  const greatestHi = addHi(diffLo, diffHi, dmHi, greatestLo);
  const leastLo = (diffLo - smLo) | 0;
  const leastHi = subHi(diffLo, diffHi, smLo, smHi);
  const maskLo = (greatestLo ^ leastLo) | dmLo | smLo;
  const maskHi = (greatestHi ^ leastHi) | dmHi | smHi;
  setTnum(d, di, diffLo & ~maskLo, diffHi & ~maskHi, maskLo, maskHi);
}

/** d & s: a bit is 1 only if both are, and may be 1 only if both may be. */
export function tnumAnd(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const dvLo = d[di + VAR_VALUE_LO]!;
  const dvHi = d[di + VAR_VALUE_HI]!;
  const svLo = s[si + VAR_VALUE_LO]!;
  const svHi = s[si + VAR_VALUE_HI]!;
  const vLo = dvLo & svLo;
  const vHi = dvHi & svHi;
  const mayLo = (dvLo | d[di + VAR_MASK_LO]!) & (svLo | s[si + VAR_MASK_LO]!);
  const mayHi = (dvHi | d[di + VAR_MASK_HI]!) & (svHi | s[si + VAR_MASK_HI]!);
  setTnum(d, di, vLo, vHi, mayLo & ~vLo, mayHi & ~vHi);
}

/** d | s: a bit known to be 1 on either side is 1 whatever the other is. */
export function tnumOr(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const vLo = d[di + VAR_VALUE_LO]! | s[si + VAR_VALUE_LO]!;
  const vHi = d[di + VAR_VALUE_HI]! | s[si + VAR_VALUE_HI]!;
  const maskLo = (d[di + VAR_MASK_LO]! | s[si + VAR_MASK_LO]!) & ~vLo;
  const maskHi = (d[di + VAR_MASK_HI]! | s[si + VAR_MASK_HI]!) & ~vHi;
  setTnum(d, di, vLo, vHi, maskLo, maskHi);
}

/** d ^ s: a bit is known only where both are. */
export function tnumXor(d: Int32Array, di: number, s: Int32Array, si: number): void {
  const maskLo = d[di + VAR_MASK_LO]! | s[si + VAR_MASK_LO]!;
  const maskHi = d[di + VAR_MASK_HI]! | s[si + VAR_MASK_HI]!;
  const vLo = (d[di + VAR_VALUE_LO]! ^ s[si + VAR_VALUE_LO]!) & ~maskLo;
  const vHi = (d[di + VAR_VALUE_HI]! ^ s[si + VAR_VALUE_HI]!) & ~maskHi;
  setTnum(d, di, vLo, vHi, maskLo, maskHi);
}

/**
 * d * s, as on paper: one partial product of s for each bit of d that is or may be 1. The known parts of all partial
 * products add up to value * value; what is unknown is gathered apart, as a tnum with value 0, and added at the end. That
 * keeps more bits than adding whole tnums (Vishwanathan et al., arXiv 2105.05398).
 */
export function tnumMul(d: Int32Array, di: number, s: Int32Array, si: number): void {
  let dvLo = d[di + VAR_VALUE_LO]!;
  let dvHi = d[di + VAR_VALUE_HI]!;
  let dmLo = d[di + VAR_MASK_LO]!;
  let dmHi = d[di + VAR_MASK_HI]!;
  const svLo = s[si + VAR_VALUE_LO]!;
  const svHi = s[si + VAR_VALUE_HI]!;
  const smLo = s[si + VAR_MASK_LO]!;
  const smHi = s[si + VAR_MASK_HI]!;
  const productLo = Math.imul(dvLo, svLo);
  const productHi = mulHi(dvLo, dvHi, svLo, svHi);
  // With value 0 on both sides, a tnum sum is: mask = (a + b) | a | b.
  let accLo = 0;
  let accHi = 0;
  for (let bit = 0; (dvLo | dvHi | dmLo | dmHi) !== 0; bit++) {
    const one = (dvLo & 1) !== 0;
    if (one || (dmLo & 1) !== 0) {
      const unknownLo = one ? smLo : svLo | smLo;
      const unknownHi = one ? smHi : svHi | smHi;
      const pLo = shlLo(unknownLo, bit);
      const pHi = shlHi(unknownLo, unknownHi, bit);
      const sumLo = (accLo + pLo) | 0;
      accHi = addHi(accLo, accHi, pHi, sumLo) | accHi | pHi;
      accLo = sumLo | accLo | pLo;
    }
    dvLo = (dvLo >>> 1) | (dvHi << 31);
    dvHi >>>= 1;
    dmLo = (dmLo >>> 1) | (dmHi << 31);
    dmHi >>>= 1;
  }
  const sumLo = (productLo + accLo) | 0;
  const sumHi = addHi(productLo, productHi, accHi, sumLo);
  const maskLo = (sumLo ^ productLo) | accLo;
  const maskHi = (sumHi ^ productHi) | accHi;
  setTnum(d, di, productLo & ~maskLo, productHi & ~maskHi, maskLo, maskHi);
}

/** d << n, 0 <= n < 64. */
export function tnumLsh(d: Int32Array, di: number, n: number): void {
  const vLo = d[di + VAR_VALUE_LO]!;
  const mLo = d[di + VAR_MASK_LO]!;
  const vHi = shlHi(vLo, d[di + VAR_VALUE_HI]!, n);
  const mHi = shlHi(mLo, d[di + VAR_MASK_HI]!, n);
  setTnum(d, di, shlLo(vLo, n), vHi, shlLo(mLo, n), mHi);
}

/** d >> n with zeroes coming in, 0 <= n < 64. */
export function tnumRsh(d: Int32Array, di: number, n: number): void {
  const vHi = d[di + VAR_VALUE_HI]!;
  const mHi = d[di + VAR_MASK_HI]!;
  const vLo = shrLo(d[di + VAR_VALUE_LO]!, vHi, n);
  const mLo = shrLo(d[di + VAR_MASK_LO]!, mHi, n);
  setTnum(d, di, vLo, shrHi(vHi, n), mLo, shrHi(mHi, n));
}

/** d >> n with the sign coming in, 0 <= n < 64. An unknown sign bit makes every bit it is copied to unknown. */
export function tnumArsh(d: Int32Array, di: number, n: number): void {
  const vHi = d[di + VAR_VALUE_HI]!;
  const mHi = d[di + VAR_MASK_HI]!;
  const vLo = sarLo(d[di + VAR_VALUE_LO]!, vHi, n);
  const mLo = sarLo(d[di + VAR_MASK_LO]!, mHi, n);
  setTnum(d, di, vLo, sarHi(vHi, n), mLo, sarHi(mHi, n));
}

/** The low 32 bits shifted right by n < 32 with bit 31 coming in; the upper half becomes 0. */
export function tnumArsh32(d: Int32Array, di: number, n: number): void {
  setTnum(d, di, d[di + VAR_VALUE_LO]! >> n, 0, d[di + VAR_MASK_LO]! >> n, 0);
}

/** Clears the upper half (tnum_subreg). */
export function tnumKeepSubreg(d: Int32Array, di: number): void {
  d[di + VAR_VALUE_HI] = 0;
  d[di + VAR_MASK_HI] = 0;
}

/** Keeps the low `size` bytes, 1, 2 or 4 (tnum_cast). */
export function tnumTruncate(d: Int32Array, di: number, size: number): void {
  tnumKeepSubreg(d, di);
  if (size === 4) return;
  const keep = (1 << (8 * size)) - 1;
  d[di + VAR_VALUE_LO]! &= keep;
  d[di + VAR_MASK_LO]! &= keep;
}

/**
 * The tnum of a range (tnum_range): the leading bits that both ends share are known, all behind the first difference are
 * not. It may contain numbers outside of the range.
 */
export function tnumSetRange(
  d: Int32Array,
  di: number,
  minLo: number,
  minHi: number,
  maxLo: number,
  maxHi: number,
): void {
  const bits = bitLength(minLo ^ maxLo, minHi ^ maxHi);
  const maskLo = lowMask(bits);
  const maskHi = lowMask(bits - 32);
  setTnum(d, di, minLo & ~maskLo, minHi & ~maskHi, maskLo, maskHi);
}

/** A word with its low `bits` set; none for bits <= 0, all for bits >= 32. */
function lowMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : (1 << bits) - 1;
}

/**
 * Adds the knowledge that the number lies in a range of unsigned numbers (tnum_intersect with tnum_range). Where both
 * disagree about a bit, which only a path that cannot happen brings about, the bit becomes a known 1.
 * Returns whether anything became different.
 */
export function tnumIntersectRange(
  d: Int32Array,
  di: number,
  minLo: number,
  minHi: number,
  maxLo: number,
  maxHi: number,
): boolean {
  const bits = bitLength(minLo ^ maxLo, minHi ^ maxHi);
  const maskLo = lowMask(bits);
  const maskHi = lowMask(bits - 32);
  return intersect(d, di, minLo & ~maskLo, minHi & ~maskHi, maskLo, maskHi);
}

/** The same for the low 32 bits alone: the upper half keeps what is known of it. */
export function tnumIntersectSubregRange(d: Int32Array, di: number, min: number, max: number): boolean {
  const mask = lowMask(32 - Math.clz32(min ^ max));
  return intersectLo(d, di, min & ~mask, mask);
}

/** d becomes what both d and s know of one and the same number (tnum_intersect). */
export function tnumIntersect(d: Int32Array, di: number, s: Int32Array, si: number): void {
  intersect(d, di, s[si + VAR_VALUE_LO]!, s[si + VAR_VALUE_HI]!, s[si + VAR_MASK_LO]!, s[si + VAR_MASK_HI]!);
}

/** The same for the low 32 bits; d's upper half stays. */
export function tnumIntersectSubreg(d: Int32Array, di: number, s: Int32Array, si: number): void {
  intersectLo(d, di, s[si + VAR_VALUE_LO]!, s[si + VAR_MASK_LO]!);
}

function intersect(d: Int32Array, di: number, vLo: number, vHi: number, mLo: number, mHi: number): boolean {
  const low = intersectLo(d, di, vLo, mLo);
  const maskHi = d[di + VAR_MASK_HI]! & mHi;
  const valueHi = (d[di + VAR_VALUE_HI]! | vHi) & ~maskHi;
  if (maskHi === d[di + VAR_MASK_HI] && valueHi === d[di + VAR_VALUE_HI]) return low;
  d[di + VAR_VALUE_HI] = valueHi;
  d[di + VAR_MASK_HI] = maskHi;
  return true;
}

function intersectLo(d: Int32Array, di: number, vLo: number, mLo: number): boolean {
  const mask = d[di + VAR_MASK_LO]! & mLo;
  const value = (d[di + VAR_VALUE_LO]! | vLo) & ~mask;
  if (mask === d[di + VAR_MASK_LO] && value === d[di + VAR_VALUE_LO]) return false;
  d[di + VAR_VALUE_LO] = value;
  d[di + VAR_MASK_LO] = mask;
  return true;
}

/** Whether some number could be both: no bit is known as 0 on one side and 1 on the other (tnum_overlap). */
export function tnumOverlap(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  const differ =
    (a[ai + VAR_VALUE_HI]! ^ b[bi + VAR_VALUE_HI]!) & ~(a[ai + VAR_MASK_HI]! | b[bi + VAR_MASK_HI]!);
  return differ === 0 && tnumSubregOverlap(a, ai, b, bi);
}

/** `tnumOverlap` of the low 32 bits. */
export function tnumSubregOverlap(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  const known = ~(a[ai + VAR_MASK_LO]! | b[bi + VAR_MASK_LO]!);
  return ((a[ai + VAR_VALUE_LO]! ^ b[bi + VAR_VALUE_LO]!) & known) === 0;
}

/** Whether every number of `b` is one of `a` (tnum_in): b knows all bits that a knows, and the same of them. */
export function tnumIn(a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  const maskLo = a[ai + VAR_MASK_LO]!;
  const maskHi = a[ai + VAR_MASK_HI]!;
  return (
    (b[bi + VAR_MASK_LO]! & ~maskLo) === 0 &&
    (b[bi + VAR_MASK_HI]! & ~maskHi) === 0 &&
    a[ai + VAR_VALUE_LO] === (b[bi + VAR_VALUE_LO]! & ~maskLo) &&
    a[ai + VAR_VALUE_HI] === (b[bi + VAR_VALUE_HI]! & ~maskHi)
  );
}
