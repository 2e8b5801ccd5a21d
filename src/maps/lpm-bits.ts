/**
 * Prefixes as bit strings in linear memory: the first bit is the highest of the first byte, as in network byte order.
 */
import type { Memory } from '../vm/index.ts';

/** How many leading bits two strings have in common, `limit` at most. */
export function commonPrefix(memory: Memory, a: number, b: number, limit: number): number {
  const bytes = memory.u8;
  for (let bit = 0, i = 0; bit < limit; bit += 8, i++) {
    const different = bytes[a + i]! ^ bytes[b + i]!;
    if (different !== 0) return Math.min(bit + Math.clz32(different) - 24, limit);
  }
  return limit;
}

/** Bit `index` of a string. */
export function prefixBit(memory: Memory, at: number, index: number): number {
  return (memory.u8[at + (index >>> 3)]! >>> (7 - (index & 7))) & 1;
}
