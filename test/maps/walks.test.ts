/**
 * Walks over whole maps, from user space by next keys and from programs by bpf_for_each_map_elem, while entries change, come and go: what
 * test_maps and for_each of the kernel's selftests ask for, for all kinds at once.
 */
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, MapFlag } from '../../src/maps/index.ts';
import { type Kind, numberOf, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

const { BPF_F_NO_PREALLOC, BPF_F_ZERO_SEED } = MapFlag;

function made(kind: Kind, shape: Shape = {}, cpus = 2) {
  const machine = new TestMachine(cpus);
  const map = machine.map(kind, shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

const numbers = (keys: readonly Uint8Array[]): unknown[] => keys.map(numberOf);
const ascending = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (keys: readonly Uint8Array[]): unknown[] =>
  numbers(keys).sort((a, b) => Number(a) - Number(b));

/** A user's value: the same number for each CPU. */
function value(map: { userValueSize: number }, n: number): Uint8Array {
  const bytes = new Uint8Array(map.userValueSize);
  for (let at = 0; at < bytes.length; at += 8) bytes.set(u64(n), at);
  return bytes;
}

const HASHES: readonly (readonly [string, Kind, number])[] = [
  ['a hash', 'HASH', 0],
  ['a hash that allocates on demand', 'HASH', BPF_F_NO_PREALLOC],
  ['a per-CPU hash', 'PERCPU_HASH', 0],
  ['an LRU hash', 'LRU_HASH', 0],
  ['a per-CPU LRU hash', 'LRU_PERCPU_HASH', 0],
];

describe.each(HASHES)('user space walking %s', (_, kind, flags) => {
  // The LRU kinds may keep fewer entries than they have elements, because CPUs take free ones in advance.
  const room = 2000;
  const count = 1000;

  it('meets every key once', () => {
    const { map, user } = made(kind, { maxEntries: room, flags });
    for (let key = 0; key < count; key++) expect(user.update(u32(key), value(map, key))).toBe('ok');
    expect(sorted(user.keys())).toEqual(ascending(count));
  });

  it('can change the entry behind it after it has asked for the next', () => {
    const { map, user } = made(kind, { maxEntries: room, flags });
    for (let key = 0; key < count; key++) user.update(u32(key), value(map, key));
    let visits = 0;
    for (let key = user.next(); typeof key !== 'string'; visits++) {
      const next = user.next(key);
      expect(user.update(key, value(map, Number(numberOf(key)) + 1), BPF_EXIST)).toBe('ok');
      key = next;
    }
    expect(visits).toBe(count);
    for (let key = 0; key < count; key++) expect(user.lookup(u32(key))).toEqual(value(map, key + 1));
  });

  it('empties it by deleting the first key until there is none', () => {
    const { map, user } = made(kind, { maxEntries: room, flags });
    for (let key = 0; key < 100; key++) user.update(u32(key), value(map, key));
    let deleted = 0;
    for (let key = user.next(); typeof key !== 'string'; key = user.next(), deleted++) user.delete(key);
    expect(deleted).toBe(100);
    expect(user.next()).toBe('ENOENT');
    expect(user.next(u32(5)), 'behind a key that is gone').toBe('ENOENT');
  });

  it('meets the same keys in the same order in every map whose seed is zero, whatever the kernel draws', () => {
    const orders = [11, 22].map((seed) => {
      const machine = new TestMachine();
      machine.seed = seed;
      const map = machine.map(kind, { maxEntries: 64, flags: flags | BPF_F_ZERO_SEED });
      const user = new UserSide(map);
      for (let key = 0; key < 30; key++) user.update(u32(key), value(map, 0));
      return numbers(user.keys());
    });
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(ascending(30));
  });
});

const WALKED: readonly (readonly [string, Kind])[] = [
  ['an array', 'ARRAY'],
  ['a per-CPU array', 'PERCPU_ARRAY'],
  ['a hash', 'HASH'],
  ['a per-CPU hash', 'PERCPU_HASH'],
  ['an LRU hash', 'LRU_HASH'],
  ['a per-CPU LRU hash', 'LRU_PERCPU_HASH'],
];

describe.each(WALKED)('a program walking %s', (_, kind) => {
  it('is shown each key with its value', () => {
    const { map, program, user } = made(kind, { maxEntries: 10 });
    for (let key = 0; key < 10; key++) user.update(u32(key), value(map, key * key));
    const seen = new Map<unknown, unknown>();
    program.walk((key, bytes) => seen.set(numberOf(key), numberOf(bytes)));
    expect([...seen].sort()).toEqual(ascending(10).map((key) => [key, key * key]));
  });

  it('stops when it says so, and begins anew the next time', () => {
    const { map, program, user } = made(kind, { maxEntries: 10 });
    for (let key = 0; key < 10; key++) user.update(u32(key), value(map, key));
    const walked = [1, 2].map(() => {
      const keys: unknown[] = [];
      program.walk((key) => keys.push(numberOf(key)) < 4);
      return keys;
    });
    expect(walked[0]).toHaveLength(4);
    expect(walked[1]).toEqual(walked[0]);
  });

  it('may change the value in its hands', () => {
    const { machine, map, user } = made(kind, { maxEntries: 6 });
    for (let key = 0; key < 6; key++) user.update(u32(key), value(map, key));
    machine.cpu = 1;
    const walk = map.iterate!();
    while (walk.next()) machine.memory.view.setUint32(walk.value, 90, true);
    const firstAndSecondCpu = user.lookup(u32(3)) as Uint8Array;
    expect(numberOf(firstAndSecondCpu.slice(-8)), 'the CPU that walked').toBe(90);
  });
});

describe('kinds that programs cannot walk', () => {
  const kinds: readonly (readonly [Kind, Shape])[] = [
    ['LPM_TRIE', { keySize: 8, flags: BPF_F_NO_PREALLOC }],
    ['QUEUE', { keySize: 0 }],
    ['STACK', { keySize: 0 }],
    ['BLOOM_FILTER', { keySize: 0 }],
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 }],
    ['PROG_ARRAY', { valueSize: 4 }],
    ['DEVMAP', { valueSize: 4 }],
    ['STACK_TRACE', { valueSize: 80 }],
  ];

  it.each(kinds)('%s', (kind, shape) => {
    const { program } = made(kind, shape);
    expect(() => {
      program.walk();
    }).toThrow('cannot be walked');
  });
});
