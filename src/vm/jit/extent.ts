/** The part of memory around an address that a program may access, so that compiled code need not ask for each access. */
import type { Memory } from '../memory.ts';

/**
 * Start of an extent of 8 bytes that allows no access, as halves: the low half, which is what WebAssembly uses, lies where linear memory never
 * reaches, and the high half is one that programs do not come by.
 */
export const NOWHERE_LOW = -8;
export const NOWHERE_HIGH = -0x76543210;

/** Granules of 8 bytes that are looked at on each side: looking at one costs as much as an access. */
const REACH = 32;

/**
 * Writes start and length of the extent as two i64 to memory, at index `at` of its 32-bit view. Whole granules only; where there is none,
 * NOWHERE.
 */
export function extentAround(memory: Memory, write: boolean, address: number, at: number): void {
  const { i32 } = memory;
  const bits = write ? memory.writable : memory.readable;
  const granule = address >>> 3;
  if (bits[granule] !== 0xff) {
    i32[at] = NOWHERE_LOW;
    i32[at + 1] = NOWHERE_HIGH;
    i32[at + 2] = 8;
    i32[at + 3] = 0;
    return;
  }
  let first = granule;
  while (first > granule - REACH && bits[first - 1] === 0xff) first--;
  let behind = granule + 1;
  while (behind < granule + REACH && bits[behind] === 0xff) behind++;
  i32[at] = first * 8;
  i32[at + 1] = 0;
  i32[at + 2] = (behind - first) * 8;
  i32[at + 3] = 0;
}
