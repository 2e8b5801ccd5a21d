/**
 * What map creation refuses. fixtures/kernel-6.12/map-create.json holds what Linux 6.12 answered to BPF_MAP_CREATE for every
 * combination in it: sizes around each limit, every flag alone and in pairs. It was made by creating each map once in a
 * virtual machine, as root, without BTF, with NUMA node 0.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errnoName, SyscallError } from '../../src/base/errno.ts';
import { createMap, MapFlag } from '../../src/maps/index.ts';
import { TestBtf } from '../btf/btf-builder.ts';
import { attrOf, type Kind, type Shape, TestMachine } from './harness.ts';

interface Fixture {
  /** Rows of key_size, value_size, max_entries and map_flags by map type and answer. */
  readonly answers: Answers;
  /** The same for maps with BTF: an integer of key_size bytes as key, an array of value_size characters in a struct as value. */
  readonly typed: Answers;
}

type Answers = Readonly<Record<string, Readonly<Record<string, readonly (readonly number[])[]>>>>;

const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/kernel-6.12/map-create.json', import.meta.url), 'utf8'),
) as Fixture;

function messageOf(kind: Kind, shape: Shape): string {
  try {
    new TestMachine().map(kind, shape);
  } catch (error) {
    if (error instanceof SyscallError) return error.message;
    throw error;
  }
  return 'ok';
}

describe.each(Object.keys(fixture.answers) as Kind[])('creation of %s', (kind) => {
  const machine = new TestMachine(2);

  it.each(Object.entries(fixture.answers[kind]!))('answers %s where Linux does', (answer, rows) => {
    const used = machine.memory.bytesInUse;
    const different = rows.filter(([keySize, valueSize, maxEntries, flags]) => {
      const shape = { keySize: keySize!, valueSize: valueSize!, maxEntries: maxEntries!, flags: flags! };
      return machine.creation(kind, shape) !== answer;
    });
    expect(different).toEqual([]);
    expect(machine.memory.bytesInUse).toBe(used);
  });
});

describe.each(Object.keys(fixture.typed) as Kind[])('creation of %s with BTF', (kind) => {
  const machine = new TestMachine(2);

  const answerTo = (keySize: number, valueSize: number, maxEntries: number, flags: number): string => {
    const types = new TestBtf();
    const btfKeyTypeId = types.int('key', keySize, 'signed');
    const chars = types.array(types.int('char', 1, 'signed'), valueSize);
    const btfValueTypeId = types.struct('vt', valueSize, [['b', chars, 0]]);
    const btf = types.parse();
    return machine.creation(kind, {
      keySize,
      valueSize,
      maxEntries,
      flags,
      btf,
      btfKeyTypeId,
      btfValueTypeId,
    });
  };

  it.each(Object.entries(fixture.typed[kind]!))('answers %s where Linux does', (answer, rows) => {
    const different = rows.filter(([key, value, entries, flags]) => {
      return answerTo(key!, value!, entries!, flags!) !== answer;
    });
    expect(different).toEqual([]);
  });
});

describe('the fixture', () => {
  it('has at least 12,000 combinations', () => {
    const groups = Object.values(fixture.answers).flatMap((byAnswer) => Object.values(byAnswer));
    expect(groups.reduce((sum, rows) => sum + rows.length, 0)).toBeGreaterThan(12_000);
  });
});

describe('an error of creation', () => {
  it.each<[Kind, Shape, string]>([
    ['HASH', { keySize: 0 }, 'key_size must not be 0'],
    ['ARRAY', { keySize: 8 }, 'key_size must be 4, not 8'],
    ['ARRAY', { maxEntries: 0 }, 'max_entries must not be 0'],
    ['ARRAY', { flags: MapFlag.BPF_F_NO_PREALLOC }, 'map_flags may not contain BPF_F_NO_PREALLOC'],
    [
      'HASH',
      { flags: 0x80000 | MapFlag.BPF_F_MMAPABLE },
      'map_flags may not contain BPF_F_MMAPABLE | 0x80000',
    ],
    ['HASH', { flags: 0x180 }, 'BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other'],
    ['HASH', { flags: 0x18 }, 'BPF_F_RDONLY and BPF_F_WRONLY exclude each other'],
    ['LRU_HASH', { flags: MapFlag.BPF_F_NO_PREALLOC }, 'an LRU map is always preallocated'],
    ['PERCPU_ARRAY', { valueSize: 40000 }, 'value_size of a per-CPU map may be 32768 at most, not 40000'],
    [
      'HASH',
      { valueSize: 4 << 20 },
      'key_size and value_size together must be less than 4194256, not 4194308',
    ],
    ['PROG_ARRAY', { valueSize: 8 }, 'value_size must be 4, not 8'],
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 5000 }, 'must be a power of two'],
    ['QUEUE', {}, 'key_size must be 0, not 4'],
    ['STACK', { keySize: 0, valueSize: 1000, maxEntries: 2 ** 30 }, 'are more than 4 GiB'],
    [
      'BLOOM_FILTER',
      { keySize: 0, mapExtra: 16n },
      'map_extra, the number of hashes, must be below 16, not 16',
    ],
    ['LPM_TRIE', { keySize: 8 }, 'map_flags must contain BPF_F_NO_PREALLOC'],
    [
      'LPM_TRIE',
      { flags: MapFlag.BPF_F_NO_PREALLOC },
      'key_size must be 4 for the prefix length and 1 to 256 more, not 4',
    ],
    ['ARRAY_OF_MAPS', { valueSize: 4 }, 'inner_map_fd names no map'],
    ['STACK_TRACE', { valueSize: 12 }, 'value_size must hold 1 to 127 frames of 8 bytes, not 12 bytes'],
    ['DEVMAP', { valueSize: 16 }, 'value_size must be 4 or 8, not 16'],
    ['CPUMAP', { maxEntries: 8193 }, 'max_entries may be 8192 at most, not 8193'],
    ['CGROUP_STORAGE', {}, 'key_size must be 16 (struct bpf_cgroup_storage_key) or 8'],
    ['TASK_STORAGE', { maxEntries: 0, flags: MapFlag.BPF_F_NO_PREALLOC }, 'key and value need BTF types'],
    ['SK_STORAGE', { maxEntries: 0 }, 'map_flags must contain BPF_F_NO_PREALLOC'],
    ['STRUCT_OPS', { maxEntries: 1 }, 'btf_vmlinux_value_type_id must name the type'],
    ['STRUCT_OPS', { maxEntries: 1, btfVmlinuxValueTypeId: 7 }, 'has no such operations to replace'],
    ['HASH', { btfVmlinuxValueTypeId: 7 }, 'is for struct_ops maps'],
    ['ARENA', { keySize: 0, valueSize: 0 }, 'map_flags must contain BPF_F_MMAPABLE'],
    [
      'ARENA',
      { keySize: 0, valueSize: 0, maxEntries: 2, flags: MapFlag.BPF_F_MMAPABLE, mapExtra: 0xfffff000n },
      'may not cross a multiple of 4 GiB',
    ],
    ['HASH', { name: 'no spaces' }, 'its name may have letters, digits, underscores and dots only'],
    ['HASH', { mapExtra: 1n }, 'map_extra must be 0'],
    ['ARRAY', { numaNode: 3, flags: MapFlag.BPF_F_NUMA_NODE }, 'there is no NUMA node 3'],
    ['ARRAY', { flags: MapFlag.BPF_F_TOKEN_FD }, 'needs the file descriptor of a BPF token'],
    ['HASH', { maxEntries: -1 }, 'unsigned 32-bit numbers'],
    ['HASH', { maxEntries: 2.5 }, 'unsigned 32-bit numbers'],
  ])('says what is wrong with %s %o', (kind, shape, text) => {
    const message = messageOf(kind, shape);
    expect(message).toContain(text);
    expect(message).toMatch(/^map '[^']*' \(BPF_MAP_TYPE_\w+\) cannot be made: .* \(E\w+\)$/);
  });

  it('says of a type that it does not exist', () => {
    const machine = new TestMachine();
    const create = (type: number) => () => createMap(machine, { ...attrOf('HASH', {}), type });
    expect(create(0)).toThrow(/there is no such map type \(EINVAL\)/);
    expect(create(99)).toThrow(/there is no such map type \(EINVAL\)/);
  });
});

describe('capabilities', () => {
  const answers = (setup: (machine: TestMachine) => void): string[] =>
    (['HASH', 'LRU_HASH', 'RINGBUF'] as const).map((kind) => {
      const machine = new TestMachine();
      setup(machine);
      const ring = kind === 'RINGBUF' ? { keySize: 0, valueSize: 0, maxEntries: 4096 } : {};
      return machine.creation(kind, ring);
    });

  it('are needed for any map unless unprivileged use is enabled, then still for LRU maps', () => {
    expect(answers((machine) => machine.missing.add('CAP_BPF'))).toEqual(['EPERM', 'EPERM', 'EPERM']);
    expect(
      answers((machine) => {
        machine.missing.add('CAP_BPF');
        machine.unprivilegedBpf = true;
      }),
    ).toEqual(['ok', 'EPERM', 'ok']);
  });

  it('are needed to have no random seed', () => {
    const machine = new TestMachine();
    machine.missing.add('CAP_SYS_ADMIN');
    expect(machine.creation('HASH')).toBe('ok');
    expect(machine.creation('HASH', { flags: MapFlag.BPF_F_ZERO_SEED })).toBe('EPERM');
  });

  it('are asked for after the attributes were found right', () => {
    const machine = new TestMachine();
    machine.missing.add('CAP_BPF');
    expect(machine.creation('HASH', { keySize: 0 })).toBe('EINVAL');
  });
});

describe('memory', () => {
  const KINDS: readonly [Kind, Shape][] = [
    ['ARRAY', { maxEntries: 100, valueSize: 20 }],
    ['ARRAY', { maxEntries: 1, valueSize: 20, flags: MapFlag.BPF_F_MMAPABLE }],
    ['PERCPU_ARRAY', { maxEntries: 100 }],
    ['HASH', { maxEntries: 100 }],
    ['HASH', { maxEntries: 100, flags: MapFlag.BPF_F_NO_PREALLOC }],
    ['PERCPU_HASH', { maxEntries: 100 }],
    ['LRU_HASH', { maxEntries: 100 }],
    ['LRU_HASH', { maxEntries: 100, flags: MapFlag.BPF_F_NO_COMMON_LRU }],
    ['LRU_PERCPU_HASH', { maxEntries: 100 }],
    ['PROG_ARRAY', { valueSize: 4, maxEntries: 400 }],
    ['PERF_EVENT_ARRAY', { valueSize: 4, maxEntries: 400 }],
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 8192 }],
    ['QUEUE', { keySize: 0, maxEntries: 100 }],
    ['BLOOM_FILTER', { keySize: 0, maxEntries: 1000 }],
    ['LPM_TRIE', { keySize: 8, flags: MapFlag.BPF_F_NO_PREALLOC }],
    ['STACK_TRACE', { valueSize: 80, maxEntries: 100 }],
    ['CGROUP_ARRAY', { valueSize: 4, maxEntries: 400 }],
    ['DEVMAP', { maxEntries: 200 }],
    ['DEVMAP_HASH', { maxEntries: 200 }],
    ['CPUMAP', { maxEntries: 200 }],
    ['XSKMAP', { valueSize: 4, maxEntries: 10 }],
    ['SOCKHASH', { maxEntries: 200 }],
    ['CGROUP_STORAGE', { keySize: 8, maxEntries: 0 }],
    ['USER_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 8192 }],
  ];

  it.each(KINDS)('is all given back by %s %o', (kind, shape) => {
    const machine = new TestMachine(3);
    const used = machine.memory.bytesInUse;
    for (let round = 0; round < 3; round++) {
      const map = machine.map(kind, shape);
      expect(machine.memory.bytesInUse).toBeGreaterThan(used);
      const key = new Uint8Array(map.attr.keySize);
      const value = new Uint8Array(map.userValueSize);
      for (let i = 0; i < 50; i++) map.updateUser(key.fill(i), value, 0);
      map.free();
      expect(machine.memory.bytesInUse).toBe(used);
    }
  });

  // These take next to nothing before they have entries.
  const large = KINDS.filter(([kind]) => !['LPM_TRIE', 'XSKMAP', 'CGROUP_STORAGE'].includes(kind));

  it.each(large)('is all given back when %s %o finds too little of it', (kind, shape) => {
    const machine = new TestMachine(1, 256 << 10);
    const answers = new Set<string>();
    try {
      for (;;) {
        const used = machine.memory.bytesInUse;
        answers.add(machine.creation(kind, shape));
        expect(machine.memory.bytesInUse).toBe(used);
        machine.memory.allocate({ size: 512, kind: 'mem', name: 'eaten' });
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'out-of-memory' });
    }
    expect([...answers].sort()).toEqual(['ENOMEM', 'ok']);
  });

  it('holds a hash of a million entries of 8 and 8 bytes in less than 96 MiB, with the marks of access', () => {
    const machine = new TestMachine(1);
    const before = machine.memory.bytesInUse;
    const map = machine.map('HASH', { keySize: 8, valueSize: 8, maxEntries: 1_000_000 });
    const used = machine.memory.bytesInUse - before;
    expect(used + used / 4).toBeLessThan(96 << 20);
    const key = machine.push(new Uint8Array(8));
    for (let i = 0; i < 1_000_000; i += 1) {
      machine.memory.view.setUint32(key, i, true);
      if (map.update(key, key, 0) !== 0) throw new Error(errnoName(map.update(key, key, 0)));
    }
    expect(machine.memory.bytesInUse - before).toBe(used);
    machine.memory.view.setUint32(key, 1_000_000, true);
    expect(errnoName(map.update(key, key, 0))).toBe('E2BIG');
  });

  it("shows programs the map as the kernel's struct bpf_map, read-only", () => {
    const machine = new TestMachine();
    const map = machine.map('HASH', {
      name: 'counts_and_more_words',
      maxEntries: 9,
      flags: 0x88,
      mapExtra: 0n,
    });
    const { view } = machine.memory;
    const words = [24, 28, 32, 36, 48].map((offset) => view.getUint32(map.address + offset, true));
    expect(words).toEqual([1, 4, 8, 9, 0x80]);
    expect(machine.memory.readCString(map.address + 96, 16)).toBe('counts_and_more');
    expect(machine.memory.isReadable(map.address, 248)).toBe(true);
    expect(machine.memory.isWritable(map.address + 24, 1)).toBe(false);
  });
});
