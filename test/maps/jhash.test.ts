/** The kernel's hash, on values that include/linux/jhash.h gives when it is compiled and run. */
import { describe, expect, it } from 'vitest';
import { hash4, hash8, hashBytes } from '../../src/maps/hash/jhash.ts';

/** Bytes 11, 48, 85, …: byte i is 37 i + 11. */
const bytes = new Uint8Array(64).map((_, i) => 37 * i + 11);
const view = new DataView(bytes.buffer);

/** jhash(bytes, length, length * 2654435761). */
const EXPECTED: readonly (readonly [length: number, hash: number])[] = [
  [0, 3735928559],
  [1, 2430520730],
  [3, 4113180638],
  [4, 1026375678],
  [5, 3929946079],
  [7, 3604632815],
  [8, 4061280285],
  [11, 1510367962],
  [12, 1075749257],
  [13, 2969954742],
  [16, 2505825192],
  [23, 2709202662],
  [24, 2247443001],
  [25, 1598015508],
  [40, 3046771098],
];

describe('jhash', () => {
  it.each(EXPECTED)('hashes %i bytes as the kernel does', (length, hash) => {
    expect(hashBytes(view, 0, length, Math.imul(length, 2654435761)) >>> 0).toBe(hash);
  });

  it('has short cuts for keys of one and two words', () => {
    expect(hash4(view.getUint32(0, true), 99)).toBe(hashBytes(view, 0, 4, 99));
    expect(hash8(view.getUint32(0, true), view.getUint32(4, true), 99)).toBe(hashBytes(view, 0, 8, 99));
  });

  it('does not care about alignment', () => {
    const moved = new DataView(Uint8Array.of(0, 0, 0, ...bytes).buffer);
    for (const length of [4, 8, 13, 40]) {
      expect(hashBytes(moved, 3, length, 5)).toBe(hashBytes(view, 0, length, 5));
    }
  });
});
