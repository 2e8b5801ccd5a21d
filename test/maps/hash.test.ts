/** BPF_MAP_TYPE_HASH and BPF_MAP_TYPE_PERCPU_HASH, as kernel/bpf/hashtab.c has them. */
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, MapFlag } from '../../src/maps/index.ts';
import { type Kind, numberOf, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

function made(kind: Kind, shape: Shape = {}, cpus = 1) {
  const machine = new TestMachine(cpus);
  const map = machine.map(kind, shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

const hashOf = (shape: Shape = {}, cpus = 1) => made('HASH', shape, cpus);
const percpuHashOf = (shape: Shape = {}, cpus = 3) => made('PERCPU_HASH', shape, cpus);

const { BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG, BPF_F_ZERO_SEED } = MapFlag;

describe.each([
  ['preallocated', 0],
  ['allocated on demand', BPF_F_NO_PREALLOC],
])('a hash, %s,', (_, flags) => {
  it('finds what was put in, and nothing else', () => {
    const { program } = hashOf({ flags });
    expect(program.lookup(u32(1))).toBeUndefined();
    expect(program.update(u32(1), u64(11))).toBe('ok');
    expect(program.update(u32(2), u64(22))).toBe('ok');
    expect([1, 2, 3].map((key) => numberOf(program.lookup(u32(key))))).toEqual([11, 22, undefined]);
  });

  it('obeys NOEXIST and EXIST', () => {
    const { program } = hashOf({ flags });
    expect(program.update(u32(1), u64(1), BPF_EXIST)).toBe('ENOENT');
    expect(program.update(u32(1), u64(1), BPF_NOEXIST)).toBe('ok');
    expect(program.update(u32(1), u64(2), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(u32(1), u64(3), BPF_EXIST)).toBe('ok');
    expect(program.lookup(u32(1))).toEqual(u64(3));
  });

  it.each([3, 7, 8, 2 ** 32])('does not know flags %d', (unknown) => {
    expect(hashOf({ flags }).program.update(u32(1), u64(1), unknown)).toBe('EINVAL');
  });

  it('takes BPF_F_LOCK only when values have a lock', () => {
    const { program, user } = hashOf({ flags });
    expect(program.update(u32(1), u64(1), BPF_F_LOCK)).toBe('EINVAL');
    expect(user.update(u32(1), u64(1), BPF_F_LOCK)).toBe('EINVAL');
    expect(user.lookup(u32(1), BPF_F_LOCK)).toBe('EINVAL');
  });

  it('is full at max_entries: new keys are too big, old ones can be changed', () => {
    const { program, user } = hashOf({ maxEntries: 3, flags }, 4);
    for (const key of [1, 2, 3]) expect(program.update(u32(key), u64(key))).toBe('ok');
    expect(program.update(u32(4), u64(4))).toBe('E2BIG');
    expect(user.update(u32(4), u64(4))).toBe('E2BIG');
    expect(program.update(u32(4), u64(4), BPF_EXIST)).toBe('ENOENT');
    for (const key of [1, 2, 3, 1, 1, 2]) expect(program.update(u32(key), u64(key + 10))).toBe('ok');
    expect(program.delete(u32(2))).toBe('ok');
    expect(program.update(u32(4), u64(4))).toBe('ok');
    expect(program.update(u32(2), u64(4))).toBe('E2BIG');
  });

  it('gives every CPU all of its elements', () => {
    const { machine, program } = hashOf({ maxEntries: 5, flags }, 4);
    machine.cpu = 3;
    for (let key = 0; key < 5; key++) expect(program.update(u32(key), u64(key))).toBe('ok');
    expect(program.update(u32(5), u64(5))).toBe('E2BIG');
    machine.cpu = 1;
    expect(program.delete(u32(0))).toBe('ok');
    machine.cpu = 2;
    expect(program.update(u32(5), u64(5))).toBe('ok');
  });

  it('deletes a key once', () => {
    const { program, user } = hashOf({ flags });
    program.update(u32(1), u64(1));
    expect(program.delete(u32(1))).toBe('ok');
    expect(program.delete(u32(1))).toBe('ENOENT');
    expect(user.delete(u32(1))).toBe('ENOENT');
    expect(program.lookup(u32(1))).toBeUndefined();
  });

  it('puts a changed value elsewhere, and the old one stays readable until the next change', () => {
    const { machine, program } = hashOf({ flags });
    program.update(u32(1), u64(1));
    const first = program.lookupAddress(u32(1));
    program.update(u32(1), u64(2));
    const second = program.lookupAddress(u32(1));
    expect(second).not.toBe(first);
    expect(machine.memory.readBytes(first, 8)).toEqual(u64(1));
    expect(machine.memory.isWritable(first, 8)).toBe(true);
    program.update(u32(1), u64(3));
    expect(program.lookupAddress(u32(1))).toBe(first);
    expect(machine.memory.readBytes(second, 8)).toEqual(u64(2));
  });

  it('keeps a deleted value readable until its element is used again, by the next insertion on that CPU', () => {
    const { machine, program } = hashOf({ flags });
    program.update(u32(1), u64(1));
    const address = program.lookupAddress(u32(1));
    program.delete(u32(1));
    expect(machine.memory.readBytes(address, 8)).toEqual(u64(1));
    expect(machine.memory.isReadable(address, 8)).toBe(true);
    program.update(u32(9), u64(9));
    expect(program.lookupAddress(u32(9))).toBe(address);
  });

  it('can be emptied by a walk that deletes what it sees', () => {
    const { program } = hashOf({ maxEntries: 64, flags });
    for (let key = 0; key < 64; key++) program.update(u32(key), u64(key));
    const seen = new Set<unknown>();
    program.walk((key) => {
      seen.add(numberOf(key));
      expect(program.delete(key)).toBe('ok');
    });
    expect(seen.size).toBe(64);
    expect(program.lookup(u32(5))).toBeUndefined();
  });

  it('can change the values a walk shows, each once', () => {
    const { program } = hashOf({ maxEntries: 16, flags });
    for (let key = 0; key < 16; key++) program.update(u32(key), u64(key));
    let visits = 0;
    program.walk((key, value) => {
      visits++;
      program.update(key, u64(Number(numberOf(value)) + 100));
    });
    expect(visits).toBe(16);
    for (let key = 0; key < 16; key++) expect(program.lookup(u32(key))).toEqual(u64(key + 100));
  });

  it('lets user space take a value out while deleting it', () => {
    const { user } = hashOf({ flags });
    user.update(u32(1), u64(11));
    expect(user.lookupAndDelete(u32(1))).toEqual(u64(11));
    expect(user.lookupAndDelete(u32(1))).toBe('ENOENT');
    expect(user.lookupAndDelete(u32(1), 1)).toBe('EINVAL');
  });
});

describe('a hash', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 12, 16, 20, 33, 64, 511])('has keys of %i bytes', (keySize) => {
    const { program, user } = hashOf({ keySize, maxEntries: 40 });
    const key = (n: number): Uint8Array => new Uint8Array(keySize).fill(n).with(keySize - 1, 255 - n);
    for (let n = 0; n < 40; n++) expect(program.update(key(n), u64(n))).toBe('ok');
    for (let n = 0; n < 40; n++) {
      expect(program.lookup(key(n))).toEqual(u64(n));
      expect(user.lookup(key(n))).toEqual(u64(n));
    }
    expect(program.lookup(key(41))).toBeUndefined();
    expect(user.keys().length).toBe(40);
  });

  it('takes keys at any alignment', () => {
    const { machine, map } = hashOf({ keySize: 12 });
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    const at = machine.push(bytes);
    map.update(at + 3, machine.push(u64(5)), 0);
    expect(machine.memory.readBytes(map.lookup(machine.push(bytes.subarray(3, 15))), 8)).toEqual(u64(5));
  });

  it("lists keys by bucket, the newest first in each, in the kernel's order when its seed is zero", () => {
    const { user } = hashOf({ maxEntries: 16, flags: BPF_F_ZERO_SEED });
    for (let key = 0; key < 16; key++) user.update(u32(key), u64(0));
    expect(user.keys().map(numberOf)).toEqual([10, 4, 15, 5, 0, 14, 7, 2, 13, 1, 8, 12, 11, 9, 6, 3]);
  });

  it('has another order with another seed', () => {
    const orders = [1, 2, 3].map((seed) => {
      const machine = new TestMachine();
      machine.seed = seed;
      const user = new UserSide(machine.map('HASH', { maxEntries: 64 }));
      for (let key = 0; key < 64; key++) user.update(u32(key), u64(0));
      return user.keys().map(numberOf).join();
    });
    expect(new Set(orders).size).toBe(3);
  });

  it('starts the list over when the key to go on from is gone', () => {
    const { user } = hashOf({ maxEntries: 8 });
    for (let key = 0; key < 8; key++) user.update(u32(key), u64(0));
    const [first, second, third] = user.keys();
    expect(user.next(second)).toEqual(third);
    user.delete(second!);
    expect(user.next(second)).toEqual(first);
    expect(user.next(user.keys().at(-1))).toBe('ENOENT');
  });

  it('may find the source of an update in itself', () => {
    const { map, machine, program } = hashOf({ maxEntries: 2 });
    program.update(u32(1), u64(41));
    const value = program.lookupAddress(u32(1));
    expect(map.update(machine.push(u32(2)), value, 0)).toBe(0);
    expect(map.update(machine.push(u32(1)), program.lookupAddress(u32(2)), 0)).toBe(0);
    expect([program.lookup(u32(1)), program.lookup(u32(2))]).toEqual([u64(41), u64(41)]);
  });

  it('lets programs touch the values it gave out, and read keys while walking; nothing between', () => {
    const { machine, map, program } = hashOf({ valueSize: 12, keySize: 8 });
    program.update(u64(1), new Uint8Array(12));
    const value = program.lookupAddress(u64(1));
    expect(machine.memory.isWritable(value, 12)).toBe(true);
    expect(machine.memory.isReadable(value + 12, 1)).toBe(false);
    expect(machine.memory.isReadable(value - 1, 1)).toBe(false);
    const walk = map.iterate!();
    walk.next();
    expect(machine.memory.isReadable(walk.key, 8)).toBe(true);
    expect(machine.memory.isWritable(walk.key, 1)).toBe(false);
    expect(machine.memory.isReadable(walk.key - 1, 1)).toBe(false);
    expect(machine.memory.isReadable(walk.key + 8, 1)).toBe(false);
  });

  it('has no element that programs can touch before it is used', () => {
    const { machine, program } = hashOf({ maxEntries: 2, valueSize: 8 });
    program.update(u32(1), u64(1));
    const address = program.lookupAddress(u32(1));
    const region = machine.memory.regionAt(address)!;
    let open = 0;
    for (let at = region.address; at < region.address + region.size; at++) {
      if (machine.memory.isReadable(at, 1) && (at < address || at >= address + 24)) open++;
    }
    // One spare element for the CPU's next replacement is open too: 8 bytes of value, 4 of key.
    expect(open).toBe(12);
  });

  it('is read-only for programs with BPF_F_RDONLY_PROG', () => {
    const { machine, program, user } = hashOf({ flags: BPF_F_RDONLY_PROG });
    user.update(u32(1), u64(5));
    const address = program.lookupAddress(u32(1));
    expect(machine.memory.isReadable(address, 8)).toBe(true);
    expect(machine.memory.isWritable(address, 1)).toBe(false);
  });

  it('runs out of memory as the kernel does when elements are allocated on demand', () => {
    const machine = new TestMachine(1, 2 << 20);
    const map = machine.map('HASH', { maxEntries: 1000, valueSize: 32768, flags: BPF_F_NO_PREALLOC });
    const user = new UserSide(map);
    let stored = 0;
    while (user.update(u32(stored), new Uint8Array(32768)) === 'ok') stored++;
    expect(stored).toBeGreaterThan(10);
    expect(user.update(u32(stored), new Uint8Array(32768))).toBe('ENOMEM');
    expect(user.lookup(u32(0))).toHaveLength(32768);
    user.delete(u32(0));
    expect(user.update(u32(stored), new Uint8Array(32768))).toBe('ok');
  });

  it('faults on buffers that are too short', () => {
    const { user } = hashOf({ keySize: 6 });
    expect(user.update(new Uint8Array(5), u64(0))).toBe('EFAULT');
    expect(user.update(new Uint8Array(6), new Uint8Array(7))).toBe('EFAULT');
    expect(user.lookup(new Uint8Array(5))).toBe('EFAULT');
    expect(user.delete(new Uint8Array(5))).toBe('EFAULT');
    expect(user.next(new Uint8Array(5))).toBe('EFAULT');
  });
});

describe.each([
  ['preallocated', 0],
  ['allocated on demand', BPF_F_NO_PREALLOC],
])('a per-CPU hash, %s,', (_, flags) => {
  it("has a value for each CPU: a program's first update sets its own and clears the others", () => {
    const { machine, program } = percpuHashOf({ flags });
    machine.cpu = 1;
    program.update(u32(5), u64(50));
    expect([0, 1, 2].map((cpu) => numberOf(program.lookupOnCpu(u32(5), cpu)))).toEqual([0, 50, 0]);
    machine.cpu = 2;
    program.update(u32(5), u64(51));
    expect([0, 1, 2].map((cpu) => numberOf(program.lookupOnCpu(u32(5), cpu)))).toEqual([0, 50, 51]);
    expect(program.lookup(u32(5))).toEqual(u64(51));
  });

  it('clears what an element held before', () => {
    const { program, user } = percpuHashOf({ flags, maxEntries: 1 });
    user.update(u32(1), new Uint8Array(24).fill(0xff));
    user.delete(u32(1));
    program.update(u32(2), u64(1));
    expect([0, 1, 2].map((cpu) => numberOf(program.lookupOnCpu(u32(2), cpu)))).toEqual([1, 0, 0]);
  });

  it('changes values where they are', () => {
    const { program } = percpuHashOf({ flags });
    program.update(u32(1), u64(1));
    const address = program.lookupAddress(u32(1));
    program.update(u32(1), u64(2));
    expect(program.lookupAddress(u32(1))).toBe(address);
  });

  it('is read and written by user space for all CPUs at once', () => {
    const { map, program, user } = percpuHashOf({ flags, valueSize: 4 });
    expect(map.userValueSize).toBe(24);
    const all = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
    expect(user.update(u32(1), all)).toBe('ok');
    expect(program.lookupOnCpu(u32(1), 2)).toEqual(all.subarray(16, 20));
    expect(user.lookup(u32(1))).toEqual(all);
    expect(user.lookupAndDelete(u32(1))).toEqual(all);
    expect(user.lookup(u32(1))).toBe('ENOENT');
  });

  it("has a hash's errors, and knows no BPF_F_LOCK", () => {
    const { program, user } = percpuHashOf({ flags, maxEntries: 1 });
    expect(program.update(u32(1), u64(1), BPF_F_LOCK)).toBe('EINVAL');
    expect(program.update(u32(1), u64(1), BPF_EXIST)).toBe('ENOENT');
    expect(program.update(u32(1), u64(1), BPF_NOEXIST)).toBe('ok');
    expect(program.update(u32(1), u64(1), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(u32(2), u64(1))).toBe('E2BIG');
    expect(user.update(u32(2), new Uint8Array(24))).toBe('E2BIG');
    expect(program.lookupOnCpu(u32(1), 3)).toBeUndefined();
    expect(program.lookupOnCpu(u32(2), 0)).toBeUndefined();
    expect(program.delete(u32(2))).toBe('ENOENT');
  });

  it('is walked with the values of the CPU that walks', () => {
    const { machine, program } = percpuHashOf({ flags });
    machine.cpu = 2;
    program.update(u32(1), u64(7));
    const seen: unknown[] = [];
    program.walk((key, value) => seen.push(numberOf(key), numberOf(value)));
    machine.cpu = 0;
    program.walk((key, value) => seen.push(numberOf(key), numberOf(value)));
    expect(seen).toEqual([1, 7, 1, 0]);
  });
});
