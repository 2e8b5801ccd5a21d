/** BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY, as kernel/bpf/arraymap.c has them. */
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, MapFlag } from '../../src/maps/index.ts';
import { filled, numberOf, outcome, ProgramSide, TestMachine, UserSide, u32, u64 } from './harness.ts';

function arrayOf(shape = {}, cpus = 1) {
  const machine = new TestMachine(cpus);
  const map = machine.map('ARRAY', shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

function percpuArrayOf(shape = {}, cpus = 3) {
  const machine = new TestMachine(cpus);
  const map = machine.map('PERCPU_ARRAY', shape);
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

describe('an array', () => {
  it('is full of zeros from the start', () => {
    const { program } = arrayOf({ maxEntries: 3 });
    expect([0, 1, 2].map((i) => program.lookup(u32(i)))).toEqual([u64(0), u64(0), u64(0)]);
  });

  it('keeps values at addresses that never change', () => {
    const { program, machine } = arrayOf();
    const address = program.lookupAddress(u32(2));
    expect(program.update(u32(2), u64(77))).toBe('ok');
    expect(program.lookupAddress(u32(2))).toBe(address);
    expect(machine.memory.readBytes(address, 8)).toEqual(u64(77));
  });

  it('lays values out one behind the other, at multiples of 8', () => {
    const { program } = arrayOf({ valueSize: 12, maxEntries: 3 });
    const [a, b, c] = [0, 1, 2].map((i) => program.lookupAddress(u32(i)));
    expect([b! - a!, c! - b!]).toEqual([16, 16]);
  });

  it('has no entry at max_entries: lookups find none, updates are too big', () => {
    const { program, user } = arrayOf({ maxEntries: 3 });
    expect(program.lookup(u32(3))).toBeUndefined();
    expect(program.lookup(u32(0xffffffff))).toBeUndefined();
    expect(program.update(u32(3), u64(1))).toBe('E2BIG');
    expect(user.lookup(u32(3))).toBe('ENOENT');
    expect(user.update(u32(3), u64(1))).toBe('E2BIG');
  });

  it('holds every entry already: NOEXIST always fails, EXIST never', () => {
    const { program, user } = arrayOf();
    expect(program.update(u32(0), u64(1), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(u32(0), u64(1), BPF_EXIST)).toBe('ok');
    expect(user.update(u32(1), u64(1), BPF_NOEXIST)).toBe('EEXIST');
    expect(user.update(u32(1), u64(1), BPF_EXIST)).toBe('ok');
  });

  it('looks at the flags, then at the index, then at the rest', () => {
    const { program } = arrayOf({ maxEntries: 1 });
    expect(program.update(u32(5), u64(1), 3)).toBe('EINVAL');
    expect(program.update(u32(5), u64(1), BPF_NOEXIST)).toBe('E2BIG');
    expect(program.update(u32(5), u64(1), BPF_F_LOCK)).toBe('E2BIG');
    expect(program.update(u32(0), u64(1), BPF_F_LOCK)).toBe('EINVAL');
  });

  it.each([3, 7, 8, 16, 2 ** 32, 2 ** 32 + 1, 2 ** 63])('does not know flags %d', (flags) => {
    const { program } = arrayOf();
    expect(program.update(u32(0), u64(1), flags)).toBe('EINVAL');
  });

  it('deletes nothing', () => {
    const { program, user } = arrayOf();
    expect(program.delete(u32(0))).toBe('EINVAL');
    expect(user.delete(u32(0))).toBe('EINVAL');
    expect(user.lookupAndDelete(u32(0))).toBe('unsupported');
  });

  it('takes keys and values at any alignment', () => {
    const { machine, map } = arrayOf();
    const bytes = machine.push(Uint8Array.of(0, ...u32(3), ...u64(0x1122334455667788n)));
    expect(outcome(map.update(bytes + 1, bytes + 5, 0))).toBe('ok');
    expect(machine.memory.readBytes(map.lookup(bytes + 1), 8)).toEqual(u64(0x1122334455667788n));
  });

  it('lists its indexes; a key that is none starts from the first', () => {
    const { user } = arrayOf({ maxEntries: 3 });
    expect(user.keys()).toEqual([u32(0), u32(1), u32(2)]);
    expect(user.next(u32(9))).toEqual(u32(0));
    expect(user.next(u32(2))).toBe('ENOENT');
  });

  it('gives the address of a byte in its only value, and no other array does', () => {
    const { map, program } = arrayOf({ maxEntries: 1, valueSize: 20 });
    expect(map.directValue!(0)).toBe(program.lookupAddress(u32(0)));
    expect(map.directValue!(19) - map.directValue!(0)).toBe(19);
    expect(outcome(map.directValue!(20))).toBe('EINVAL');
    expect(outcome(arrayOf({ maxEntries: 2 }).map.directValue!(0))).toBe('ENOTSUPP');
  });

  it('starts at a page when user space may map it', () => {
    const { map } = arrayOf({ maxEntries: 1, valueSize: 20, flags: MapFlag.BPF_F_MMAPABLE });
    expect(map.directValue!(0) % 4096).toBe(0);
  });

  it('walks all entries with keys that nested walks leave alone', () => {
    const { program } = arrayOf({ maxEntries: 3 });
    const seen: string[] = [];
    for (let i = 0; i < 3; i++) program.update(u32(i), u64(10 + i));
    const { machine, map } = arrayOf({ maxEntries: 3 });
    const outer = map.iterate!();
    while (outer.next()) {
      const inner = map.iterate!();
      while (inner.next()) seen.push(`${word(machine, outer.key)}${word(machine, inner.key)}`);
    }
    expect(seen).toEqual(['00', '01', '02', '10', '11', '12', '20', '21', '22']);
    const walked: (number | string | undefined)[] = [];
    program.walk((key, value) => walked.push(numberOf(key), numberOf(value)));
    expect(walked).toEqual([0, 10, 1, 11, 2, 12]);
  });

  it('goes on with walks when many were left without an end', () => {
    const { machine, map } = arrayOf({ maxEntries: 2 });
    for (let i = 0; i < 100; i++) map.iterate!().next();
    const walk = map.iterate!();
    expect([walk.next(), word(machine, walk.key), walk.next(), word(machine, walk.key), walk.next()]).toEqual(
      [true, 0, true, 1, false],
    );
  });

  it('lets programs touch the bytes of values and nothing else', () => {
    const { machine, program } = arrayOf({ valueSize: 12, maxEntries: 2 });
    const first = program.lookupAddress(u32(0));
    expect(machine.memory.isWritable(first, 12)).toBe(true);
    expect(machine.memory.isReadable(first + 12, 1)).toBe(false);
    expect(machine.memory.isReadable(first + 16, 12)).toBe(true);
    expect(machine.memory.isReadable(first + 28, 1)).toBe(false);
    expect(machine.memory.isReadable(first - 1, 1)).toBe(false);
  });

  it('is read-only for programs with BPF_F_RDONLY_PROG, not for user space', () => {
    const { machine, program, user } = arrayOf({ flags: MapFlag.BPF_F_RDONLY_PROG });
    const address = program.lookupAddress(u32(0));
    expect(machine.memory.isReadable(address, 8)).toBe(true);
    expect(machine.memory.isWritable(address, 8)).toBe(false);
    expect(user.update(u32(0), u64(5))).toBe('ok');
    expect(program.lookup(u32(0))).toEqual(u64(5));
  });

  it('faults on buffers that are too short, as copy_from_user does', () => {
    const { user } = arrayOf();
    expect(user.update(u32(0), new Uint8Array(7))).toBe('EFAULT');
    expect(user.update(new Uint8Array(3), u64(0))).toBe('EFAULT');
    expect(user.lookup(new Uint8Array(3))).toBe('EFAULT');
    expect(user.next(new Uint8Array(3))).toBe('EFAULT');
  });
});

describe('a per-CPU array', () => {
  it('has a value for each CPU; a program sees its own', () => {
    const { machine, program } = percpuArrayOf();
    for (machine.cpu = 0; machine.cpu < 3; machine.cpu++) program.update(u32(1), u64(100 + machine.cpu));
    machine.cpu = 1;
    expect(program.lookup(u32(1))).toEqual(u64(101));
    machine.cpu = 2;
    expect(program.lookup(u32(1))).toEqual(u64(102));
    expect(program.lookup(u32(0))).toEqual(u64(0));
  });

  it('shows any CPU to who asks for it, and nothing for a CPU or index that is not there', () => {
    const { machine, program } = percpuArrayOf();
    machine.cpu = 2;
    program.update(u32(0), u64(7));
    machine.cpu = 0;
    expect(program.lookupOnCpu(u32(0), 2)).toEqual(u64(7));
    expect(program.lookupOnCpu(u32(0), 3)).toBeUndefined();
    expect(program.lookupOnCpu(u32(0), -1)).toBeUndefined();
    expect(program.lookupOnCpu(u32(4), 0)).toBeUndefined();
  });

  it('is read and written by user space for all CPUs at once, each padded to 8 bytes', () => {
    const { machine, map, program, user } = percpuArrayOf({ valueSize: 12 });
    expect(map.userValueSize).toBe(3 * 16);
    const all = Uint8Array.from({ length: 48 }, (_, i) => i);
    expect(user.update(u32(2), all)).toBe('ok');
    expect(user.lookup(u32(2))).toEqual(all);
    machine.cpu = 1;
    expect(program.lookup(u32(2))).toEqual(all.subarray(16, 28));
    program.update(u32(2), filled(12, 0xee));
    const changed = all.slice();
    changed.fill(0xee, 16, 28);
    expect(user.lookup(u32(2))).toEqual(changed);
  });

  it('has the errors of an array, and knows no BPF_F_LOCK', () => {
    const { program, user } = percpuArrayOf();
    expect(program.update(u32(4), u64(0))).toBe('E2BIG');
    expect(program.update(u32(0), u64(0), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(u32(0), u64(0), BPF_F_LOCK)).toBe('EINVAL');
    expect(user.update(u32(4), new Uint8Array(24))).toBe('E2BIG');
    expect(user.update(u32(0), new Uint8Array(24), BPF_NOEXIST)).toBe('EEXIST');
    expect(user.update(u32(4), new Uint8Array(24), BPF_F_LOCK)).toBe('EINVAL');
    expect(user.lookup(u32(0), BPF_F_LOCK)).toBe('EINVAL');
    expect(user.lookup(u32(4))).toBe('ENOENT');
    expect(program.delete(u32(0))).toBe('EINVAL');
    expect(user.delete(u32(0))).toBe('EINVAL');
  });

  it('cannot be reached by address from an instruction', () => {
    expect('directValue' in percpuArrayOf({ maxEntries: 1 }).map).toBe(false);
  });

  it('is walked with the values of the CPU that walks', () => {
    const { machine, program } = percpuArrayOf({ maxEntries: 2 });
    machine.cpu = 1;
    program.update(u32(0), u64(5));
    program.update(u32(1), u64(6));
    const seen: unknown[] = [];
    program.walk((key, value) => seen.push(numberOf(key), numberOf(value)));
    machine.cpu = 0;
    program.walk((key, value) => seen.push(numberOf(key), numberOf(value)));
    expect(seen).toEqual([0, 5, 1, 6, 0, 0, 1, 0]);
  });

  it('lets programs touch no padding', () => {
    const { machine, program } = percpuArrayOf({ valueSize: 4, maxEntries: 2 });
    const address = program.lookupAddress(u32(1));
    expect(machine.memory.isWritable(address, 4)).toBe(true);
    expect(machine.memory.isReadable(address + 4, 1)).toBe(false);
    expect(machine.memory.isWritable(address + 8, 4)).toBe(true);
  });
});

function word(machine: TestMachine, address: number): number {
  return machine.memory.view.getUint32(address, true);
}
