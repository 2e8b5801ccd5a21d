/** BPF_MAP_TYPE_ARRAY_OF_MAPS and BPF_MAP_TYPE_HASH_OF_MAPS, and which maps may be inside (kernel/bpf/map_in_map.c). */
import { describe, expect, it } from 'vitest';
import {
  BPF_EXIST,
  BPF_NOEXIST,
  type BpfMap,
  MapFlag,
  MapObject,
  type MapRef,
} from '../../src/maps/index.ts';
import { type Kind, outcome, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

/** A map that counts who holds it, with an id. */
class CountedMap implements MapRef {
  readonly map: BpfMap;
  holders = 0;

  constructor(machine: TestMachine, map: BpfMap, id: number) {
    this.map = map;
    machine.memory.view.setUint32(map.address + MapObject.id, id, true);
  }

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
  }
}

const KINDS = ['ARRAY_OF_MAPS', 'HASH_OF_MAPS'] as const;

/** A map of arrays of 4 values, three such arrays with file descriptors 11 to 13 and ids 101 to 103. */
function made(kind: Kind) {
  const machine = new TestMachine();
  const inner = [1, 2, 3].map((n) => new CountedMap(machine, machine.map('ARRAY'), 100 + n));
  inner.forEach((map, i) => {
    machine.maps.set(11 + i, map);
  });
  const map = machine.map(kind, { valueSize: 4, maxEntries: 4, innerMap: inner[0]!.map });
  return { machine, inner, map, user: new UserSide(map), program: new ProgramSide(machine, map) };
}

describe.each(KINDS)('%s', (kind) => {
  it('gives programs the inner map, and user space its id', () => {
    const { inner, program, user } = made(kind);
    expect(program.lookupAddress(u32(1))).toBe(0);
    expect(user.update(u32(1), u32(12))).toBe('ok');
    expect(program.lookupAddress(u32(1))).toBe(inner[1]!.map.address);
    expect(user.lookup(u32(1))).toEqual(u32(102));
    expect(user.lookup(u32(2))).toBe('ENOENT');
  });

  it('holds what is in it, each time it is in it', () => {
    const { inner, map, user } = made(kind);
    const holders = (): number[] => inner.map((one) => one.holders);
    user.update(u32(0), u32(11));
    user.update(u32(1), u32(11));
    user.update(u32(2), u32(12));
    expect(holders()).toEqual([2, 1, 0]);
    user.update(u32(1), u32(13));
    expect(holders()).toEqual([1, 1, 1]);
    user.update(u32(0), u32(11));
    expect(holders()).toEqual([1, 1, 1]);
    expect(user.delete(u32(2))).toBe('ok');
    expect(user.delete(u32(2))).toBe('ENOENT');
    expect(holders()).toEqual([1, 0, 1]);
    map.free();
    expect(holders()).toEqual([0, 0, 0]);
  });

  it('gives its memory back', () => {
    const { machine, inner, user, map } = made(kind);
    user.update(u32(0), u32(11));
    map.free();
    for (const one of inner) one.map.free();
    expect(machine.memory.bytesInUse).toBe(new TestMachine().memory.bytesInUse);
  });

  it('takes a map from its owner without counting', () => {
    const { machine, map, program } = made(kind);
    const other = machine.map('ARRAY');
    expect(outcome(map.setInner!(u32(2), other))).toBe('ok');
    expect(program.lookupAddress(u32(2))).toBe(other.address);
    expect(outcome(map.setInner!(u32(2), machine.map('HASH')))).toBe('EINVAL');
    expect(outcome(map.setInner!(new Uint8Array(3), other))).toBe('EFAULT');
  });

  it.each<[string, Kind, Shape]>([
    ['type', 'PERCPU_ARRAY', {}],
    ['value size', 'ARRAY', { valueSize: 16 }],
    ['number of entries', 'ARRAY', { maxEntries: 5 }],
    ['flags', 'ARRAY', { flags: MapFlag.BPF_F_MMAPABLE }],
  ])('takes no map of another %s than the template', (_, innerKind, shape) => {
    const { machine, user, inner } = made(kind);
    const other = new CountedMap(machine, machine.map(innerKind, shape), 200);
    machine.maps.set(20, other);
    expect(user.update(u32(0), u32(20))).toBe('EINVAL');
    expect(other.holders).toBe(0);
    expect(inner.length).toBe(3);
  });

  it('has the errors of the kernel', () => {
    const { user, program } = made(kind);
    expect(user.update(u32(0), u32(99))).toBe('EBADF');
    expect(user.update(new Uint8Array(3), u32(11))).toBe('EFAULT');
    expect(program.update(u32(0), u64(0))).toBe('EOPNOTSUPP');
    expect(user.lookup(u32(0), 4)).toBe('EINVAL');
    expect(user.lookupAndDelete(u32(0))).toBe('unsupported');
    expect('iterate' in made(kind).map).toBe(false);
  });

  it('needs a template that may be inside', () => {
    const { machine, map } = made(kind);
    const shape = { valueSize: 4, maxEntries: 4 };
    expect(machine.creation(kind, shape)).toBe('EBADF');
    expect(machine.creation(kind, { ...shape, innerMap: map })).toBe('EINVAL');
    const programs = machine.map('PROG_ARRAY', { valueSize: 4 });
    expect(machine.creation(kind, { ...shape, innerMap: programs })).toBe('ENOTSUPP');
    const hash = machine.map('HASH');
    expect(machine.creation(kind, { ...shape, innerMap: hash })).toBe('ok');
    expect(machine.creation(kind, { ...shape, innerMap: hash, valueSize: 8 })).toBe('EINVAL');
  });

  it('does not need the template once it is made', () => {
    const machine = new TestMachine();
    const template = machine.map('ARRAY');
    const map = machine.map(kind, { valueSize: 4, maxEntries: 4, innerMap: template });
    template.free();
    expect(outcome(map.setInner!(u32(0), machine.map('ARRAY')))).toBe('ok');
  });
});

describe('an array of maps', () => {
  it('has slots by index', () => {
    const { user, program } = made('ARRAY_OF_MAPS');
    expect(user.update(u32(4), u32(11))).toBe('E2BIG');
    expect(user.update(u32(0), u32(11), BPF_NOEXIST)).toBe('EINVAL');
    expect(user.delete(u32(4))).toBe('E2BIG');
    expect(program.lookupAddress(u32(4))).toBe(0);
    expect(user.keys().length).toBe(4);
  });

  it('takes arrays of other sizes where lookups are not compiled for one', () => {
    const machine = new TestMachine();
    const flags = MapFlag.BPF_F_INNER_MAP;
    const template = machine.map('ARRAY', { flags, maxEntries: 1 });
    const map = machine.map('ARRAY_OF_MAPS', { valueSize: 4, maxEntries: 1, innerMap: template });
    expect(outcome(map.setInner!(u32(0), machine.map('ARRAY', { flags, maxEntries: 9 })))).toBe('ok');
    expect(outcome(map.setInner!(u32(0), machine.map('ARRAY', { maxEntries: 1 })))).toBe('EINVAL');
  });

  it('takes hashes of other sizes', () => {
    const machine = new TestMachine();
    const map = machine.map('ARRAY_OF_MAPS', { valueSize: 4, maxEntries: 1, innerMap: machine.map('HASH') });
    expect(outcome(map.setInner!(u32(0), machine.map('HASH', { maxEntries: 99 })))).toBe('ok');
  });
});

describe('a hash of maps', () => {
  it('obeys NOEXIST and EXIST, and is full at max_entries', () => {
    const { inner, user } = made('HASH_OF_MAPS');
    expect(user.update(u32(1), u32(11), BPF_EXIST)).toBe('ENOENT');
    expect(user.update(u32(1), u32(11), BPF_NOEXIST)).toBe('ok');
    expect(user.update(u32(1), u32(12), BPF_NOEXIST)).toBe('EEXIST');
    for (const key of [2, 3, 4]) expect(user.update(u32(key), u32(12))).toBe('ok');
    expect(user.update(u32(5), u32(13))).toBe('E2BIG');
    expect(inner.map((one) => one.holders)).toEqual([1, 3, 0]);
    expect(user.keys().length).toBe(4);
  });
});
