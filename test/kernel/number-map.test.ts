/** Maps of numbers by numbers have a short cut; it must give what the way through bytes gives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeValue } from '../../src/btf/index.ts';
import { Kernel } from '../../src/kernel/index.ts';
import { NumberMap } from '../../src/kernel/number-map.ts';
import { TestBtf } from '../btf/btf-builder.ts';
import { openFixture } from '../fixtures.ts';
import { type Kind, TestMachine } from '../maps/harness.ts';

type Sign = 'signed' | 'none';

/** A map of integers by integers of 4 bytes. */
function mapOf(kind: Kind, keySign: Sign, valueSize: number, valueSign: Sign, maxEntries = 16) {
  const machine = new TestMachine();
  const types = new TestBtf();
  const keyType = types.int('key', 4, keySign);
  const valueType = types.typedef('value', types.int('number', valueSize, valueSign));
  const btf = types.parse();
  const map = machine.map(kind, { valueSize, maxEntries });
  return { map, btf, valueType, lookup: NumberMap.of(map, machine.memory, btf, keyType, valueType) };
}

describe.each(['HASH', 'LRU_HASH', 'ARRAY'] as const)('a lookup by number in a map of type %s', (kind) => {
  it.each([1, 2, 4, 8].flatMap((size) => (['signed', 'none'] as const).map((sign) => [size, sign] as const)))(
    'gives the number that %i %s bytes are',
    (size, sign) => {
      const words = kind === 'ARRAY' ? fc.nat(15) : fc.integer({ min: 0, max: 2 ** 32 - 1 });
      const entry = fc.tuple(words, fc.uint8Array({ minLength: size, maxLength: size }));
      fc.assert(
        fc.property(fc.array(entry, { maxLength: 8 }), words, (entries, stranger) => {
          const { map, btf, valueType, lookup } = mapOf(kind, 'none', size, sign);
          const bytesOf = (key: number): Uint8Array => new Uint8Array(new Uint32Array([key]).buffer);
          for (const [key, value] of entries) expect(map.updateUser(bytesOf(key), value, 0)).toBe(0);
          for (const key of [...entries.map(([one]) => one), stranger]) {
            const value = new Uint8Array(size);
            const found = map.readUser(bytesOf(key), value, 0) === 0;
            expect(lookup!.lookup(key)).toBe(found ? decodeValue(btf, valueType, value) : undefined);
          }
        }),
        { numRuns: 20 },
      );
    },
  );

  it.each([1, 2, 4, 8].flatMap((size) => (['signed', 'none'] as const).map((sign) => [size, sign] as const)))(
    'stores the numbers that %i %s bytes can be, and no others',
    (size, sign) => {
      const { map, btf, valueType, lookup: numbers } = mapOf(kind, 'none', size, sign);
      const bits = BigInt(8 * size);
      const least = sign === 'signed' ? -(1n << (bits - 1n)) : 0n;
      const most = least + (1n << bits) - 1n;
      const shown = (value: bigint): number | bigint => (size === 8 ? value : Number(value));
      for (const value of [least, least + 1n, 0n, most - 1n, most]) {
        expect(numbers!.update(3, shown(value), 0)).toBe(0);
        const bytes = new Uint8Array(size);
        map.readUser(Uint8Array.of(3, 0, 0, 0), bytes, 0);
        expect(decodeValue(btf, valueType, bytes)).toBe(shown(value));
      }
      for (const value of [shown(least - 1n), shown(most + 1n), 0.5, Number.NaN, '1', new Uint8Array(size)]) {
        expect(numbers!.update(3, value, 0)).toBeUndefined();
      }
      expect(numbers!.lookup(3)).toBe(shown(most));
    },
  );

  it('deletes as the map does', () => {
    const { map, lookup: numbers } = mapOf(kind, 'signed', 4, 'none');
    const key = kind === 'ARRAY' ? 3 : -3;
    expect(numbers!.update(key, 5, 0)).toBe(0);
    const results = [numbers!.delete(key), numbers!.delete(key)];
    expect(results).toEqual(kind === 'ARRAY' ? [-22, -22] : [0, -2]);
    expect(map.deleteUser(new Uint8Array(new Int32Array([key]).buffer))).toBe(results[1]);
  });

  it('takes the numbers that the type of the keys has', () => {
    const accepted = (sign: Sign, ...keys: number[]): boolean[] => {
      const { lookup } = mapOf(kind, sign, 4, 'none');
      return keys.map((key) => lookup!.accepts(key));
    };
    const keys = [0, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1.5, Number.NaN];
    expect(accepted('none', ...keys)).toEqual([true, false, true, true, false, false, false]);
    expect(accepted('signed', ...keys)).toEqual([true, true, false, false, false, false, false]);
  });
});

describe('there is no short cut', () => {
  it.each<[string, Kind]>([
    ['of values for each CPU', 'PERCPU_ARRAY'],
    ['of prefixes', 'LPM_TRIE'],
  ])('in maps %s', (_, kind) => {
    const machine = new TestMachine(2);
    const types = new TestBtf();
    const int = types.int('int', 4);
    const shape = kind === 'LPM_TRIE' ? { keySize: 8, flags: 1 } : {};
    const map = machine.map(kind, { valueSize: 4, ...shape });
    expect(NumberMap.of(map, machine.memory, types.parse(), int, int)).toBeUndefined();
  });

  it('for keys and values that are no integers', () => {
    const machine = new TestMachine();
    const types = new TestBtf();
    const int = types.int('int', 4);
    const flag = types.int('flag', 4, 'bool');
    const color = types.enum('color', { RED: 0 });
    const pair = types.struct('pair', 4, []);
    const btf = types.parse();
    const map = machine.map('HASH', { valueSize: 4 });
    for (const other of [flag, color, pair, 0]) {
      expect(NumberMap.of(map, machine.memory, btf, int, other)).toBeUndefined();
      expect(NumberMap.of(map, machine.memory, btf, other, int)).toBeUndefined();
    }
  });
});

describe('a map of an object', () => {
  it('gives numbers and refuses those that are no keys, with whatever way it goes', () => {
    const object = openFixture('xdp/packet_sizes');
    new Kernel().load(object);
    const map = object.maps.exact_size_dist_linear!;
    map.update(4_000_000_000, 7);
    expect(map.lookup(4_000_000_000)).toBe(7);
    expect(map.lookup(4_000_000_000n)).toBe(7);
    expect(map.lookup(1)).toBeUndefined();
    expect(() => {
      map.update(1, 5, 2);
    }).toThrow(/cannot update key 1 of BPF_MAP_TYPE_HASH: ENOENT/);
    expect(() => {
      map.update(1, -5);
    }).toThrow(/-5/);
    expect([map.delete(4_000_000_000), map.delete(4_000_000_000), map.delete(1)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(() => map.lookup(-1)).toThrow(/-1/);
    expect(() => map.lookup(2 ** 32)).toThrow(/4294967296/);
  });

  it('is looked up in the map of its last load', () => {
    const object = openFixture('xdp/packet_sizes');
    const kernel = new Kernel();
    kernel.load(object);
    object.maps.exact_size_dist_linear!.update(1, 5);
    kernel.unload(object);
    expect(() => object.maps.exact_size_dist_linear!.lookup(1)).toThrow(/does not exist yet/);
    kernel.load(object);
    expect(object.maps.exact_size_dist_linear!.lookup(1)).toBeUndefined();
  });
});
