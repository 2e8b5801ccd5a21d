/** The allocator of address ranges against a model: a sorted list of what is taken. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXTENT_UNIT, ExtentAllocator } from '../../src/vm/extents.ts';

const START = 65536;
const END = START + 256 * 1024;

function allocator(end = END): ExtentAllocator {
  const extents = new ExtentAllocator(START);
  extents.extend(end);
  return extents;
}

/** All extents in order of address. */
function walk(extents: ExtentAllocator): { address: number; size: number; used: boolean }[] {
  const found = [];
  for (let record = extents.at(START); record !== 0; record = extents.after(record)) {
    const address = extents.address(record);
    found.push({ address, size: extents.size(record), used: extents.isUsed(record) });
  }
  return found;
}

const step = fc.record({
  free: fc.integer({ min: 0, max: 1000 }),
  size: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 40_000 })),
  alignment: fc.constantFrom(1, 8, 16, 64, 4096),
  isFree: fc.boolean(),
});

describe('an extent allocator', () => {
  it('covers its range without gaps and overlaps, joins free neighbours, and finds every address', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const extents = allocator();
        const live: number[] = [];
        for (const { isFree, free, size, alignment } of steps) {
          if (isFree && live.length > 0) {
            const [record] = live.splice(free % live.length, 1);
            extents.free(record!);
          } else {
            const record = extents.allocate(size, alignment);
            if (record === 0) continue;
            expect(extents.address(record) % Math.max(alignment, EXTENT_UNIT)).toBe(0);
            expect(extents.size(record)).toBeGreaterThanOrEqual(size);
            live.push(record);
          }
        }
        let at = START;
        let lastWasFree = false;
        for (const { address, size, used } of walk(extents)) {
          expect(address).toBe(at);
          expect(lastWasFree && !used).toBe(false);
          for (const inside of [address, address + size - 1]) {
            expect(extents.address(extents.at(inside))).toBe(address);
          }
          at += size;
          lastWasFree = !used;
        }
        expect(at).toBe(END);
        expect(
          walk(extents)
            .filter(({ used }) => used)
            .map(({ address }) => address),
        ).toEqual(live.map((record) => extents.address(record)).sort((a, b) => a - b));
        for (const record of live) extents.free(record);
        expect(walk(extents)).toEqual([{ address: START, size: END - START, used: false }]);
      }),
      { numRuns: 150 },
    );
  });

  it('finds a hole that fits exactly', () => {
    const extents = allocator();
    const before = extents.allocate(1000, 16);
    const hole = extents.allocate(5008, 16);
    const rest = extents.allocate(END - START - 1008 - 5008, 16);
    expect(before * hole * rest).not.toBe(0);
    expect(extents.allocate(16, 16)).toBe(0);
    const address = extents.address(hole);
    extents.free(hole);
    expect(extents.address(extents.allocate(5008, 16))).toBe(address);
  });

  it('gives 0 when nothing fits, and goes on after the range has grown', () => {
    const extents = allocator(START + 1024);
    expect(extents.allocate(2048, 16)).toBe(0);
    extents.extend(START + 4096);
    expect(extents.address(extents.allocate(4096, 16))).toBe(START);
    expect(extents.allocate(1, 1)).toBe(0);
  });

  it('knows no extent outside its range', () => {
    const extents = allocator();
    expect([0, START - 1, END, 2 ** 32 - 1].map((address) => extents.at(address))).toEqual([0, 0, 0, 0]);
  });

  it('takes a hundred thousand small blocks back in any order', () => {
    const extents = new ExtentAllocator(START);
    extents.extend(START + 100_000 * 32);
    const records = Array.from({ length: 100_000 }, () => extents.allocate(32, 16));
    expect(extents.allocate(1, 1)).toBe(0);
    // A permutation: 70,001 has no common divisor with 100,000.
    for (let i = 0; i < records.length; i++) extents.free(records[(i * 70_001) % records.length]!);
    expect(walk(extents)).toHaveLength(1);
  });
});
