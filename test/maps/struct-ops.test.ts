/** STRUCT_OPS maps: a struct of the kernel's functions, filled with programs, registered and taken back. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Errno } from '../../src/base/errno.ts';
import { encodeUtf8 } from '../../src/base/text.ts';
import { BtfBuilder } from '../../src/btf/build.ts';
import { type Btf, parseBtf, readC } from '../../src/btf/index.ts';
import { Kernel } from '../../src/kernel/index.ts';
import { type BpfMap, createMap, type MapEnv } from '../../src/maps/index.ts';
import { BpfMapType } from '../../src/spec/index.ts';
import { Memory } from '../../src/vm/index.ts';
import { Counted, FakeProgram } from './fakes.ts';

const STRUCT_OPS_PROGRAM = 27;
const BPF_F_LINK = 1 << 13;
const [INIT, IN_USE, TO_BE_FREED, READY] = [0, 1, 2, 3];
/** Offsets in the value; the struct begins at 16. */
const At = { ssthresh: 16, congAvoid: 24, undoCwnd: 32, owner: 40, name: 48, flags: 64, key: 68, bytes: 80 };

/** The kernel's types: two kinds of operations, each with its value, and one that no subsystem takes. */
function kernelTypes(): Btf {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 });
  const char = builder.add({ kind: 'int', name: 'char', size: 1, encoding: 'none', bits: 8, offset: 0 });
  const text = builder.add({ kind: 'array', name: '', elementType: char, indexType: int, count: 16 });
  const proto = builder.add({ kind: 'func_proto', name: '', returnType: int, params: [] });
  const func = builder.add({ kind: 'ptr', name: '', type: proto });
  const module = builder.add({ kind: 'struct', name: 'module', size: 4, members: [member('x', int, 0)] });
  const owner = builder.add({ kind: 'ptr', name: '', type: module });
  const common = builder.add({
    kind: 'struct',
    name: 'bpf_struct_ops_common_value',
    size: 8,
    members: [member('refcnt', int, 0), member('state', int, 4)],
  });
  const value = (name: string, struct: number, size: number): void => {
    builder.add({
      kind: 'struct',
      name: `bpf_struct_ops_${name}`,
      size: 16 + size,
      members: [member('common', common, 0), member('data', struct, 16)],
    });
  };
  const tcp = builder.add({
    kind: 'struct',
    name: 'tcp_congestion_ops',
    size: 64,
    members: [
      member('ssthresh', func, 0),
      member('cong_avoid', func, 8),
      member('undo_cwnd', func, 16),
      member('owner', owner, 24),
      member('name', text, 32),
      member('flags', int, 48),
      member('key', int, 52),
    ],
  });
  value('tcp_congestion_ops', tcp, 64);
  for (const name of ['bpf_dummy_ops', 'other_ops'])
    value(name, builder.add({ kind: 'struct', name, size: 8, members: [member('test_1', func, 0)] }), 8);
  return parseBtf(builder.bytes());
}

function member(
  name: string,
  type: number,
  offset: number,
): { name: string; type: number; bitOffset: number; bitSize: number } {
  return { name, type, bitOffset: 8 * offset, bitSize: 0 };
}

class OpsProgram extends FakeProgram {
  readonly attachBtfId: number;

  constructor(id: number, member: number, struct: number) {
    super(id, STRUCT_OPS_PROGRAM, member);
    this.attachBtfId = struct;
  }
}

/** Counts as the kernel's map does. */
class Counts extends Counted {
  get kernelReferences(): number {
    return this.holders;
  }
}

let btf: Btf;
let env: MapEnv;
let programs: Map<number, FakeProgram>;

beforeEach(() => {
  btf = kernelTypes();
  programs = new Map();
  env = {
    memory: new Memory(),
    cpuCount: 1,
    currentCpu: () => 0,
    random: () => 0,
    kernelBtf: btf,
    operations: new Set(),
    programByFd: (fd) => programs.get(fd) ?? -Errno.EBADF,
  };
  const tcp = btf.findByName('tcp_congestion_ops', 'struct')!.id;
  for (const index of [0, 1, 2]) programs.set(10 + index, new OpsProgram(100 + index, index, tcp));
});

function make(name = 'tcp_congestion_ops', more: { flags?: number; valueSize?: number } = {}): BpfMap {
  const type = btf.findByName(`bpf_struct_ops_${name}`, 'struct')!;
  return createMap(env, {
    type: BpfMapType.BPF_MAP_TYPE_STRUCT_OPS,
    name: 'ops',
    keySize: 4,
    valueSize: type.size,
    maxEntries: 1,
    flags: 0,
    btfVmlinuxValueTypeId: type.id,
    ...more,
  });
}

const key = (index = 0): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);

/** A whole congestion control; `change` may spoil it. */
function value(change: (view: DataView) => void = () => undefined, name = 'mine'): Uint8Array {
  const bytes = new Uint8Array(At.bytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(At.ssthresh, 10, true);
  view.setUint32(At.congAvoid, 11, true);
  view.setUint32(At.undoCwnd, 12, true);
  bytes.set(encodeUtf8(name), At.name);
  change(view);
  return bytes;
}

function read(map: BpfMap): DataView {
  const bytes = new Uint8Array(map.userValueSize);
  expect(map.readUser(key(), bytes, 0)).toBe(0);
  return new DataView(bytes.buffer);
}

const holders = (): number[] => [...programs.values()].map((program) => program.holders);

describe('making a map of operations', () => {
  it('takes a type of the kernel that a subsystem has operations of, and its size', () => {
    expect(make().userValueSize).toBe(At.bytes);
    expect(() => make('other_ops')).toThrow(/ENOTSUPP/);
    expect(() => make('tcp_congestion_ops', { valueSize: At.bytes - 1 })).toThrow(/EINVAL/);
    env = { ...env, kernelBtf: parseBtf(readC('struct s { int x; };')) };
    expect(() => make()).toThrow(/ENOTSUPP/);
  });
});

describe('an update', () => {
  it('registers the operations: programs are held and shown by their ids', () => {
    const map = make();
    const counts = new Counts();
    map.setCounts?.(counts);
    expect(read(map).getUint32(4, true)).toBe(INIT);
    expect(map.updateUser(key(), value(), 0)).toBe(0);
    const view = read(map);
    expect([view.getUint32(4, true), view.getUint32(0, true)]).toEqual([IN_USE, 1]);
    expect([At.ssthresh, At.congAvoid, At.undoCwnd].map((at) => view.getBigUint64(at, true))).toEqual([
      100n,
      101n,
      102n,
    ]);
    expect(holders()).toEqual([1, 1, 1]);
    expect(map.updateUser(key(), value(), 0)).toBe(-Errno.EBUSY);
  });

  it('is refused for other keys, flags, and content where there is none', () => {
    const map = make();
    expect(map.updateUser(key(1), value(), 0)).toBe(-Errno.E2BIG);
    expect(map.updateUser(key(), value(), 1)).toBe(-Errno.EINVAL);
    const spoiled: readonly ((view: DataView) => void)[] = [
      (view) => {
        view.setUint8(0, 1);
      },
      (view) => {
        view.setUint8(4, 1);
      },
      (view) => {
        view.setUint8(9, 1);
      },
      (view) => {
        view.setUint8(At.bytes - 1, 1);
      },
      (view) => {
        view.setUint32(At.flags, 4, true);
      },
      (view) => {
        view.setUint8(At.name, 0);
      },
      (view) => {
        view.setUint8(At.name, 0x20);
      },
      (view) => {
        view.setUint32(At.key, 1, true);
      },
    ];
    for (const change of spoiled) expect(map.updateUser(key(), value(change), 0)).toBe(-Errno.EINVAL);
    expect(read(map).getUint32(4, true)).toBe(INIT);
    expect(holders(), 'nothing stays').toEqual([0, 0, 0]);
  });

  it('wants programs of the struct and the member', () => {
    const map = make();
    const with0 = (fd: number): Uint8Array =>
      value((view) => {
        view.setUint32(At.ssthresh, fd, true);
      });
    expect(map.updateUser(key(), with0(99), 0)).toBe(-Errno.EBADF);
    expect(map.updateUser(key(), with0(11), 0), 'of another member').toBe(-Errno.EINVAL);
    programs.set(20, new OpsProgram(1, 0, 1));
    expect(map.updateUser(key(), with0(20), 0), 'of another struct').toBe(-Errno.EINVAL);
    programs.set(21, new FakeProgram(1, 6));
    expect(map.updateUser(key(), with0(21), 0), 'of another type').toBe(-Errno.EINVAL);
    expect(map.updateUser(key(), with0(0), 0), 'the kernel cannot do without it').toBe(-Errno.EINVAL);
  });

  it('wants a name that nobody has', () => {
    expect(make().updateUser(key(), value(undefined, 'cubic'), 0)).toBe(-Errno.EEXIST);
    const first = make();
    expect(first.updateUser(key(), value(), 0)).toBe(0);
    expect(make().updateUser(key(), value(), 0)).toBe(-Errno.EEXIST);
    expect(first.deleteUser(key())).toBe(0);
    expect(make().updateUser(key(), value(), 0)).toBe(0);
  });

  it("is not for the operations of the kernel's own tests", () => {
    const map = make('bpf_dummy_ops');
    expect(map.updateUser(key(), new Uint8Array(24), 0)).toBe(-Errno.EOPNOTSUPP);
  });
});

describe('a deletion', () => {
  it('takes the operations back, once', () => {
    const map = make();
    const counts = new Counts();
    map.setCounts?.(counts);
    expect(map.deleteUser(key())).toBe(-Errno.ENOENT);
    map.updateUser(key(), value(), 0);
    expect(map.deleteUser(key())).toBe(0);
    expect([read(map).getUint32(4, true), counts.holders]).toEqual([TO_BE_FREED, 0]);
    expect(map.deleteUser(key())).toBe(-Errno.EINPROGRESS);
    expect(holders()).toEqual([1, 1, 1]);
    map.free();
    expect(holders()).toEqual([0, 0, 0]);
  });

  it('is not for maps of links, which an update makes ready', () => {
    const map = make('tcp_congestion_ops', { flags: BPF_F_LINK });
    expect(map.updateUser(key(), value(), 0)).toBe(0);
    expect(read(map).getUint32(4, true)).toBe(READY);
    expect(map.deleteUser(key())).toBe(-Errno.EOPNOTSUPP);
    expect(env.operations?.size).toBe(0);
  });
});

it('has one key', () => {
  const map = make();
  const next = key(7);
  expect([map.nextKey(undefined, next), next]).toEqual([0, key()]);
  expect(map.nextKey(key(), next)).toBe(-Errno.ENOENT);
  expect(map.nextKey(key(3), next)).toBe(0);
  expect(map.readUser(key(1), new Uint8Array(At.bytes), 0)).toBe(-Errno.ENOENT);
});

describe('bpf(2)', () => {
  it('makes such a map for who gives types of its own, and reads and fills it', () => {
    const kernel = new Kernel({ btf: [btf] });
    const { id, size } = btf.findByName('bpf_struct_ops_tcp_congestion_ops', 'struct')!;
    const own = new BtfBuilder();
    own.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 });
    const bytes = own.bytes();
    const btf_fd = kernel.bpf('BPF_BTF_LOAD', { btf: bytes, btf_size: bytes.length });
    const attr = {
      map_type: BpfMapType.BPF_MAP_TYPE_STRUCT_OPS,
      key_size: 4,
      value_size: size,
      max_entries: 1,
      btf_vmlinux_value_type_id: id,
    };
    expect(() => kernel.bpf('BPF_MAP_CREATE', { ...attr, btf_fd: 55 })).toThrow('EBADF');
    const map_fd = kernel.bpf('BPF_MAP_CREATE', { ...attr, btf_fd });
    const value = new Uint8Array(size).fill(1);
    kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd, key: key(), value });
    expect(value.some((byte) => byte !== 0)).toBe(false);
    // Without functions it is no congestion control.
    value.set(encodeUtf8('lab'), At.name);
    expect(() => kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd, key: key(), value })).toThrow('EINVAL');
    expect(() => kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd, key: key() })).toThrow('ENOENT');
  });
});
