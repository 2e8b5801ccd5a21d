/** What the verifier is given for the programs of an object. */
import { describe, expect, it } from 'vitest';
import { STB_GLOBAL, STB_WEAK } from '../../src/elf/index.ts';
import {
  BpfAttachType,
  BpfMapType,
  BpfObject,
  BpfProgType,
  type Btf,
  LOG_LEVEL1,
  type MapInfo,
  parseBtf,
  type RawInsn,
  readC,
  showMissing,
  type VerifierEnvironment,
  VerifierInputs,
  verify,
} from '../../src/index.ts';
import { TestBtf } from '../btf/btf-builder.ts';
import { openFixture } from '../fixtures.ts';
import { EXIT, load, ObjectBuilder, setR0, simpleObject } from '../loader/object-builder.ts';

const failure = (code: string): Error => expect.objectContaining({ code }) as Error;

/** A fixture's input. */
function inputOf(fixture: string, program: string, change?: (object: BpfObject) => void) {
  const object = openFixture(fixture);
  change?.(object);
  return new VerifierInputs(object).of(object.programs[program]!.spec);
}

describe('a program', () => {
  it('comes with the attributes of its section, its license, its types and records', () => {
    const input = inputOf('xdp/count_protocols', 'count_protocols');
    expect(input).toMatchObject({
      type: 6,
      attachType: 37,
      flags: 0,
      license: 'Dual MIT/GPL',
      attachBtfId: 0,
    });
    expect(input.functions?.[0]?.insn).toBe(0);
    expect(input.lines?.length).toBeGreaterThan(0);
    expect(input.btf).toBeDefined();
  });

  it('takes flags beside those of its section', () => {
    const object = openFixture('xdp/count_protocols');
    const { spec } = object.programs.count_protocols!;
    expect(new VerifierInputs(object).of(spec, { flags: 8 }).flags).toBe(8);
  });
});

describe('maps', () => {
  it('are named by descriptors, without any being made', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid');
    const loads = input.insns.filter((insn) => insn.opcode === 0x18 && (insn.src === 1 || insn.src === 2));
    expect(loads.length).toBeGreaterThan(3);
    for (const load of loads) expect(input.maps.has(load.imm)).toBe(true);
  });

  it('carry sizes as the user set them', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid', (object) => {
      object.maps.percpu_hash_map!.maxEntries = 77;
    });
    const map = [...input.maps.values()].find(({ type }) => type === BpfMapType.BPF_MAP_TYPE_PERCPU_HASH);
    expect(map).toMatchObject({ name: 'percpu_hash_map', maxEntries: 77 });
  });

  it('that are read-only are frozen with the variables as the user set them', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid', (object) => {
      object.rodata.my_pid = 0x01020304;
    });
    const frozen = [...input.maps.values()].filter((map) => map.frozen === true);
    expect(frozen).toHaveLength(1);
    expect([...(frozen[0]?.content ?? [])].join()).toContain('4,3,2,1');
  });

  it('come without their types where the kernel would not take them', () => {
    const lockIn = (type: number): MapInfo | undefined => {
      const builder = new ObjectBuilder().code('tc', [{ name: 'user', insns: [...load(), EXIT] }]);
      const lock = builder.btf.struct('bpf_spin_lock', 4, [['val', builder.int('u32', 4), 0]]);
      const value = builder.btf.struct('guarded', 4, [['lock', lock, 0]]);
      const types = { key: builder.int('u32', 4), value };
      builder
        .map('locks', { uints: { type, max_entries: 1 }, types })
        .finishMaps()
        .refer('tc', 0, 'locks');
      const object = BpfObject.open(builder.build());
      return [...new VerifierInputs(object).of(object.spec.programs[0]!).maps.values()][0];
    };
    expect(lockIn(BpfMapType.BPF_MAP_TYPE_HASH)?.btfValueTypeId).toBeGreaterThan(0);
    expect(lockIn(BpfMapType.BPF_MAP_TYPE_LRU_HASH)).toMatchObject({ name: 'locks', valueSize: 4 });
    expect(lockIn(BpfMapType.BPF_MAP_TYPE_LRU_HASH)?.btf).toBeUndefined();
  });

  it('of options hold the values that are given', () => {
    const object = openFixture('tracing/kconfig');
    const { spec } = object.programList[0]!;
    const hz = (value: number) => {
      const input = new VerifierInputs(object, { kconfig: { CONFIG_HZ: value } }).of(spec);
      return [...input.maps.values()].find((map) => map.name.endsWith('.kconfig'))?.content;
    };
    expect(hz(100)).not.toEqual(hz(1000));
    expect(hz(100)).toContain(100);
  });
});

describe('kernel symbols', () => {
  const BTF_ID = 3;
  const KFUNC_CALL = 2;
  const callOfKfunc: RawInsn = { opcode: 0x85, dst: 0, src: KFUNC_CALL, offset: 0, imm: -1 };

  /** A program that loads the address of `symbol`, or calls it. */
  function user(use: readonly RawInsn[], declare: (builder: ObjectBuilder) => void): BpfObject {
    const builder = new ObjectBuilder().code('tc', [{ name: 'prog', insns: [...use, EXIT] }]);
    declare(builder);
    return BpfObject.open(builder.refer('tc', 0, 'symbol', use.length === 1 ? 10 : 1).build());
  }

  /** Declares the symbol as a variable of this type, or a function, weak or not. */
  const variable =
    (type: (builder: ObjectBuilder) => number, binding = STB_GLOBAL) =>
    (builder: ObjectBuilder) =>
      void builder.externs(
        '.ksyms',
        { symbol: builder.btf.variable('symbol', type(builder), 'extern') },
        { binding },
      );
  const func =
    (binding = STB_GLOBAL) =>
    (builder: ObjectBuilder) => {
      const proto = builder.btf.proto(builder.int('int', 4), []);
      builder.externs('.ksyms', { symbol: builder.btf.func('symbol', proto, 'extern') }, { binding });
    };
  const int = (builder: ObjectBuilder) => builder.int('int', 4);
  const nothing = () => 0;

  /** A kernel that has an int `symbol` and, in a module, a function `symbol`. */
  function kernel(): readonly Btf[] {
    const btf = new TestBtf();
    btf.variable('other', btf.int('int', 4));
    const symbol = btf.variable('symbol', 1);
    expect(symbol).toBe(3);
    return [btf.parse()];
  }
  function kernelWithKfunc(): readonly Btf[] {
    const base = parseBtf(readC('int something(void);'));
    const module = new TestBtf({ base });
    module.func('symbol', module.proto(module.int('int', 4), []));
    return [base, module.parse(base)];
  }

  const first = (object: BpfObject, env: VerifierEnvironment) =>
    new VerifierInputs(object, env).of(object.spec.programs[0]!).insns.slice(0, 2);

  it('with a type are named by their BTF id', () => {
    const [low, high] = first(user(load(), variable(int)), { kernelTypes: kernel() });
    expect(low).toMatchObject({ src: BTF_ID, imm: 3 });
    expect(high).toMatchObject({ imm: 0 });
  });

  it('must be declared with the type that the kernel has', () => {
    const object = user(
      load(),
      variable((builder) => builder.btf.ptr(0)),
    );
    expect(() => first(object, { kernelTypes: kernel() })).toThrow(failure('extern-type'));
  });

  it('without a type are their addresses', () => {
    const object = user(load(), variable(nothing));
    const [low, high] = first(object, { ksyms: { symbol: 0xffffffff_81234568n } });
    expect(low).toMatchObject({ src: 0, imm: 0x81234568 | 0 });
    expect(high).toMatchObject({ imm: -1 });
  });

  it('whose addresses nobody gave are believed to exist, unless the addresses are all there are', () => {
    const object = user(load(), variable(nothing));
    expect(first(object, {})[1]).toMatchObject({ imm: -1 });
    expect(() => first(object, { ksyms: {} })).toThrow(failure('extern-not-resolved'));
  });

  it('that are weak and missing are zero', () => {
    const object = user(load(), variable(int, STB_WEAK));
    const [low, high] = first(object, { kernelTypes: kernelWithKfunc() });
    expect([low, high]).toMatchObject([
      { src: 0, imm: 0 },
      { src: 0, imm: 0 },
    ]);
  });

  it('that are functions are called by BTF id, in the module that has them', () => {
    const kernelTypes = kernelWithKfunc();
    const [insn] = first(user([callOfKfunc], func()), { kernelTypes });
    expect(insn).toMatchObject({ src: KFUNC_CALL, imm: kernelTypes[1]!.typeCount - 1, offset: 1 });
  });

  it('that are missing functions stop the load, or leave a call of nothing when they are weak', () => {
    expect(() => first(user([callOfKfunc], func()), { kernelTypes: kernel() })).toThrow(
      failure('unsupported-kfunc'),
    );
    const object = user([callOfKfunc], func(STB_WEAK));
    const input = new VerifierInputs(object, { kernelTypes: kernel() }).of(object.spec.programs[0]!);
    expect(input.insns[0]).toMatchObject({ opcode: 0x85, src: 0, imm: 2002000000 });
    const { failure: shown, log } = showMissing(verify(input, { logLevel: LOG_LEVEL1 }), input.missing);
    expect(shown?.message).toBe("kfunc 'symbol' is referenced but wasn't resolved");
    expect(log).toContain("0: <invalid kfunc call>\nkfunc 'symbol' is referenced but wasn't resolved\n");
  });
});

describe('what a program attaches to', () => {
  const types = parseBtf(
    readC(
      'int vfs_read(int fd);\nTRACEPOINT(tick, int cpu);\nint bpf_lsm_file_open(int f);\nint bpf_iter_task(int t);',
    ),
  );
  const idOf = (name: string, kind: 'func' | 'typedef') => types.findByName(name, kind)!.id;

  function attachId(section: string, kernelTypes: readonly Btf[] = [types]): number | undefined {
    const object = BpfObject.open(
      new ObjectBuilder().code(section, [{ name: 'prog', insns: [EXIT] }]).build(),
    );
    return new VerifierInputs(object, { kernelTypes }).of(object.spec.programs[0]!).attachBtfId;
  }

  it.each([
    ['fentry/vfs_read', idOf('vfs_read', 'func')],
    ['fexit.s/vfs_read', idOf('vfs_read', 'func')],
    ['fentry/vmlinux:vfs_read', idOf('vfs_read', 'func')],
    ['tp_btf/tick', idOf('btf_trace_tick', 'typedef')],
    ['lsm/file_open', idOf('bpf_lsm_file_open', 'func')],
    ['iter/task', idOf('bpf_iter_task', 'func')],
    ['kprobe/vfs_read', 0],
  ])('is found in the kernel for %s', (section, id) => {
    expect(attachId(section)).toBe(id);
  });

  it('may be of a module', () => {
    const module = new TestBtf({ base: types });
    const own = module.func('vfs_read', module.proto(0, []));
    const kernelTypes = [types, module.parse(types)];
    expect(attachId('fentry/some_module:vfs_read', kernelTypes)).toBe(own);
    expect(attachId('fentry/vfs_read', kernelTypes)).toBe(idOf('vfs_read', 'func'));
  });

  it.each([
    ['fentry/vfs_wread', 'attach-target-missing'],
    ['lsm/vfs_read', 'attach-target-missing'],
    ['fentry', 'no-attach-target'],
    ['xdp_something', 'no-program-type'],
    ['struct_ops/init', 'struct-ops-unused'],
  ])('must be there: %s', (section, code) => {
    expect(() => attachId(section)).toThrow(failure(code));
  });

  it('is a member of a kernel struct for struct_ops programs', () => {
    const builder = new ObjectBuilder().code('struct_ops/init', [{ name: 'init', insns: [EXIT] }]);
    const pointer = builder.btf.ptr(builder.btf.proto(0, []));
    const typeId = builder.btf.struct('ops', 8, [['init', pointer, 0]]);
    builder.data('.struct_ops', new Uint8Array(8), [{ name: 'mine', size: 8, offset: 0, typeId }]);
    const object = BpfObject.open(builder.pointer('.struct_ops', 0, 'init').build());
    const kernel = new TestBtf();
    const struct = kernel.struct('ops', 16, [
      ['size', kernel.int('u64', 8), 0],
      ['init', kernel.ptr(0), 64],
    ]);
    kernel.struct('bpf_struct_ops_ops', 16, [['data', struct, 0]]);
    const input = new VerifierInputs(object, { kernelTypes: [kernel.parse()] }).of(object.spec.programs[0]!);
    expect(input).toMatchObject({ attachBtfId: struct, attachType: 1 });
  });
});

describe('an extension program', () => {
  it('is verified as one of the kind that has its context, since nobody says what it extends', () => {
    const builder = new ObjectBuilder();
    const context = builder.btf.ptr(builder.btf.struct('xdp_md', 0, []));
    builder.btf.func('prog', builder.btf.proto(builder.int('int', 4), [['ctx', context]]));
    const object = BpfObject.open(
      builder.code('freplace/target', [{ name: 'prog', insns: [setR0(1), EXIT] }]).build(),
    );
    const input = new VerifierInputs(object).of(object.spec.programs[0]!);
    expect(input).toMatchObject({
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: BpfAttachType.BPF_XDP,
    });
    expect(input.attachProgram).toBeUndefined();
  });
});

describe("types that the kernel's BTF rules forbid", () => {
  it.each([
    ['a function with a body and an argument without a name', 'f', ''],
    ['a function whose name is no identifier', 'f<T>', 'ctx'],
  ])('are kept from the kernel altogether: %s', (_, name, argument) => {
    const builder = simpleObject();
    builder.btf.func(name, builder.btf.proto(0, [[argument, builder.int('int', 4)]]));
    const object = BpfObject.open(builder.build());
    const input = new VerifierInputs(object).of(object.spec.programs[0]!);
    expect(object.spec.btf).toBeDefined();
    expect(input.btf).toBeUndefined();
    expect(input.functions).toEqual([]);
  });
});

describe('an object of the other byte order', () => {
  it('is refused', () => {
    const object = BpfObject.open(simpleObject('big').build());
    expect(() => new VerifierInputs(object).of(object.spec.programs[0]!)).toThrow(
      failure('wrong-byte-order'),
    );
  });
});

describe('the result', () => {
  it('goes into the verifier', () => {
    const result = verify(inputOf('xdp/count_protocols', 'count_protocols'), { logLevel: LOG_LEVEL1 });
    expect(result.log).toMatch(/processed \d+ insns/);
    expect(result.verdict).toBe('accept');
  });
});
