/**
 * Integers of any width at any bit of a byte array, in either byte order: what bitfields need. Bits are counted as BTF does: from the
 * least significant one in little-endian data, from the most significant one in big-endian data.
 */
import type { ByteOrder } from '../base/bytes.ts';

/** The unsigned number in `width` bits from `bit` on. The caller has checked that they lie inside. */
export function readBits(bytes: Uint8Array, bit: number, width: number, order: ByteOrder): bigint {
  const { first, last, shift } = span(bit, width, order);
  let value = 0n;
  for (let i = first; i <= last; i++) {
    const at = order === 'little' ? last - (i - first) : i;
    value = (value << 8n) | BigInt(bytes[at] ?? 0);
  }
  return BigInt.asUintN(width, value >> shift);
}

/** Stores the low `width` bits of `value` and leaves the bits around them as they are. */
export function writeBits(
  bytes: Uint8Array,
  bit: number,
  width: number,
  order: ByteOrder,
  value: bigint,
): void {
  const { first, last, shift } = span(bit, width, order);
  const mask = ((1n << BigInt(width)) - 1n) << shift;
  const bits = BigInt.asUintN(width, value) << shift;
  for (let i = 0; i <= last - first; i++) {
    const at = order === 'little' ? first + i : last - i;
    const keep = ~Number((mask >> BigInt(8 * i)) & 0xffn);
    bytes[at] = ((bytes[at] ?? 0) & keep) | Number((bits >> BigInt(8 * i)) & 0xffn);
  }
}

/** The bytes that hold the bits, and how far the bits stand from the low end of the number those bytes make. */
function span(bit: number, width: number, order: ByteOrder): { first: number; last: number; shift: bigint } {
  const first = Math.floor(bit / 8);
  const last = Math.floor((bit + width - 1) / 8);
  const shift = order === 'little' ? bit % 8 : 8 * (last + 1) - (bit + width);
  return { first, last, shift: BigInt(shift) };
}
