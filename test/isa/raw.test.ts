/** Slots to bytes in both byte orders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { rawFromBytes, rawToBytes } from '../../src/isa/index.ts';
import { rawInsn } from './arbitraries.ts';
import { isaError } from './support.ts';

const store = { opcode: 0x7b, dst: 10, src: 1, offset: -8, imm: 0x01020304 };

describe('rawFromBytes', () => {
  it('reads the same instruction from both byte orders', () => {
    expect(rawFromBytes(fromHex('7b 1a f8ff 04030201'), 'little')).toEqual([store]);
    expect(rawFromBytes(fromHex('7b a1 fff8 01020304'), 'big')).toEqual([store]);
  });

  it('is little-endian where no order is named, and so is rawToBytes', () => {
    const bytes = fromHex('7b 1a f8ff 04030201');
    expect(rawFromBytes(bytes)).toEqual([store]);
    expect(rawToBytes([store])).toEqual(bytes);
  });

  it('is the inverse of rawToBytes', () => {
    fc.assert(
      fc.property(fc.array(rawInsn()), fc.constantFrom('little' as const, 'big' as const), (slots, order) => {
        expect(rawFromBytes(rawToBytes(slots, order), order)).toEqual(slots);
      }),
    );
  });

  it('respects the bounds of a view into a larger buffer', () => {
    const bytes = fromHex('ffffff 9500000000000000 ffffff').subarray(3, 11);
    expect(rawFromBytes(bytes, 'little')).toEqual([{ opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 }]);
  });

  it('refuses bytes that are no whole number of slots', () => {
    const error = isaError(() => rawFromBytes(new Uint8Array(13), 'little'));
    expect([error.code, error.place.offset]).toEqual(['bad-length', 8]);
  });
});

describe('rawToBytes', () => {
  it('writes the register nibbles in the order of the file', () => {
    expect(toHex(rawToBytes([store], 'little'))).toBe('7b1af8ff04030201');
    expect(toHex(rawToBytes([store], 'big'))).toBe('7ba1fff801020304');
  });
});
