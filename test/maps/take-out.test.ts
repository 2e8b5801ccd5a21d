/**
 * BPF_MAP_LOOKUP_AND_DELETE_ELEM: which kinds let user space take a value out, and what is left behind
 * (bpf_map_lookup_and_delete_elem in kernel/bpf/syscall.c, __htab_map_lookup_and_delete_elem in kernel/bpf/hashtab.c).
 */
import { describe, expect, it } from 'vitest';
import { MapFlag } from '../../src/maps/index.ts';
import { type Kind, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

const { BPF_F_NO_COMMON_LRU, BPF_F_NO_PREALLOC } = MapFlag;
const CPUS = 3;

function made(kind: Kind, shape: Shape = {}) {
  const machine = new TestMachine(CPUS);
  const map = machine.map(kind, shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

/** A user's value with another number for each CPU. */
function numbered(bytes: number, first: number): Uint8Array {
  const value = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 8) value.set(u64(first + at / 8), at);
  return value;
}

const KEYED: readonly (readonly [string, Kind, number])[] = [
  ['a hash', 'HASH', 0],
  ['a hash that allocates on demand', 'HASH', BPF_F_NO_PREALLOC],
  ['a per-CPU hash', 'PERCPU_HASH', 0],
  ['an LRU hash', 'LRU_HASH', 0],
  ['an LRU hash with lists for each CPU', 'LRU_HASH', BPF_F_NO_COMMON_LRU],
  ['a per-CPU LRU hash', 'LRU_PERCPU_HASH', 0],
];

describe.each(KEYED)('taking a value out of %s', (_, kind, flags) => {
  it('gives what was stored for all CPUs, and forgets the key', () => {
    const { map, user, program } = made(kind, { flags, maxEntries: 12 });
    for (const key of [1, 2, 3]) user.update(u32(key), numbered(map.userValueSize, key * 10));
    expect(user.lookupAndDelete(u32(2))).toEqual(numbered(map.userValueSize, 20));
    expect(user.lookup(u32(2))).toBe('ENOENT');
    expect(program.lookup(u32(2))).toBeUndefined();
    expect(user.keys()).toHaveLength(2);
    expect(user.lookup(u32(3))).toEqual(numbered(map.userValueSize, 30));
  });

  it('gives what programs made of it last', () => {
    const { machine, map, user, program } = made(kind, { flags, maxEntries: 12 });
    user.update(u32(1), numbered(map.userValueSize, 1));
    machine.memory.view.setUint32(program.lookupAddress(u32(1)), 77, true);
    expect((user.lookupAndDelete(u32(1)) as Uint8Array)[0]).toBe(77);
  });

  it('finds no key that is not there, and touches no other', () => {
    const { map, user } = made(kind, { flags, maxEntries: 12 });
    user.update(u32(1), numbered(map.userValueSize, 1));
    expect(user.lookupAndDelete(u32(9))).toBe('ENOENT');
    expect(user.keys()).toEqual([u32(1)]);
  });

  it('makes room for another key', () => {
    const { map, user } = made(kind, { flags, maxEntries: 3 });
    for (let key = 0; key < 50; key++) {
      expect(user.update(u32(key), numbered(map.userValueSize, key))).toBe('ok');
      expect(user.lookupAndDelete(u32(key))).toEqual(numbered(map.userValueSize, key));
    }
    expect(user.keys()).toEqual([]);
  });

  it('knows no flags for values without a lock, and then deletes nothing', () => {
    const { map, user } = made(kind, { flags, maxEntries: 12 });
    user.update(u32(1), numbered(map.userValueSize, 1));
    for (const unknown of [1, 2, 4, 8]) expect(user.lookupAndDelete(u32(1), unknown)).toBe('EINVAL');
    expect(user.keys()).toEqual([u32(1)]);
  });
});

describe.each(['QUEUE', 'STACK'] as const)('taking a value out of a %s', (kind) => {
  it('is popping', () => {
    const { user, program } = made(kind, { keySize: 0, maxEntries: 4 });
    const none = new Uint8Array(0);
    for (const n of [1, 2, 3]) user.update(none, u64(n));
    const order = kind === 'QUEUE' ? [1, 2, 3] : [3, 2, 1];
    expect([1, 2, 3].map(() => user.lookupAndDelete(none))).toEqual(order.map((n) => u64(n)));
    expect(user.lookupAndDelete(none)).toBe('ENOENT');
    expect(program.lookup(none)).toBeUndefined();
  });
});

describe('kinds whose entries user space cannot take out', () => {
  const kinds: readonly (readonly [Kind, Shape])[] = [
    ['ARRAY', {}],
    ['PERCPU_ARRAY', {}],
    ['LPM_TRIE', { keySize: 8, flags: BPF_F_NO_PREALLOC }],
    ['BLOOM_FILTER', { keySize: 0 }],
    ['PROG_ARRAY', { valueSize: 4 }],
    ['DEVMAP', { valueSize: 4 }],
    ['DEVMAP_HASH', { valueSize: 4 }],
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 }],
  ];

  it.each(kinds)('%s', (kind, shape) => {
    expect(made(kind, shape).user.lookupAndDelete(u32(0))).toBe('unsupported');
  });
});
