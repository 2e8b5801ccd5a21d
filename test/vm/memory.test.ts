/** Linear memory: regions, red zones, access to the byte, growth. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BpfError } from '../../src/base/errors.ts';
import {
  type Access,
  DEFAULT_RED_ZONE,
  describeRelation,
  FIRST_ADDRESS,
  Interpreter,
  Memory,
} from '../../src/vm/index.ts';
import { helperTable, program } from './support.ts';

const block = (size: number, name = 'block') => ({ size, kind: 'mem', name }) as const;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as BpfError).code;
  }
  return 'no error';
}

describe('allocation', () => {
  it('gives zeroed memory, also where something was before', () => {
    const memory = new Memory();
    const first = memory.allocate(block(100));
    memory.u8.fill(0xaa, first, first + 100);
    memory.free(first);
    const second = memory.allocate(block(100));
    expect(second).toBe(first);
    expect([...memory.readBytes(second, 100)]).toEqual(Array(100).fill(0));
  });

  it('never gives the first 64 KiB, so that NULL plus an offset is no memory', () => {
    const memory = new Memory();
    expect(memory.allocate(block(1))).toBeGreaterThanOrEqual(FIRST_ADDRESS);
    expect(memory.isReadable(0, 1)).toBe(false);
    expect(memory.isReadable(FIRST_ADDRESS - 1, 1)).toBe(false);
  });

  it('aligns as asked', () => {
    const memory = new Memory();
    memory.allocate(block(3));
    expect(memory.allocate({ ...block(5), align: 4096 }) % 4096).toBe(0);
    expect(memory.allocate(block(5)) % 8).toBe(0);
  });

  it('counts bytes in use, without red zones', () => {
    const memory = new Memory();
    const a = memory.allocate(block(10));
    const b = memory.allocate(block(0));
    expect(memory.bytesInUse).toBe(10);
    memory.free(a);
    memory.free(b);
    expect(memory.bytesInUse).toBe(0);
    expect(memory.regions()).toEqual([]);
  });

  it('refuses to free what is not the start of a region', () => {
    const memory = new Memory();
    const address = memory.allocate(block(64));
    expect(
      codeOf(() => {
        memory.free(address + 8);
      }),
    ).toBe('not-allocated');
    memory.free(address);
    expect(
      codeOf(() => {
        memory.free(address);
      }),
    ).toBe('not-allocated');
    expect(
      codeOf(() => {
        memory.free(0);
      }),
    ).toBe('not-allocated');
  });

  it('fails with out-of-memory at its limit, and works again after a free', () => {
    const memory = new Memory({ maxBytes: 1 << 20 });
    const big = memory.allocate(block(900_000));
    expect(codeOf(() => memory.allocate(block(200_000)))).toBe('out-of-memory');
    expect(codeOf(() => memory.allocate(block(2 ** 40)))).toBe('out-of-memory');
    expect(codeOf(() => memory.allocate(block(Number.NaN)))).toBe('out-of-memory');
    memory.free(big);
    expect(memory.allocate(block(900_000))).toBe(big);
  });

  it('grows, and keeps contents, access and addresses', () => {
    const memory = new Memory();
    const address = memory.allocate(block(16));
    memory.writeBytes(address, Uint8Array.of(1, 2, 3));
    const before = memory.size;
    const far = memory.allocate(block(before));
    expect(memory.size).toBeGreaterThan(before);
    expect([...memory.readBytes(address, 4)]).toEqual([1, 2, 3, 0]);
    expect(memory.isWritable(address, 16)).toBe(true);
    expect(memory.isWritable(address, 17)).toBe(false);
    expect(memory.isWritable(far, before)).toBe(true);
    // The bitmaps lay there before.
    expect(memory.readBytes(far, before).every((byte) => byte === 0)).toBe(true);
  });
});

describe('access', () => {
  it('ends exactly with the region: the red zone cannot be read', () => {
    const memory = new Memory();
    const address = memory.allocate(block(13));
    expect(memory.isReadable(address, 13)).toBe(true);
    expect(memory.isReadable(address, 14)).toBe(false);
    for (let i = 0; i < DEFAULT_RED_ZONE; i++) expect(memory.isReadable(address + 13 + i, 1)).toBe(false);
  });

  it('ends when the region is freed', () => {
    const memory = new Memory();
    const address = memory.allocate(block(8));
    memory.free(address);
    expect(memory.isReadable(address, 1)).toBe(false);
  });

  it('can be for reading only', () => {
    const memory = new Memory();
    const address = memory.allocate({ ...block(8), writable: false });
    expect([memory.isReadable(address, 8), memory.isWritable(address, 1)]).toEqual([true, false]);
  });

  it('is as the last setAccess said, byte by byte', () => {
    const change = fc.tuple(
      fc.integer({ min: 0, max: 99 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom<Access>('none', 'read', 'readwrite'),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (changes, size) => {
        const memory = new Memory({ maxBytes: 1 << 17 });
        const address = memory.allocate(block(100));
        const model = Array<Access>(100).fill('readwrite');
        for (const [start, length, access] of changes) {
          const end = Math.min(start + length, 100);
          memory.setAccess(address + start, end - start, access);
          model.fill(access, start, end);
        }
        for (let start = -2; start < 102; start++) {
          const bytes = Array.from({ length: size }, (_, i) => model[start + i] ?? 'none');
          expect(memory.isReadable(address + start, size)).toBe(bytes.every((access) => access !== 'none'));
          expect(memory.isWritable(address + start, size)).toBe(
            bytes.every((access) => access === 'readwrite'),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('ends with memory, however much there is behind it', () => {
    const memory = new Memory({ maxBytes: 1 << 17 });
    const address = memory.allocate({ ...block(memory.size - FIRST_ADDRESS), redZone: 0 });
    const end = address + (memory.size - FIRST_ADDRESS);
    expect([memory.isReadable(end - 8, 8), memory.isReadable(end - 8, 9)]).toEqual([true, false]);
    const read = (offset: number): string => {
      const interpreter = new Interpreter(memory, helperTable());
      interpreter.start(program(`r0 = *(u64 *)(r1 ${offset})\nexit`), end);
      return interpreter.run().kind;
    };
    // Makes room for the interpreter, and opens the last bytes again.
    memory.free(address);
    memory.setAccess(end - 8, 8, 'readwrite');
    expect([-8, -7, -1].map(read)).toEqual(['exited', 'faulted', 'faulted']);
  });

  it('takes any numbers as a question', () => {
    const memory = new Memory();
    for (const address of [-1, -8, 2 ** 32, 2 ** 53, Number.NaN, memory.size - 1]) {
      expect(memory.isReadable(address, 4)).toBe(false);
    }
    expect(memory.isReadable(FIRST_ADDRESS, -1)).toBe(false);
  });
});

describe('regions', () => {
  it('are found by any address inside', () => {
    const memory = new Memory();
    const address = memory.allocate({ size: 20, kind: 'map-value', name: 'counts' });
    const region = { address, size: 20, kind: 'map-value', name: 'counts' };
    expect(memory.regionAt(address)).toEqual(region);
    expect(memory.regionAt(address + 19)).toEqual(region);
    expect(memory.regionAt(address + 20)).toBeUndefined();
    expect(memory.regionAt(0)).toBeUndefined();
    expect(memory.regionAt(2 ** 32)).toBeUndefined();
  });

  it('have a nearest one for every other address', () => {
    const memory = new Memory();
    const a = memory.allocate({ ...block(100, 'a'), redZone: 1000 });
    const b = memory.allocate(block(100, 'b'));
    memory.allocate(block(100, 'c'));
    expect(memory.nearestRegion(a + 110)?.name).toBe('a');
    expect(memory.nearestRegion(b - 1)?.name).toBe('b');
    expect(memory.nearestRegion(8)?.name).toBe('a');
    expect(memory.nearestRegion(2 ** 32 - 1)?.name).toBe('c');
    expect(new Memory().nearestRegion(FIRST_ADDRESS)).toBeUndefined();
  });

  it('are described in relation to an address', () => {
    const region = { address: 0x10000, size: 8, kind: 'map-value', name: 'counts' } as const;
    const lines: [number, number, string][] = [
      [0x10000, 4, "at offset 0 of map value 'counts' (8 bytes)"],
      [0x1000c, 4, "4 bytes past the end of map value 'counts' (8 bytes)"],
      [0x10008, 4, "just past the end of map value 'counts' (8 bytes)"],
      [0x10006, 4, "at offset 6, reaching 2 bytes past the end of map value 'counts' (8 bytes)"],
      [0xffff, 1, "1 byte before the start of map value 'counts' (8 bytes)"],
    ];
    for (const [address, size, text] of lines) expect(describeRelation(address, size, region)).toBe(text);
  });

  it('with elements name the element', () => {
    const elements = { stride: 16, size: 12 };
    const region = { address: 0x10000, size: 64, kind: 'map', name: 'table', elements } as const;
    expect(describeRelation(0x1002c, 4, region)).toBe(
      "just past the end of element 2 of map 'table' (12 bytes)",
    );
    expect(describeRelation(0x10040, 4, region)).toBe("just past the end of map 'table' (64 bytes)");
  });
});

describe('bytes', () => {
  it('are copied in and out, and strings end at their zero or the limit', () => {
    const memory = new Memory();
    const address = memory.allocate(block(8));
    memory.writeBytes(address, new Uint8Array([0x68, 0x69, 0, 0x21]));
    expect(memory.readCString(address, 8)).toBe('hi');
    expect(memory.readCString(address, 1)).toBe('h');
    expect([...memory.readBytes(address + 2, 2)]).toEqual([0, 0x21]);
  });

  it('must lie inside memory', () => {
    const memory = new Memory();
    expect(codeOf(() => memory.readBytes(memory.size - 1, 2))).toBe('outside-memory');
    expect(codeOf(() => memory.readBytes(-1, 1))).toBe('outside-memory');
    expect(
      codeOf(() => {
        memory.writeBytes(2 ** 32, Uint8Array.of(1));
      }),
    ).toBe('outside-memory');
  });
});
