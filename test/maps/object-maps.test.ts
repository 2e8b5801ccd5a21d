/** Maps that hold devices, CPUs, sockets and cgroups: what they take, what is read back, and that what ends leaves them. */
import { describe, expect, it } from 'vitest';
import { BpfAttachType, BpfProgType } from '../../src/spec/index.ts';
import { FakeCgroup, FakeDevice, FakeProgram, FakeSocket } from './fakes.ts';
import {
  type Kind,
  numberOf,
  outcome,
  ProgramSide,
  type Shape,
  TestMachine,
  UserSide,
  u32,
  u64,
} from './harness.ts';

const XDP = BpfProgType.BPF_PROG_TYPE_XDP;

function make(kind: Kind, shape: Shape = {}, cpus = 2) {
  const machine = new TestMachine(cpus);
  const map = machine.map(kind, shape);
  return { machine, map, user: new UserSide(map), program: new ProgramSide(machine, map) };
}

/** A struct bpf_devmap_val or bpf_cpumap_val. */
const pair = (a: number, b: number): Uint8Array => new Uint8Array([...u32(a), ...u32(b)]);

function devices(kind: 'DEVMAP' | 'DEVMAP_HASH', shape: Shape = {}) {
  const all = make(kind, { maxEntries: 3, ...shape });
  const fakes = [1, 2, 3, 4].map((ifindex) => new FakeDevice(ifindex));
  for (const device of fakes) all.machine.devices.set(device.ifindex, device);
  const loaded = new FakeProgram(77, XDP, BpfAttachType.BPF_XDP_DEVMAP);
  all.machine.programs.set(9, loaded);
  all.machine.programs.set(10, new FakeProgram(78, XDP, BpfAttachType.BPF_XDP_CPUMAP));
  return { ...all, fakes, loaded };
}

describe.each(['DEVMAP', 'DEVMAP_HASH'] as const)('a %s', (kind) => {
  it('takes devices that exist and shows them to users, programs and redirection', () => {
    const { map, user, program, machine } = devices(kind);
    expect(user.update(u32(1), pair(2, 0))).toBe('ok');
    expect(numberOf(user.lookup(u32(1)))).toBe(2);
    expect(numberOf(program.lookup(u32(1)))).toBe(2);
    const address = program.lookupAddress(u32(1));
    expect(machine.memory.isReadable(address, 8)).toBe(true);
    expect(machine.memory.isWritable(address, 1)).toBe(false);
    expect(map.targets?.targetAt(1)).toEqual({ kind: 'device', ifindex: 2, program: undefined });
    expect(map.targets?.targetAt(2)).toBeUndefined();
    expect(user.update(u32(0), pair(99, 0))).toBe('EINVAL');
  });

  it('keeps a program that was loaded for device maps and shows its id', () => {
    const { user, fakes, loaded, map } = devices(kind);
    expect(user.update(u32(0), pair(1, 9))).toBe('ok');
    expect(numberOf((user.lookup(u32(0)) as Uint8Array).subarray(4))).toBe(77);
    expect(loaded.holders).toBe(1);
    expect(user.update(u32(1), pair(1, 10))).toBe('EINVAL');
    expect(user.update(u32(1), pair(1, 11))).toBe('EINVAL');
    expect(fakes[0]!.listeners.size).toBe(1);
    map.free();
    expect(fakes[0]!.listeners.size).toBe(0);
  });

  it('loses devices that go', () => {
    const { user, fakes, map } = devices(kind);
    user.update(u32(2), pair(3, 0));
    user.update(u32(0), pair(3, 0));
    user.update(u32(1), pair(1, 0));
    fakes[2]!.end();
    expect(map.targets?.allTargets()).toEqual([{ kind: 'device', ifindex: 1, program: undefined }]);
    expect(user.lookup(u32(2))).toBe('ENOENT');
  });

  it('gives programs back when it is emptied', () => {
    const machine = new TestMachine();
    const program = new FakeProgram(5, XDP, BpfAttachType.BPF_XDP_DEVMAP);
    machine.devices.set(1, new FakeDevice(1));
    machine.programs.set(3, program);
    const map = machine.map(kind, { maxEntries: 2 });
    const user = new UserSide(map);
    user.update(u32(0), pair(1, 3));
    user.update(u32(1), pair(1, 3));
    expect(program.holders).toBe(2);
    user.update(u32(0), pair(1, 0));
    expect(program.holders).toBe(1);
    expect(user.delete(u32(1))).toBe('ok');
    expect(program.holders).toBe(0);
  });
});

describe('a DEVMAP', () => {
  it('answers as an array', () => {
    const { user } = devices('DEVMAP');
    expect(user.update(u32(3), pair(1, 0))).toBe('E2BIG');
    expect(user.update(u32(0), pair(1, 0), 1)).toBe('EEXIST');
    expect(user.update(u32(0), pair(1, 0), 3)).toBe('EINVAL');
    expect(user.update(u32(0), pair(0, 9))).toBe('EINVAL');
    expect(user.update(u32(0), pair(0, 0))).toBe('ok');
    expect(user.delete(u32(0))).toBe('ok');
    expect(user.delete(u32(3))).toBe('EINVAL');
    expect(user.lookup(u32(0), 4)).toBe('EINVAL');
    expect(user.keys().map(numberOf)).toEqual([0, 1, 2]);
  });
});

describe('a DEVMAP_HASH', () => {
  it('answers as a hash whose hash is the key', () => {
    const { user, map } = devices('DEVMAP_HASH');
    expect(user.update(u32(7), pair(1, 0))).toBe('ok');
    expect(user.update(u32(3), pair(2, 0))).toBe('ok');
    expect(user.update(u32(1), pair(3, 0))).toBe('ok');
    expect(user.update(u32(2), pair(4, 0))).toBe('E2BIG');
    expect(user.update(u32(7), pair(4, 0), 1)).toBe('EEXIST');
    expect(user.update(u32(7), pair(0, 0))).toBe('EINVAL');
    expect(user.update(u32(7), pair(4, 0))).toBe('ok');
    // Four buckets: 1 is alone, 7 stands ahead of 3 since it was set last.
    expect(user.keys().map(numberOf)).toEqual([1, 7, 3]);
    expect(map.targets?.allTargets().map((target) => target.kind === 'device' && target.ifindex)).toEqual([
      3, 4, 2,
    ]);
    expect(numberOf(user.next(u32(99)))).toBe(1);
    expect(user.delete(u32(3))).toBe('ok');
    expect(user.delete(u32(3))).toBe('ENOENT');
  });
});

describe('a CPUMAP', () => {
  it('takes CPUs that the machine has, with a queue', () => {
    const { user, map } = make('CPUMAP', { maxEntries: 4 });
    expect(user.update(u32(1), pair(192, 0))).toBe('ok');
    expect(numberOf(user.lookup(u32(1)))).toBe(192);
    expect(map.targets?.targetAt(1)).toMatchObject({ kind: 'cpu', cpu: 1 });
    expect(user.update(u32(2), pair(192, 0))).toBe('ENODEV');
    expect(user.update(u32(4), pair(192, 0))).toBe('E2BIG');
    expect(user.update(u32(0), pair(16385, 0))).toBe('EOVERFLOW');
    expect(user.update(u32(0), pair(1, 0), 1)).toBe('EEXIST');
    expect(user.update(u32(1), pair(0, 0))).toBe('ok');
    expect(user.lookup(u32(1))).toBe('ENOENT');
    expect(user.delete(u32(4))).toBe('EINVAL');
  });

  it('takes programs that were loaded for CPU maps', () => {
    const { user, machine } = make('CPUMAP');
    const program = new FakeProgram(5, XDP, BpfAttachType.BPF_XDP_CPUMAP);
    machine.programs.set(3, program);
    machine.programs.set(4, new FakeProgram(6, XDP, BpfAttachType.BPF_XDP_DEVMAP));
    expect(user.update(u32(0), pair(8, 3))).toBe('ok');
    expect(program.holders).toBe(1);
    expect(user.update(u32(0), pair(8, 4))).toBe('ENOMEM');
    expect(user.delete(u32(0))).toBe('ok');
    expect(program.holders).toBe(0);
  });
});

describe('an XSKMAP', () => {
  it('takes AF_XDP sockets only, and loses them when they are closed', () => {
    const { user, machine, program, map } = make('XSKMAP', { valueSize: 4 });
    const xsk = new FakeSocket(1, { family: 'xdp', type: 'raw', protocol: 0 });
    machine.sockets.set(5, xsk);
    machine.sockets.set(6, new FakeSocket(2));
    expect(user.update(u32(0), u32(6))).toBe('EOPNOTSUPP');
    expect(user.update(u32(0), u32(7))).toBe('ENOTSOCK');
    expect(user.update(u32(0), u32(5), 2)).toBe('ENOENT');
    expect(user.update(u32(0), u32(5))).toBe('ok');
    expect(user.update(u32(0), u32(5), 1)).toBe('ok');
    expect(program.lookupAddress(u32(0))).toBe(xsk.address);
    expect(user.lookup(u32(0))).toBe('EOPNOTSUPP');
    expect(map.targets?.targetAt(0)).toEqual({ kind: 'socket', socket: xsk });
    xsk.end();
    expect(program.lookupAddress(u32(0))).toBe(0);
    expect(xsk.listeners.size).toBe(0);
  });
});

describe.each(['SOCKMAP', 'SOCKHASH'] as const)('a %s', (kind) => {
  const setup = (shape: Shape = {}) => {
    const all = make(kind, shape);
    all.machine.sockets.set(5, new FakeSocket(50));
    all.machine.sockets.set(6, new FakeSocket(60, { state: 'established' }));
    return all;
  };

  it('takes listening and established TCP sockets and shows their cookies', () => {
    const { user, program } = setup();
    expect(user.update(u32(1), u64(5))).toBe('ok');
    expect(numberOf(user.lookup(u32(1)))).toBe(50);
    expect(program.lookupAddress(u32(1))).toBe(0x2000 + 50);
    expect(user.update(u32(1), u64(6))).toBe('ok');
    expect(numberOf(user.lookup(u32(1)))).toBe(60);
    expect(user.update(u32(1), u64(5), 1)).toBe('EEXIST');
    expect(user.update(u32(2), u64(5), 2)).toBe('ENOENT');
    expect(user.update(u32(2), u64(5), 3)).toBe('EINVAL');
    expect(user.update(u32(2), u64(2 ** 31))).toBe('EINVAL');
    expect(user.update(u32(2), u64(9))).toBe('ENOTSOCK');
  });

  it.each<[object, string]>([
    [{ state: 'close' }, 'EOPNOTSUPP'],
    [{ type: 'dgram', protocol: 17, state: 'close', hashed: true }, 'ok'],
    [{ type: 'dgram', protocol: 17, hashed: false }, 'EOPNOTSUPP'],
    [{ family: 'unix', protocol: 0, state: 'established' }, 'ok'],
    [{ family: 'unix', protocol: 0, state: 'listen' }, 'EOPNOTSUPP'],
    [{ family: 'netlink', type: 'raw' }, 'EOPNOTSUPP'],
    [{ family: 'inet', type: 'raw', protocol: 1 }, 'EOPNOTSUPP'],
  ])('answers a socket that is %o with %s', (properties, answer) => {
    const { user, machine } = setup();
    machine.sockets.set(7, new FakeSocket(70, properties));
    expect(user.update(u32(0), u64(7))).toBe(answer);
  });

  it('shows no cookie where values have 4 bytes', () => {
    const { user } = setup({ valueSize: 4 });
    expect(user.update(u32(0), u32(5))).toBe('ok');
    expect(user.lookup(u32(0))).toBe('ENOSPC');
  });

  it('loses sockets that are closed, from every place', () => {
    const { user, machine, map } = setup();
    user.update(u32(0), u64(5));
    user.update(u32(2), u64(5));
    user.update(u32(1), u64(6));
    (machine.sockets.get(5) as FakeSocket).end();
    expect(user.lookup(u32(0))).toBe('ENOENT');
    expect(user.lookup(u32(2))).toBe('ENOENT');
    expect(numberOf(user.lookup(u32(1)))).toBe(60);
    map.free();
    expect((machine.sockets.get(6) as FakeSocket).listeners.size).toBe(0);
  });
});

describe('places of sockets', () => {
  it('of a SOCKMAP are an array whose empty slots cannot be emptied', () => {
    const { user } = make('SOCKMAP');
    expect(user.delete(u32(0))).toBe('EINVAL');
    expect(user.keys().map(numberOf)).toEqual([0, 1, 2, 3]);
  });

  it('of a SOCKHASH are as many as it has entries', () => {
    const { user, machine } = make('SOCKHASH', { maxEntries: 2 });
    machine.sockets.set(5, new FakeSocket(50));
    expect([1, 2, 3].map((key) => user.update(u32(key), u64(5)))).toEqual(['ok', 'ok', 'E2BIG']);
    expect(user.update(u32(2), u64(5))).toBe('ok');
    expect(user.delete(u32(3))).toBe('ENOENT');
    expect(user.delete(u32(1))).toBe('ok');
    expect(user.keys().map(numberOf)).toEqual([2]);
  });
});

describe('a REUSEPORT_SOCKARRAY', () => {
  it('takes bound sockets of a group that are in no such map yet', () => {
    const { user, machine, map } = make('REUSEPORT_SOCKARRAY');
    const socket = new FakeSocket(50, { type: 'dgram', protocol: 17 });
    machine.sockets.set(5, socket);
    machine.sockets.set(6, new FakeSocket(60, { reuseport: false }));
    machine.sockets.set(7, new FakeSocket(70, { family: 'unix' }));
    expect(user.update(u32(4), u64(5))).toBe('E2BIG');
    expect(user.update(u32(0), u64(6))).toBe('EINVAL');
    expect(user.update(u32(0), u64(7))).toBe('ENOTSUPP');
    expect(user.update(u32(0), u64(5))).toBe('ok');
    expect(user.update(u32(1), u64(5))).toBe('EBUSY');
    expect(numberOf(user.lookup(u32(0)))).toBe(50);
    expect(user.delete(u32(0))).toBe('ok');
    expect(user.delete(u32(0))).toBe('ENOENT');
    expect(user.update(u32(1), u64(5))).toBe('ok');
    map.free();
    expect(socket.userData).toBeUndefined();
  });
});

describe('a CGROUP_ARRAY', () => {
  it('holds cgroups, which user space cannot read back', () => {
    const { user, machine, map, program } = make('CGROUP_ARRAY', { valueSize: 4 });
    const cgroup = new FakeCgroup(12);
    machine.cgroups.set(5, cgroup);
    expect(user.update(u32(0), u32(6))).toBe('EBADF');
    expect(user.update(u32(0), u32(5))).toBe('ok');
    expect(map.cgroupAt?.(0)).toBe(cgroup);
    expect(cgroup.holders).toBe(1);
    expect(user.lookup(u32(0))).toBe('ENOTSUPP');
    expect(outcome(program.lookupAddress(u32(0)))).toBe('EOPNOTSUPP');
    expect(user.delete(u32(0))).toBe('ok');
    expect(user.delete(u32(0))).toBe('ENOENT');
    expect(cgroup.holders).toBe(0);
  });
});
