/** Special fields of values by BTF (btf_parse_fields, map_check_btf), and how copies of values treat them. */
import { describe, expect, it } from 'vitest';
import { BPF_F_LOCK, MapFlag } from '../../src/maps/index.ts';
import { specialFields } from '../../src/maps/values/fields.ts';
import { TestBtf } from '../btf/btf-builder.ts';
import { filled, type Kind, ProgramSide, type Shape, TestMachine, UserSide, u32 } from './harness.ts';

/** The structs that a program's BTF has for special fields, by what is added to them. */
class FieldBtf extends TestBtf {
  readonly u32 = this.int('unsigned int', 4, 'none');
  readonly u64 = this.int('unsigned long', 8, 'none');
  readonly lock = this.struct('bpf_spin_lock', 4, [['val', this.u32, 0]]);
  readonly timer = this.struct('bpf_timer', 16, [['__opaque', this.array(this.u64, 2), 0]]);
  readonly list = this.struct('bpf_list_head', 16, [['__opaque', this.array(this.u64, 2), 0]]);
  readonly node = this.struct('node', 8, [['data', this.u64, 0]]);

  kptr(tag = 'kptr'): number {
    return this.ptr(this.add({ kind: 'type_tag', name: tag, type: this.node }));
  }
}

type Members = readonly (readonly [name: string, type: number, byteOffset: number])[];

/** `kind@offset` of the fields of a struct value. */
function fieldsOf(
  size: number,
  members: (btf: FieldBtf) => Members,
  extra?: (btf: FieldBtf, id: number) => void,
) {
  const btf = new FieldBtf();
  const id = btf.struct(
    'value',
    size,
    members(btf).map(([name, type, offset]) => [name, type, 8 * offset]),
  );
  extra?.(btf, id);
  return specialFields(btf.parse(), id, size).map((field) => `${field.kind}@${field.offset}`);
}

describe('special fields', () => {
  it('are found by the names of their structs', () => {
    expect(
      fieldsOf(32, (b) => [
        ['count', b.u64, 0],
        ['lock', b.lock, 8],
        ['timer', b.timer, 16],
      ]),
    ).toEqual(['bpf_spin_lock@8', 'bpf_timer@16']);
  });

  it('are found in structs inside the value', () => {
    expect(fieldsOf(16, (b) => [['inner', b.struct('inner', 8, [['lock', b.lock, 32]]), 8]])).toEqual([
      'bpf_spin_lock@12',
    ]);
  });

  it('are pointers with the tags of kernel pointers, also in arrays', () => {
    expect(
      fieldsOf(40, (b) => [
        ['a', b.kptr('kptr_untrusted'), 0],
        ['b', b.array(b.kptr(), 3), 8],
        ['c', b.kptr('percpu_kptr'), 32],
      ]),
    ).toEqual(['kptr_untrusted@0', 'kptr@8', 'kptr@16', 'kptr@24', 'percpu_kptr@32']);
    expect(fieldsOf(8, (b) => [['a', b.ptr(b.node), 0]])).toEqual([]);
    expect(fieldsOf(8, (b) => [['a', b.kptr('user'), 0]])).toEqual([]);
  });

  it('repeat with the struct that holds them', () => {
    expect(
      fieldsOf(32, (b) => {
        const inner = b.struct('inner', 16, [['p', b.kptr(), 64]]);
        return [['inners', b.array(inner, 2), 0]];
      }),
    ).toEqual(['kptr@8', 'kptr@24']);
  });

  it('are none when there are two locks, or a lock in an array', () => {
    expect(
      fieldsOf(8, (b) => [
        ['a', b.lock, 0],
        ['b', b.lock, 4],
      ]),
    ).toEqual([]);
    expect(fieldsOf(8, (b) => [['a', b.array(b.lock, 2), 0]])).toEqual([]);
  });

  it('are none when they overlap', () => {
    expect(
      fieldsOf(16, (b) => [
        ['a', b.kptr(), 8],
        ['b', b.kptr(), 8],
      ]),
    ).toEqual([]);
  });

  it('are none behind modifiers, unaligned, or of another size', () => {
    expect(fieldsOf(8, (b) => [['a', b.ref('const', b.lock), 0]])).toEqual([]);
    expect(fieldsOf(8, (b) => [['a', b.typedef('mine', b.lock), 0]])).toEqual([]);
    expect(fieldsOf(8, (b) => [['a', b.lock, 2]])).toEqual([]);
    expect(fieldsOf(8, (b) => [['a', b.struct('bpf_timer', 8, []), 0]])).toEqual([]);
  });

  it('are lists only with a lock and a tag that says what is in them', () => {
    const value = (b: FieldBtf): Members => [
      ['lock', b.lock, 0],
      ['head', b.list, 8],
    ];
    const tag = (b: FieldBtf, id: number): void => {
      b.add({ kind: 'decl_tag', name: 'contains:node:list', type: id, componentIndex: 1 });
    };
    expect(fieldsOf(24, value, tag)).toEqual(['bpf_spin_lock@0', 'bpf_list_head@8']);
    expect(fieldsOf(24, value)).toEqual([]);
    expect(
      fieldsOf(
        24,
        (b) => [
          ['x', b.u64, 0],
          ['head', b.list, 8],
        ],
        tag,
      ),
    ).toEqual([]);
  });

  it('are no more than 11', () => {
    expect(fieldsOf(88, (b) => [['a', b.array(b.kptr(), 11), 0]])).toHaveLength(11);
    expect(fieldsOf(96, (b) => [['a', b.array(b.kptr(), 12), 0]])).toEqual([]);
    expect(fieldsOf(96, (b) => [['a', b.array(b.kptr(), 0xffffffff), 0]])).toEqual([]);
  });

  it('are found in variables of a data section', () => {
    const btf = new FieldBtf();
    const vars = [
      { type: btf.variable('a', btf.u64), offset: 0, size: 8 },
      { type: btf.variable('l', btf.lock), offset: 8, size: 4 },
    ];
    const id = btf.add({ kind: 'datasec', name: '.bss', size: 12, vars });
    expect(specialFields(btf.parse(), id, 12)).toEqual([{ kind: 'bpf_spin_lock', offset: 8, size: 4 }]);
  });
});

/** A value of 24 bytes: a counter, a lock, a second counter, and a kernel pointer. */
function typed(shape: Shape = {}, members?: (btf: FieldBtf) => Members) {
  const btf = new FieldBtf();
  const standard = (b: FieldBtf): Members => [
    ['count', b.u64, 0],
    ['lock', b.lock, 8],
    ['more', b.u32, 12],
    ['owner', b.kptr(), 16],
  ];
  const list = (members ?? standard)(btf).map(([name, type, offset]) => [name, type, 8 * offset] as const);
  const value = btf.struct('value', 24, list);
  return {
    valueSize: 24,
    btf: btf.parse(),
    btfKeyTypeId: btf.u32,
    btfValueTypeId: value,
    ...shape,
  };
}

function made(kind: Kind, members?: (btf: FieldBtf) => Members, cpus = 1) {
  const machine = new TestMachine(cpus);
  const map = machine.map(kind, typed({}, members));
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

/** Sets the lock and the pointer of a value, as the kernel's helpers would. */
function occupy(machine: TestMachine, value: number): void {
  machine.memory.view.setUint32(value + 8, 1, true);
  machine.memory.view.setBigUint64(value + 16, 0xabcdn, true);
}

const ordinary = (byte: number): Uint8Array => {
  const value = filled(24, byte);
  value.fill(0, 8, 12);
  value.fill(0, 16, 24);
  return value;
};

describe('a value with special fields', () => {
  it.each(['ARRAY', 'HASH'] as const)('gives user space zeros for them: %s', (kind) => {
    const { machine, program, user } = made(kind);
    expect(user.update(u32(1), filled(24, 0x77))).toBe('ok');
    occupy(machine, program.lookupAddress(u32(1)));
    expect(user.lookup(u32(1))).toEqual(ordinary(0x77));
  });

  it.each(['ARRAY', 'HASH'] as const)('is not given them by an update: %s', (kind) => {
    const { program, user } = made(kind);
    user.update(u32(1), filled(24, 0x77));
    expect(program.lookup(u32(1))).toEqual(ordinary(0x77));
    program.update(u32(1), filled(24, 0x55));
    expect(program.lookup(u32(1))).toEqual(ordinary(0x55));
  });

  it.each(['ARRAY', 'HASH'] as const)(
    'keeps them and all else but its words when it is locked: %s',
    (kind) => {
      const { machine, program, user } = made(kind);
      user.update(u32(1), filled(24, 1));
      const address = program.lookupAddress(u32(1));
      machine.memory.view.setUint32(address + 8, 1, true);
      expect(user.update(u32(1), filled(24, 2), BPF_F_LOCK)).toBe('ok');
      expect(program.lookupAddress(u32(1))).toBe(address);
      expect(machine.memory.view.getUint32(address + 8, true)).toBe(1);
      expect(program.update(u32(1), filled(24, 3), BPF_F_LOCK)).toBe('ok');
      expect(user.lookup(u32(1), BPF_F_LOCK)).toEqual(ordinary(3));
      expect(program.update(u32(1), filled(24, 3), BPF_F_LOCK | 1)).toBe('EEXIST');
    },
  );

  it('is new to a hash even with BPF_F_LOCK', () => {
    const { program } = made('HASH');
    expect(program.update(u32(9), filled(24, 3), BPF_F_LOCK | 2)).toBe('ENOENT');
    expect(program.update(u32(9), filled(24, 3), BPF_F_LOCK)).toBe('ok');
    expect(program.lookup(u32(9))).toEqual(ordinary(3));
  });

  const freedBy = (act: (m: ReturnType<typeof made>) => void, kind: Kind = 'HASH'): string[] => {
    const m = made(kind);
    m.user.update(u32(1), filled(24, 1));
    const address = m.program.lookupAddress(u32(1));
    occupy(m.machine, address);
    act(m);
    expect(m.machine.memory.view.getBigUint64(address + 16, true)).toBe(0n);
    return m.machine.freed.map((freed) => `${freed.field.kind}@${freed.address - address}`);
  };

  it.each<[string, (m: ReturnType<typeof made>) => void]>([
    ['deleted', (m) => m.program.delete(u32(1))],
    ['taken out', (m) => m.user.lookupAndDelete(u32(1))],
    ['replaced', (m) => m.user.update(u32(1), filled(24, 2))],
    [
      'freed with its map',
      (m) => {
        m.map.free();
      },
    ],
  ])('gives up what it holds when it is %s, but not its lock', (_, act) => {
    expect(freedBy(act)).toEqual(['kptr@16']);
  });

  it('of an array gives up what it holds when it is updated', () => {
    expect(freedBy((m) => m.program.update(u32(1), filled(24, 2)), 'ARRAY')).toEqual(['kptr@16']);
    expect(
      freedBy((m) => {
        m.map.free();
      }, 'ARRAY'),
    ).toEqual(['kptr@16']);
  });

  it('gives up nothing when it holds nothing', () => {
    const { machine, map, user } = made('HASH');
    user.update(u32(1), filled(24, 1));
    user.delete(u32(1));
    map.free();
    expect(machine.freed).toEqual([]);
  });

  const pointerOnly = (b: FieldBtf): Members => [
    ['count', b.u64, 0],
    ['owner', b.kptr(), 8],
    ['more', b.u64, 16],
  ];

  it.each(['PERCPU_HASH', 'PERCPU_ARRAY', 'LRU_PERCPU_HASH'] as const)(
    'has them for each CPU: %s',
    (kind) => {
      const { machine, map, program, user } = made(kind, pointerOnly, 2);
      expect(user.update(u32(1), filled(48, 5))).toBe('ok');
      const half = filled(24, 5).fill(0, 8, 16);
      expect(user.lookup(u32(1))).toEqual(Uint8Array.of(...half, ...half));
      machine.cpu = 1;
      machine.memory.view.setUint32(program.lookupAddress(u32(1)) + 8, 99, true);
      machine.cpu = 0;
      program.update(u32(1), filled(24, 6));
      expect(machine.freed).toEqual([]);
      expect(user.lookup(u32(1))).toEqual(Uint8Array.of(...filled(24, 6).fill(0, 8, 16), ...half));
      map.free();
      expect(machine.freed.length).toBe(1);
    },
  );

  it('gives up what it holds when it is evicted', () => {
    const machine = new TestMachine();
    const shape = typed({ maxEntries: 1 }, pointerOnly);
    const map = machine.map('LRU_HASH', shape);
    const program = new ProgramSide(machine, map);
    program.update(u32(1), filled(24, 1));
    machine.memory.view.setUint32(program.lookupAddress(u32(1)) + 8, 99, true);
    program.update(u32(2), filled(24, 1));
    expect(machine.freed.length).toBe(1);
    expect(program.lookup(u32(2))).toEqual(filled(24, 1).fill(0, 8, 16));
  });
});

describe('BTF at creation', () => {
  const answer = (kind: Kind, shape: Shape): string => new TestMachine().creation(kind, shape);

  it('must have the sizes of key and value', () => {
    expect(answer('HASH', typed())).toBe('ok');
    expect(answer('HASH', typed({ valueSize: 16 }))).toBe('EINVAL');
    expect(answer('HASH', typed({ keySize: 8 }))).toBe('EINVAL');
    expect(answer('HASH', typed({ btfValueTypeId: 999 }))).toBe('EINVAL');
    expect(answer('HASH', typed({ btfKeyTypeId: 999 }))).toBe('EINVAL');
  });

  it('must be there when types are named, and types of values when those of keys are', () => {
    const { btf, ...without } = typed();
    expect(btf.typeCount).toBeGreaterThan(1);
    expect(answer('HASH', without)).toBe('EBADF');
    expect(answer('HASH', { ...without, btfValueTypeId: 0 })).toBe('EINVAL');
  });

  it('may name no key for a data section only', () => {
    expect(answer('HASH', typed({ btfKeyTypeId: 0 }))).toBe('EINVAL');
    expect(answer('ARRAY', typed({ btfKeyTypeId: 0, maxEntries: 1 }))).toBe('EINVAL');
    const b = new FieldBtf();
    const vars = [{ type: b.variable('x', b.u64), offset: 0, size: 8 }];
    const linked = b.add({ kind: 'datasec', name: '.bss', size: 8, vars });
    const unlinked = b.add({ kind: 'datasec', name: '.data', size: 0, vars });
    const section = { btf: b.parse(), valueSize: 8, maxEntries: 1 };
    expect(answer('ARRAY', { ...section, btfValueTypeId: linked })).toBe('ok');
    expect(answer('ARRAY', { ...section, btfValueTypeId: unlinked })).toBe('ok');
    expect(answer('ARRAY', { ...section, btfValueTypeId: linked, maxEntries: 2 })).toBe('EINVAL');
  });

  it('must give arrays a 32-bit integer as key', () => {
    const b = new FieldBtf();
    const wrong = b.struct('index', 4, [['i', b.u32, 0]]);
    const shape = { btf: b.parse(), btfKeyTypeId: wrong, btfValueTypeId: b.u64, valueSize: 8 };
    expect(answer('ARRAY', shape)).toBe('EINVAL');
    expect(answer('HASH', shape)).toBe('ok');
    expect(answer('ARRAY', { ...shape, btfKeyTypeId: b.u32 })).toBe('ok');
  });

  it('is not for perf event arrays', () => {
    const b = new FieldBtf();
    const shape = { btf: b.parse(), btfKeyTypeId: b.u32, btfValueTypeId: b.u32, valueSize: 4 };
    expect(answer('PERF_EVENT_ARRAY', shape)).toBe('ENOTSUPP');
    expect(answer('PROG_ARRAY', shape)).toBe('ok');
  });

  const lockOnly = (b: FieldBtf): Members => [['lock', b.lock, 0]];
  const timerOnly = (b: FieldBtf): Members => [['timer', b.timer, 0]];
  const pointerOnly = (b: FieldBtf): Members => [['p', b.kptr(), 0]];

  it.each<[string, (b: FieldBtf) => Members, Partial<Record<Kind, string>>]>([
    [
      'a lock',
      lockOnly,
      {
        HASH: 'ok',
        ARRAY: 'ok',
        LRU_HASH: 'EOPNOTSUPP',
        PERCPU_HASH: 'EOPNOTSUPP',
        PERCPU_ARRAY: 'EOPNOTSUPP',
        LRU_PERCPU_HASH: 'EOPNOTSUPP',
      },
    ],
    [
      'a timer',
      timerOnly,
      {
        HASH: 'ok',
        ARRAY: 'ok',
        LRU_HASH: 'ok',
        PERCPU_HASH: 'EOPNOTSUPP',
        PERCPU_ARRAY: 'EOPNOTSUPP',
        LRU_PERCPU_HASH: 'EOPNOTSUPP',
      },
    ],
    [
      'a pointer',
      pointerOnly,
      {
        HASH: 'ok',
        ARRAY: 'ok',
        LRU_HASH: 'ok',
        PERCPU_HASH: 'ok',
        PERCPU_ARRAY: 'ok',
        LRU_PERCPU_HASH: 'ok',
      },
    ],
  ])('allows %s where the kernel does', (_, members, expected) => {
    const found = Object.fromEntries(
      (Object.keys(expected) as Kind[]).map((kind) => [kind, answer(kind, typed({}, members))]),
    );
    expect(found).toEqual(expected);
  });

  it('allows special fields only where programs may read and write, and with CAP_BPF', () => {
    expect(answer('HASH', typed({ flags: MapFlag.BPF_F_RDONLY_PROG }))).toBe('EACCES');
    const machine = new TestMachine();
    machine.unprivilegedBpf = true;
    machine.missing.add('CAP_BPF');
    expect(machine.creation('HASH', typed())).toBe('EPERM');
    expect(machine.creation('HASH', {})).toBe('ok');
  });
});
