/** Numbers in WebAssembly's binary format. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highHalf, lowHalf } from '../../../src/base/int64.ts';
import { ByteWriter } from '../../../src/vm/wasm/bytes.ts';

/** The value of a LEB128 number that takes all of `bytes`. */
function decode(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  bytes.forEach((byte, index) => {
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    expect(byte >= 0x80).toBe(index + 1 < bytes.length);
  });
  return signed ? BigInt.asIntN(7 * bytes.length, value) : value;
}

function write(action: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  action(writer);
  return writer.written();
}

describe('LEB128', () => {
  it('of unsigned 32-bit numbers', () => {
    expect([
      ...write((w) => {
        w.u32(624485);
      }),
    ]).toEqual([0xe5, 0x8e, 0x26]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
        expect(
          decode(
            write((w) => {
              w.u32(value);
            }),
            false,
          ),
        ).toBe(BigInt(value));
      }),
    );
  });

  it('of signed 32-bit numbers', () => {
    expect([
      ...write((w) => {
        w.s32(-123456);
      }),
    ]).toEqual([0xc0, 0xbb, 0x78]);
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(
          decode(
            write((w) => {
              w.s32(value);
            }),
            true,
          ),
        ).toBe(BigInt(value));
      }),
    );
  });

  it('of signed 64-bit numbers, no longer than need be', () => {
    expect([
      ...write((w) => {
        w.s64(-1, -1);
      }),
    ]).toEqual([0x7f]);
    expect([
      ...write((w) => {
        w.s64(64, 0);
      }),
    ]).toEqual([0xc0, 0x00]);
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
        const bytes = write((w) => {
          w.s64(lowHalf(value), highHalf(value));
        });
        expect(decode(bytes, true)).toBe(value);
        const bits = value < 0n ? (-value - 1n).toString(2).length : value.toString(2).length;
        expect(bytes.length).toBeLessThanOrEqual(Math.ceil((bits + 1) / 7));
      }),
    );
  });
});
