/**
 * Copies of keys and values: inside linear memory, and between it and byte arrays of user space. Small sizes are copied by hand, since
 * a built-in copy (and the subarray it needs) costs more than a few words.
 */
import type { Memory } from '../../vm/index.ts';

const SMALL_WORDS = 128;
const SMALL_BYTES = 48;

/** Copies `size` bytes inside linear memory. */
export function copyBytes(memory: Memory, to: number, from: number, size: number): void {
  if (((to | from | size) & 3) === 0 && size <= SMALL_WORDS) {
    const words = memory.u32;
    const target = to >>> 2;
    const source = from >>> 2;
    const count = size >>> 2;
    for (let i = 0; i < count; i++) words[target + i] = words[source + i]!;
    return;
  }
  const bytes = memory.u8;
  if (size <= SMALL_BYTES) for (let i = 0; i < size; i++) bytes[to + i] = bytes[from + i]!;
  else bytes.copyWithin(to, from, from + size);
}

/** Copies `size` bytes of a user's array, from `at` on, into linear memory. */
export function copyIn(memory: Memory, to: number, from: Uint8Array, at: number, size: number): void {
  const bytes = memory.u8;
  if (size <= SMALL_BYTES) for (let i = 0; i < size; i++) bytes[to + i] = from[at + i]!;
  else bytes.set(from.subarray(at, at + size), to);
}

/** Copies `size` bytes of linear memory to `at` of a user's array. */
export function copyOut(memory: Memory, to: Uint8Array, at: number, from: number, size: number): void {
  // The most frequent size without a loop: a lookup is not much more than this.
  if (size === 8 && (from & 3) === 0) {
    const words = memory.u32;
    const low = words[from >>> 2]!;
    const high = words[(from >>> 2) + 1]!;
    to[at] = low;
    to[at + 1] = low >>> 8;
    to[at + 2] = low >>> 16;
    to[at + 3] = low >>> 24;
    to[at + 4] = high;
    to[at + 5] = high >>> 8;
    to[at + 6] = high >>> 16;
    to[at + 7] = high >>> 24;
    return;
  }
  if (size > SMALL_BYTES) {
    to.set(memory.u8.subarray(from, from + size), at);
    return;
  }
  let done = 0;
  if ((from & 3) === 0) {
    const words = memory.u32;
    for (let target = at; done + 4 <= size; done += 4, target += 4) {
      const word = words[(from + done) >>> 2]!;
      to[target] = word;
      to[target + 1] = word >>> 8;
      to[target + 2] = word >>> 16;
      to[target + 3] = word >>> 24;
    }
  }
  for (const bytes = memory.u8; done < size; done++) to[at + done] = bytes[from + done]!;
}

/** Copies as much of `from` as there is room for, as the kernel does where a user's memory ends; whether it was all. */
export function copyWhatFits(to: Uint8Array, from: Uint8Array): boolean {
  if (to.length >= from.length) to.set(from);
  else to.set(from.subarray(0, to.length));
  return to.length >= from.length;
}

/** Whether `size` bytes at two addresses are equal. */
export function equalBytes(memory: Memory, a: number, b: number, size: number): boolean {
  const bytes = memory.u8;
  for (let i = 0; i < size; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** The 32-bit word at any address, unsigned. */
export function loadWord(memory: Memory, address: number): number {
  return (address & 3) === 0 ? memory.u32[address >>> 2]! : memory.view.getUint32(address, true);
}

/** The little-endian 32-bit word at `at` of a user's array, unsigned. */
export function userWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
