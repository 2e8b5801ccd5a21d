/** Values that hang on objects of the kernel: local storage of four kinds, and cgroup storage. */
import { describe, expect, it } from 'vitest';
import { MapFlag } from '../../src/maps/index.ts';
import { TestBtf } from '../btf/btf-builder.ts';
import { FakeCgroup, FakeOwner, FakeSocket } from './fakes.ts';
import { type Kind, numberOf, outcome, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

/** Attributes of a storage of 8-byte integers. */
function typed(): Shape {
  const types = new TestBtf();
  const btfKeyTypeId = types.int('int', 4, 'signed');
  const btfValueTypeId = types.int('unsigned long', 8, 'none');
  return {
    btf: types.parse(),
    btfKeyTypeId,
    btfValueTypeId,
    maxEntries: 0,
    flags: MapFlag.BPF_F_NO_PREALLOC,
  };
}

const OWNERS: Readonly<Record<string, (machine: TestMachine) => FakeOwner>> = {
  SK_STORAGE: (machine) => {
    const socket = new FakeSocket(1);
    machine.sockets.set(5, socket);
    return socket;
  },
  INODE_STORAGE: (machine) => {
    const inode = new FakeOwner(0x3000);
    machine.inodes.set(5, inode);
    return inode;
  },
  TASK_STORAGE: (machine) => {
    const task = new FakeOwner(0x3000);
    machine.tasks.set(5, task);
    return task;
  },
  CGRP_STORAGE: (machine) => {
    const cgroup = new FakeCgroup(3);
    machine.cgroups.set(5, cgroup);
    return cgroup;
  },
};

describe.each(Object.keys(OWNERS) as Kind[])('a %s', (kind) => {
  const setup = () => {
    const machine = new TestMachine();
    const owner = OWNERS[kind]!(machine);
    const map = machine.map(kind, typed());
    return { machine, owner, map, user: new UserSide(map), storage: map.storage! };
  };

  it('has a value for each owner, named by its descriptor', () => {
    const { user, storage, owner, machine } = setup();
    expect(user.lookup(u32(5))).toBe('ENOENT');
    expect(user.update(u32(5), u64(7), 2)).toBe('ENOENT');
    expect(user.update(u32(5), u64(7), 1)).toBe('ok');
    expect(user.update(u32(5), u64(8), 1)).toBe('EEXIST');
    expect(user.update(u32(5), u64(8), 4)).toBe('EINVAL');
    expect(user.update(u32(6), u64(8))).toBe(kind === 'SK_STORAGE' ? 'ENOTSOCK' : 'EBADF');
    expect(numberOf(user.lookup(u32(5)))).toBe(7);
    const address = storage.get(owner, false, 0);
    expect(machine.memory.view.getUint32(address, true)).toBe(7);
    expect(user.delete(u32(5))).toBe('ok');
    expect(user.delete(u32(5))).toBe('ENOENT');
    expect(storage.get(owner, false, 0)).toBe(0);
    expect(user.next()).toBe('ENOTSUPP');
  });

  it('makes values for programs, zero or a copy', () => {
    const { storage, machine, map, owner } = setup();
    const other = new FakeOwner(0x9000);
    const initial = machine.push(u64(41));
    const first = storage.get(owner, true, 0);
    const second = storage.get(other, true, initial);
    expect(machine.memory.view.getUint32(first, true)).toBe(0);
    expect(machine.memory.view.getUint32(second, true)).toBe(41);
    expect(storage.get(other, true, 0)).toBe(second);
    expect(machine.memory.isWritable(second, 8)).toBe(true);
    expect(outcome(storage.remove(other))).toBe('ok');
    expect(outcome(storage.remove(other))).toBe('ENOENT');
    const fresh = storage.get(other, true, 0);
    expect(machine.memory.view.getUint32(fresh, true)).toBe(0);
    map.free();
    expect(other.listeners.size).toBe(0);
  });

  it('loses the value with its owner', () => {
    const { storage, owner, user } = setup();
    storage.get(owner, true, 0);
    owner.end();
    expect(user.lookup(u32(5))).toBe('ENOENT');
    expect(owner.listeners.size).toBe(0);
  });

  it('leaves nothing to copies of the owner without BPF_F_CLONE', () => {
    const { storage, owner } = setup();
    storage.get(owner, true, 0);
    const copy = new FakeOwner(0x9000);
    expect(storage.inherit(owner, copy)).toBe(0);
    expect(storage.get(copy, false, 0)).toBe(0);
  });

  it('leaves a deleted value readable until the program has ended', () => {
    const { storage, owner, machine } = setup();
    machine.waiting = [];
    const value = storage.get(owner, true, machine.push(u64(5)));
    storage.remove(owner);
    const fresh = storage.get(owner, true, 0);
    expect(fresh).not.toBe(value);
    expect(machine.memory.isReadable(value, 8)).toBe(true);
    expect(machine.memory.view.getUint32(value, true)).toBe(5);
    for (const action of machine.waiting) action();
    machine.waiting = undefined;
    expect(storage.get(new FakeOwner(1), true, 0)).toBe(value);
  });
});

describe('a SK_STORAGE with BPF_F_CLONE', () => {
  const setup = (maxBytes?: number) => {
    const machine = new TestMachine(1, maxBytes);
    const { BPF_F_CLONE, BPF_F_NO_PREALLOC } = MapFlag;
    const map = machine.map('SK_STORAGE', { ...typed(), flags: BPF_F_CLONE | BPF_F_NO_PREALLOC });
    return { machine, storage: map.storage!, listener: new FakeSocket(1), child: new FakeSocket(2) };
  };

  it('has sockets that are accepted begin with a copy of what the listening one has', () => {
    const { machine, storage, listener, child } = setup();
    storage.get(listener, true, machine.push(u64(41)));
    expect(storage.inherit(listener, child)).toBe(0);
    const [old, copy] = [storage.get(listener, false, 0), storage.get(child, false, 0)];
    expect(machine.memory.view.getUint32(copy, true)).toBe(41);
    machine.memory.view.setUint32(copy, 42, true);
    expect(machine.memory.view.getUint32(old, true)).toBe(41);
  });

  it('gives nothing where the listening socket has nothing', () => {
    const { storage, listener, child } = setup();
    expect(storage.inherit(listener, child)).toBe(0);
    expect(storage.get(child, false, 0)).toBe(0);
  });

  it('keeps the copy when the listening socket goes', () => {
    const { storage, listener, child } = setup();
    storage.get(listener, true, 0);
    storage.inherit(listener, child);
    listener.end();
    expect(storage.get(child, false, 0)).not.toBe(0);
    child.end();
    expect(child.listeners.size).toBe(0);
  });

  it('says when there is no memory for a copy', () => {
    const { storage, listener } = setup(2 << 20);
    storage.get(listener, true, 0);
    let copies = 0;
    let error = 0;
    while (error === 0 && copies++ < 1_000_000) error = storage.inherit(listener, new FakeSocket(copies));
    expect(outcome(error)).toBe('ENOMEM');
  });
});

describe.each([
  ['CGROUP_STORAGE', 16],
  ['CGROUP_STORAGE', 8],
  ['PERCPU_CGROUP_STORAGE', 16],
] as const)('a %s with keys of %d bytes', (kind, keySize) => {
  const INGRESS = 0;
  const EGRESS = 1;
  const key = (id: number, attachType: number): Uint8Array =>
    new Uint8Array([...u64(id), ...u64(attachType)]).slice(0, keySize);

  const setup = () => {
    const machine = new TestMachine(2);
    const map = machine.map(kind, { keySize, maxEntries: 0 });
    const perCpu = kind === 'PERCPU_CGROUP_STORAGE';
    const value = (number: number): Uint8Array =>
      new Uint8Array(perCpu ? [...u64(number), ...u64(number + 1)] : u64(number));
    return { machine, map, user: new UserSide(map), values: map.cgroupValues!, value, perCpu };
  };

  it('has values where programs are attached, and only there', () => {
    const { user, values, value } = setup();
    const cgroup = new FakeCgroup(12);
    expect(user.lookup(key(12, EGRESS))).toBe('ENOENT');
    expect(user.update(key(12, EGRESS), value(3))).toBe('ENOENT');
    expect(values.attach(cgroup, EGRESS)).toBe(0);
    expect(user.lookup(key(12, EGRESS))).toEqual(value(0).fill(0));
    expect(user.update(key(12, EGRESS), value(3))).toBe('ok');
    expect(user.lookup(key(12, EGRESS))).toEqual(value(3));
    expect(values.attach(cgroup, EGRESS)).toBe(0);
    expect(user.lookup(key(12, EGRESS))).toEqual(value(3));
    expect(user.lookup(key(12, INGRESS))).toEqual(keySize === 8 ? value(3) : 'ENOENT');
    expect(user.delete(key(12, EGRESS))).toBe('EINVAL');
    expect(user.update(key(12, EGRESS), value(3), 1)).toBe('EINVAL');
    expect(user.update(key(12, EGRESS), value(3), 4)).toBe('EINVAL');
  });

  it('shows programs the value of their CPU, or the one', () => {
    const { machine, values, user, value, perCpu } = setup();
    const cgroup = new FakeCgroup(12);
    expect(values.valueFor(cgroup, EGRESS)).toBe(0);
    values.attach(cgroup, EGRESS);
    user.update(key(12, EGRESS), value(20));
    machine.cpu = 1;
    const address = values.valueFor(cgroup, EGRESS);
    expect(machine.memory.view.getUint32(address, true)).toBe(perCpu ? 21 : 20);
    expect(machine.memory.isWritable(address, 8)).toBe(true);
  });

  it('lists keys, the newest first, and loses those of cgroups that go', () => {
    const { user, values, map } = setup();
    const cgroups = [5, 6, 7].map((id) => new FakeCgroup(id));
    for (const cgroup of cgroups) values.attach(cgroup, EGRESS);
    const ids = () => user.keys().map((found) => numberOf(found.subarray(0, 8)));
    expect(ids()).toEqual([7, 6, 5]);
    cgroups[1]!.end();
    expect(ids()).toEqual([7, 5]);
    expect(user.next(key(6, EGRESS))).toBe('ENOENT');
    map.free();
    expect(cgroups.every((cgroup) => cgroup.listeners.size === 0)).toBe(true);
  });
});

describe('cgroup storage that is not per CPU', () => {
  it('leaves the old value to the running program when it is replaced', () => {
    const machine = new TestMachine();
    const map = machine.map('CGROUP_STORAGE', { keySize: 8, maxEntries: 0 });
    const cgroup = new FakeCgroup(2);
    map.cgroupValues!.attach(cgroup, 0);
    machine.waiting = [];
    const before = map.cgroupValues!.valueFor(cgroup, 0);
    expect(outcome(map.updateUser(u64(2), u64(9), 0))).toBe('ok');
    const after = map.cgroupValues!.valueFor(cgroup, 0);
    expect([before, after].map((at) => machine.memory.view.getUint32(at, true))).toEqual([0, 9]);
  });
});
