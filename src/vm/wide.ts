/**
 * 64-bit arithmetic on registers that are pairs of 32-bit halves, for what the interpreter's loop does not do in line:
 * multiplication, division, shifts. Semantics: RFC 9669 section 4.1; division by zero gives 0, modulo by zero the dividend.
 */

const TWO_32 = 4294967296;

/** High 32 bits of the product of two unsigned 32-bit numbers. */
export function mulHigh(a: number, b: number): number {
  // The double product is off by at most 2^10, so subtracting its exact low half leaves a number closer than 2^-21 to the high half.
  const low = Math.imul(a, b) >>> 0;
  return (((a >>> 0) * (b >>> 0) - low) / TWO_32 + 0.5) | 0;
}

/** regs[d] *= b. */
export function mul64(regs: Int32Array, d: number, low: number, high: number): void {
  const a = regs[d]!;
  regs[d + 1] = (mulHigh(a, low) + Math.imul(regs[d + 1]!, low) + Math.imul(a, high)) | 0;
  regs[d] = Math.imul(a, low);
}

// Quotient and remainder of the last divide(), as halves.
let quotientLow = 0;
let quotientHigh = 0;
let remainderLow = 0;
let remainderHigh = 0;

/** regs[d] /= b, unsigned. */
export function div64(regs: Int32Array, d: number, low: number, high: number): void {
  if ((low | high) === 0) {
    regs[d] = 0;
    regs[d + 1] = 0;
    return;
  }
  divide(regs[d]!, regs[d + 1]!, low, high);
  regs[d] = quotientLow;
  regs[d + 1] = quotientHigh;
}

/** regs[d] %= b, unsigned. */
export function mod64(regs: Int32Array, d: number, low: number, high: number): void {
  if ((low | high) === 0) return;
  divide(regs[d]!, regs[d + 1]!, low, high);
  regs[d] = remainderLow;
  regs[d + 1] = remainderHigh;
}

/** regs[d] /= b, signed, towards zero; MIN / -1 is MIN. */
export function sdiv64(regs: Int32Array, d: number, low: number, high: number): void {
  const negative = (regs[d + 1]! ^ high) < 0;
  if (regs[d + 1]! < 0) negate64(regs, d);
  if (high < 0) div64(regs, d, -low | 0, negatedHigh(low, high));
  else div64(regs, d, low, high);
  if (negative) negate64(regs, d);
}

/** regs[d] %= b, signed, with the dividend's sign; MIN % -1 is 0. */
export function smod64(regs: Int32Array, d: number, low: number, high: number): void {
  const negative = regs[d + 1]! < 0;
  if (negative) negate64(regs, d);
  if (high < 0) mod64(regs, d, -low | 0, negatedHigh(low, high));
  else mod64(regs, d, low, high);
  if (negative) negate64(regs, d);
}

/** regs[d] = -regs[d]. */
export function negate64(regs: Int32Array, d: number): void {
  const low = regs[d]!;
  regs[d + 1] = negatedHigh(low, regs[d + 1]!);
  regs[d] = -low | 0;
}

/** High half of the negated number; its low half is `-low | 0`. */
function negatedHigh(low: number, high: number): number {
  return (~high + (low === 0 ? 1 : 0)) | 0;
}

/** Unsigned 64 by 64 bits; the divisor is not zero. */
function divide(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  if (bHigh !== 0) {
    divideOnce(aLow, aHigh, bLow, bHigh);
    quotientHigh = 0;
    return;
  }
  // Schoolbook in base 2^32: the first digit is exact, its remainder makes the second one fit 32 bits.
  const divisor = bLow >>> 0;
  const first = aHigh >>> 0;
  quotientHigh = (first / divisor) | 0;
  if (first === 0) {
    quotientLow = ((aLow >>> 0) / divisor) | 0;
    remainderLow = ((aLow >>> 0) % divisor) | 0;
    remainderHigh = 0;
    return;
  }
  divideOnce(aLow, (first % divisor) | 0, bLow, 0);
}

/**
 * Division whose quotient fits 32 bits. The quotient of the doubles is off by one at most; the exact product says in which
 * direction.
 */
function divideOnce(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const a = (aHigh >>> 0) * TWO_32 + (aLow >>> 0);
  const b = (bHigh >>> 0) * TWO_32 + (bLow >>> 0);
  let q = Math.min(Math.floor(a / b), TWO_32 - 1);
  const productLow = Math.imul(q, bLow) >>> 0;
  // Below 2^34, as q * b is at most a + b: exact.
  const productHigh = (mulHigh(q, bLow) >>> 0) + q * (bHigh >>> 0);
  const borrow = aLow >>> 0 < productLow ? 1 : 0;
  let low = (aLow - productLow) | 0;
  let high = ((aHigh >>> 0) - productHigh - borrow) | 0;
  if (productHigh + borrow > aHigh >>> 0) {
    q--;
    const sum = (low + bLow) | 0;
    high = (high + bHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
    low = sum;
  } else if (!lessThan(low, high, bLow, bHigh)) {
    q++;
    high = (high - bHigh - (low >>> 0 < bLow >>> 0 ? 1 : 0)) | 0;
    low = (low - bLow) | 0;
  }
  quotientLow = q | 0;
  remainderLow = low;
  remainderHigh = high;
}

function lessThan(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0;
}

/** Unsigned 32-bit division. */
export function div32(a: number, b: number): number {
  return b === 0 ? 0 : (a >>> 0) / (b >>> 0);
}

/** Unsigned 32-bit remainder. */
export function mod32(a: number, b: number): number {
  return b === 0 ? a : (a >>> 0) % (b >>> 0);
}

/** Signed 32-bit division; MIN / -1 comes out as 2^31, which is MIN in a register. */
export function sdiv32(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Signed 32-bit remainder. */
export function smod32(a: number, b: number): number {
  return b === 0 ? a : a % b;
}

/** The low 16 bits with their bytes swapped, zero-extended. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

/** 32 bits with their bytes swapped. */
export function swap32(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
