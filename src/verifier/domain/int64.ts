/**
 * 64-bit arithmetic on pairs of 32-bit halves. All halves, in and out, are signed 32-bit numbers, as they come from an
 * Int32Array; a function that has two results is a pair of functions, one a half, so that nothing is allocated.
 */

/** a < b for 32-bit numbers taken as unsigned. */
export function ltU32(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

/** The greater of two 32-bit numbers taken as unsigned. */
export function maxU32(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? b : a;
}

/** The smaller of two 32-bit numbers taken as unsigned. */
export function minU32(a: number, b: number): number {
  return a >>> 0 < b >>> 0 ? a : b;
}

/** a < b, both unsigned. */
export function ltU64(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}

/** a < b, both signed. Only the high halves carry the sign; the low ones always compare unsigned. */
export function ltS64(aLo: number, aHi: number, bLo: number, bHi: number): boolean {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi < bHi;
}

/** High half of a + b when `lo` is the low half of the sum (`(aLo + bLo) | 0`). */
export function addHi(aLo: number, aHi: number, bHi: number, lo: number): number {
  return (aHi + bHi + (lo >>> 0 < aLo >>> 0 ? 1 : 0)) | 0;
}

/** High half of a - b; the low half is `(aLo - bLo) | 0`. */
export function subHi(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aHi - bHi - (aLo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
}

/** Upper 32 bits of the product of two unsigned 32-bit numbers; the lower are `Math.imul(a, b)`. */
export function mulHiU32(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 0;
  const middle = (Math.imul(a1, b0) >>> 0) + (low >>> 16);
  const carry = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  return (Math.imul(a1, b1) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** High half of the low 64 bits of a * b. */
export function mulHi(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (mulHiU32(aLo, bLo) + Math.imul(aLo, bHi) + Math.imul(aHi, bLo)) | 0;
}

/** Low half of value << n, 0 <= n < 64. */
export function shlLo(lo: number, n: number): number {
  return n < 32 ? lo << n : 0;
}

/** High half of value << n, 0 <= n < 64. */
export function shlHi(lo: number, hi: number, n: number): number {
  if (n === 0) return hi;
  return n < 32 ? (hi << n) | (lo >>> (32 - n)) : lo << (n - 32);
}

/** Low half of value >> n with zeroes coming in, 0 <= n < 64. */
export function shrLo(lo: number, hi: number, n: number): number {
  if (n === 0) return lo;
  return n < 32 ? (lo >>> n) | (hi << (32 - n)) : (hi >>> (n - 32)) | 0;
}

/** High half of value >> n with zeroes coming in, 0 <= n < 64. */
export function shrHi(hi: number, n: number): number {
  return n < 32 ? (hi >>> n) | 0 : 0;
}

/** Low half of value >> n with copies of the sign coming in, 0 <= n < 64. */
export function sarLo(lo: number, hi: number, n: number): number {
  if (n === 0) return lo;
  return n < 32 ? (lo >>> n) | (hi << (32 - n)) : hi >> (n - 32);
}

/** High half of value >> n with copies of the sign coming in, 0 <= n < 64. */
export function sarHi(hi: number, n: number): number {
  return n < 32 ? hi >> n : hi >> 31;
}

/** Number of significant bits of an unsigned value: 0 for 0, 64 when the top bit is set (the kernel's fls64). */
export function bitLength(lo: number, hi: number): number {
  return hi === 0 ? 32 - Math.clz32(lo) : 64 - Math.clz32(hi);
}
