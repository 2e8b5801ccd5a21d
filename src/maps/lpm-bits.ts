/**
 * Prefixes as bit strings in linear memory: the first bit is the highest of the first byte, as in network byte order.
 */
import type { Memory } from '../vm/index.ts';

/** How many leading bits two strings of `bytes` bytes have in common, `limit` at most. */
export function commonPrefix(memory: Memory, a: number, b: number, bytes: number, limit: number): number {
  const { view, u8 } = memory;
  let i = 0;
  for (; i + 4 <= bytes && 8 * i < limit; i += 4) {
    const different = view.getInt32(a + i, false) ^ view.getInt32(b + i, false);
    if (different !== 0) return Math.min(8 * i + Math.clz32(different), limit);
  }
  for (; i < bytes && 8 * i < limit; i++) {
    const different = u8[a + i]! ^ u8[b + i]!;
    if (different !== 0) return Math.min(8 * i + Math.clz32(different) - 24, limit);
  }
  return limit;
}

/** Bit `index` of a string. */
export function prefixBit(memory: Memory, at: number, index: number): number {
  return (memory.u8[at + (index >>> 3)]! >>> (7 - (index & 7))) & 1;
}
