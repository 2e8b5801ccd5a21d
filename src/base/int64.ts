/**
 * 64-bit quantities at API edges and in printing. Hot paths keep them as two 32-bit halves in Int32Arrays and never
 * come here.
 */

/** The unsigned 64-bit value of two 32-bit halves (each taken modulo 2^32). */
export function u64FromHalves(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** The signed 64-bit value of two 32-bit halves. */
export function i64FromHalves(lo: number, hi: number): bigint {
  return BigInt.asIntN(64, u64FromHalves(lo, hi));
}

/** Low 32 bits as a signed number, as stored in an Int32Array. */
export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** High 32 bits as a signed number, as stored in an Int32Array. */
export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

/** Rounds up to a multiple of `alignment`, a power of two; exact beyond 32 bits. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
