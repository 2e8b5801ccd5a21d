/**
 * Keys and values of all sizes, and maps that many CPUs fill at once: what test_hashmap_sizes, test_map_large, test_map_parallel and
 * hash_large_key of the kernel's selftests ask for.
 */
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_NOEXIST, MapFlag } from '../../src/maps/index.ts';
import { type Kind, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

function made(kind: Kind, shape: Shape, machine = new TestMachine()) {
  const map = machine.map(kind, shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

/** Bytes that differ for each number and place. */
function pattern(size: number, n: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (n * 31 + i * 7) >> (i % 3));
}

const POWERS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const KINDS: readonly (readonly [Kind, number])[] = [
  ['HASH', 0],
  ['HASH', MapFlag.BPF_F_NO_PREALLOC],
  ['LRU_HASH', 0],
  ['PERCPU_HASH', 0],
];

describe.each(KINDS)('a %s with flags %i', (kind, flags) => {
  it.each(POWERS)('keeps keys of %i bytes with values of all sizes apart from each other', (keySize) => {
    const machine = new TestMachine();
    for (const valueSize of [1, 2, 3, 4, 8, 16, 100, 512, 1024]) {
      const { map, program, user } = made(kind, { keySize, valueSize, maxEntries: 8, flags }, machine);
      for (let n = 0; n < 4; n++)
        expect(program.update(pattern(keySize, n), pattern(valueSize, n))).toBe('ok');
      for (let n = 0; n < 4; n++) {
        const key = pattern(keySize, n);
        expect(program.lookup(key)).toEqual(pattern(valueSize, n));
        expect((user.lookup(key) as Uint8Array).subarray(0, valueSize)).toEqual(pattern(valueSize, n));
      }
      expect(program.delete(pattern(keySize, 1))).toBe('ok');
      expect(user.keys()).toHaveLength(3);
      map.free();
    }
  });

  it('has keys larger than the stack of a program, which differ in their last byte alone', () => {
    const keySize = 4112;
    const { program, user } = made(kind, { keySize, valueSize: 8, maxEntries: 8, flags });
    const keys = [1, 2].map((last) => pattern(keySize, 0).with(keySize - 1, last));
    keys.forEach((key, i) => {
      expect(program.update(key, u64(i), BPF_NOEXIST)).toBe('ok');
    });
    expect(keys.map((key) => program.lookup(key))).toEqual([u64(0), u64(1)]);
    expect(user.next(user.next() as Uint8Array)).toHaveLength(keySize);
    expect(program.delete(keys[0]!)).toBe('ok');
    expect(program.lookup(keys[1]!)).toEqual(u64(1));
  });

  it('has values of 64 KiB but for those of each CPU, which have half of that', () => {
    const valueSize = kind === 'PERCPU_HASH' ? 32768 : 65536;
    const { program, user } = made(kind, { valueSize, maxEntries: 4, flags });
    const value = pattern(valueSize, 5);
    expect(user.update(u32(1), value)).toBe('ok');
    // Not with toEqual, which takes its time for so many bytes.
    const isValue = (bytes: unknown): boolean => bytes instanceof Uint8Array && bytes.join() === value.join();
    expect([program.lookup(u32(1)), user.lookup(u32(1))].map(isValue)).toEqual([true, true]);
  });
});

describe('CPUs that fill a hash together', () => {
  const CPUS = 8;
  const COUNT = 1024;

  it.each([0, MapFlag.BPF_F_NO_PREALLOC])('find room for every key once, with flags %i', (flags) => {
    const { machine, program, user } = made('HASH', { maxEntries: COUNT, flags }, new TestMachine(CPUS));
    const onCpuOf = (n: number): Uint8Array => {
      machine.cpu = n % CPUS;
      return u32(n);
    };
    for (let n = COUNT - 1; n >= 0; n--) expect(program.update(onCpuOf(n), u64(n), BPF_NOEXIST)).toBe('ok');
    for (let n = 0; n < COUNT; n += 37)
      expect(program.update(onCpuOf(n + 1), u64(0), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(u32(COUNT), u64(0))).toBe('E2BIG');
    expect(user.keys()).toHaveLength(COUNT);

    // Every CPU takes away what another one has put in.
    for (let n = 0; n < COUNT; n++) {
      onCpuOf(n + 3);
      expect(program.delete(u32(n))).toBe('ok');
    }
    expect(user.next()).toBe('ENOENT');
    for (let n = 0; n < COUNT; n++) expect(program.update(onCpuOf(n), u64(n), BPF_NOEXIST)).toBe('ok');
    for (let n = 0; n < COUNT; n++) {
      onCpuOf(n + 5);
      expect(program.update(u32(n), u64(n + 1), BPF_EXIST)).toBe('ok');
    }
    for (let n = 0; n < COUNT; n++) expect(program.lookup(u32(n))).toEqual(u64(n + 1));
  });
});
