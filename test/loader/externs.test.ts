/** What objects ask the kernel for: .ksyms and .kconfig externs, and the content of the .kconfig map. */
import { describe, expect, it } from 'vitest';
import { STB_WEAK } from '../../src/elf/index.ts';
import { type KconfigValue, kconfigContent } from '../../src/loader/index.ts';
import { type ObjectBuilder, refusal, simpleObject } from './object-builder.ts';

/** Declares `extern` variables of given types. */
function declare(builder: ObjectBuilder, types: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, builder.btf.variable(name, type, 'extern')]),
  );
}

/** The types that kconfig variables can have. */
function kconfigTypes(builder: ObjectBuilder) {
  const { btf } = builder;
  const char = btf.int('char', 1);
  return {
    bool: btf.int('bool', 1, 'bool'),
    char,
    int: builder.int('int', 4),
    ushort: builder.int('u16', 2),
    ulong: builder.int('u64', 8),
    tristate: btf.enum('libbpf_tristate', { TRI_NO: 0, TRI_YES: 1, TRI_MODULE: 2 }),
    string: btf.array(char, 6, builder.int('int', 4)),
  };
}

describe('.ksyms', () => {
  it('are variables with a type or without one, and functions; weak or not; by name', () => {
    const builder = simpleObject();
    const { btf } = builder;
    const task = btf.struct('task_struct', 8, []);
    const proto = btf.proto(builder.int('int', 4), []);
    builder.externs('.ksyms', {
      ...declare(builder, { runqueues: btf.ref('const', task), _text: btf.ref('const', 0) }),
      bpf_acquire: btf.func('bpf_acquire', proto, 'extern'),
    });
    builder.externs('.ksyms', declare(builder, { maybe: task }), { binding: STB_WEAK });
    const base = { weak: false, offset: 0, size: 0 };
    expect(builder.open().externs).toEqual([
      { ...base, name: '_text', kind: 'ksym-var', btfTypeId: 0 },
      { ...base, name: 'bpf_acquire', kind: 'ksym-func', btfTypeId: proto },
      { ...base, name: 'maybe', kind: 'ksym-var', btfTypeId: task, weak: true },
      { ...base, name: 'runqueues', kind: 'ksym-var', btfTypeId: task },
    ]);
  });
});

describe('.kconfig', () => {
  it('lies in a map of its own: large alignments first, then small sizes, then by name', () => {
    const builder = simpleObject();
    const types = kconfigTypes(builder);
    builder.externs(
      '.kconfig',
      declare(builder, {
        CONFIG_TEXT: types.string,
        CONFIG_B: types.bool,
        CONFIG_A: types.bool,
        CONFIG_WIDE: types.ulong,
        CONFIG_INT: types.int,
        CONFIG_TRI: types.tristate,
      }),
    );
    const object = builder.open();
    expect(
      object.externs.map(({ name, offset, size, kconfig }) => [name, offset, size, kconfig?.kind]),
    ).toEqual([
      ['CONFIG_WIDE', 0, 8, 'int'],
      ['CONFIG_INT', 8, 4, 'int'],
      ['CONFIG_TRI', 12, 4, 'tristate'],
      ['CONFIG_A', 16, 1, 'bool'],
      ['CONFIG_B', 17, 1, 'bool'],
      ['CONFIG_TEXT', 18, 6, 'string'],
    ]);
    expect(object.maps[0]).toMatchObject({
      name: 'test.kconfig',
      origin: 'kconfig',
      section: '.kconfig',
      valueSize: 24,
      flags: 128 | 1024,
      initial: new Uint8Array(24),
    });
    expect(object.maps[0]?.variables).toHaveLength(6);
  });

  it.each([
    ['a struct', (b: ObjectBuilder) => b.btf.struct('s', 4, [])],
    ['another enumeration', (b: ObjectBuilder) => b.btf.enum('other', { A: 0 })],
    ['a bool of two bytes', (b: ObjectBuilder) => b.btf.int('wide_bool', 2, 'bool')],
    ['a number of sixteen bytes', (b: ObjectBuilder) => b.btf.int('u128', 16)],
    ['an array of numbers', (b: ObjectBuilder) => b.btf.array(b.int('int', 4), 4)],
    ['an array of nothing', (b: ObjectBuilder) => b.btf.array(b.btf.int('char', 1), 0)],
  ])('cannot have %s', (_, type) => {
    const builder = simpleObject();
    expect(refusal(builder.externs('.kconfig', declare(builder, { CONFIG_X: type(builder) })))).toBe(
      'kconfig-type',
    );
  });

  it('does not take memory because a type claims it', () => {
    const builder = simpleObject();
    const huge = builder.btf.array(builder.btf.int('char', 1), 0xffff_ffff);
    expect(refusal(builder.externs('.kconfig', declare(builder, { CONFIG_X: huge })))).toBe('kconfig-size');
  });

  it('has no functions', () => {
    const builder = simpleObject();
    const func = builder.btf.func('f', builder.btf.proto(0, []), 'extern');
    expect(refusal(builder.externs('.kconfig', { f: func }))).toBe('kconfig-function');
  });
});

describe('an undefined symbol is refused', () => {
  it('without BTF', () => {
    const builder = simpleObject();
    builder.symbol('mystery');
    expect(refusal(builder)).toBe('extern-without-btf');
  });

  it.each<readonly [string, string, (builder: ObjectBuilder) => unknown]>([
    ['that BTF does not declare', 'extern-without-btf', (b) => [b.int('int', 4), b.symbol('x')]],
    [
      'that BTF says is defined',
      'extern-without-btf',
      (b) => [b.btf.variable('x', b.int('int', 4)), b.symbol('x')],
    ],
    [
      'in no section, as functions of other objects are',
      'extern-without-section',
      (b) => [b.btf.func('x', b.btf.proto(0, []), 'extern'), b.symbol('x')],
    ],
    [
      'in another section, as maps of other objects are',
      'extern-section',
      (b) => b.externs('.maps', declare(b, { x: b.int('int', 4) })),
    ],
  ])('%s', (_, code, change) => {
    const builder = simpleObject();
    change(builder);
    expect(refusal(builder)).toBe(code);
  });

  it('and so is a declaration without a symbol', () => {
    const builder = simpleObject();
    const int = builder.int('int', 4);
    const [a, b] = [builder.btf.variable('a', int, 'extern'), builder.btf.variable('b', int, 'extern')];
    builder.symbol('a');
    const vars = [a, b].map((type) => ({ type, offset: 0, size: 4 }));
    builder.btf.add({ kind: 'datasec', name: '.ksyms', size: 0, vars });
    expect(refusal(builder)).toBe('extern-without-symbol');
  });
});

describe('kconfigContent', () => {
  /** The bytes that a value becomes in a variable of a type, or the error's code. */
  function written(
    type: keyof ReturnType<typeof kconfigTypes>,
    value: KconfigValue,
    order: 'little' | 'big' = 'little',
  ) {
    const builder = simpleObject(order);
    builder.externs('.kconfig', declare(builder, { CONFIG_X: kconfigTypes(builder)[type] }));
    try {
      return [...kconfigContent(builder.open(), { CONFIG_X: value })].join(' ');
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error;
    }
  }

  it.each([
    ['bool', 'y', '1'],
    ['bool', false, '0'],
    ['bool', 1, '1'],
    ['char', 'm', '109'],
    ['char', 65, '65'],
    ['tristate', 'm', '2 0 0 0'],
    ['tristate', true, '1 0 0 0'],
    ['int', 250, '250 0 0 0'],
    ['int', '-1', '255 255 255 255'],
    ['int', '0x10', '16 0 0 0'],
    ['int', '010', '8 0 0 0'],
    ['int', '0', '0 0 0 0'],
    ['ushort', 65535, '255 255'],
    ['ulong', 0xffff_ffff_ffff_ffffn, '255 255 255 255 255 255 255 255'],
    ['ulong', -2n, '254 255 255 255 255 255 255 255'],
    ['string', '"abc"', '97 98 99 0 0 0'],
    ['string', '"abcdefgh"', '97 98 99 100 101 0'],
    ['string', '""', '0 0 0 0 0 0'],
  ] as const)('writes to %s the value %s', (type, value, bytes) => {
    expect(written(type, value)).toBe(bytes);
  });

  it('writes in the byte order of the object', () => {
    expect(written('int', 1, 'big')).toBe('0 0 0 1');
  });

  it.each([
    ['bool', 'm'],
    ['bool', 2],
    ['bool', '"y"'],
    ['tristate', 1],
    ['tristate', '1'],
    ['int', 'y'],
    ['int', 'abc'],
    ['int', '12abc'],
    ['int', ''],
    ['int', 0x8000_0000],
    ['int', 1.5],
    ['int', Number.NaN],
    ['ushort', 65536],
    ['ushort', -1],
    ['ulong', 1n << 64n],
    ['string', 'y'],
    ['string', 5],
    ['string', '"'],
  ] as const)('does not write to %s the value %s', (type, value) => {
    expect(written(type, value)).toBe('kconfig-value');
  });

  it('knows the reference kernel, leaves weak options zero, and insists on the others', () => {
    const builder = simpleObject();
    const { int, bool } = kconfigTypes(builder);
    builder.externs('.kconfig', declare(builder, { LINUX_KERNEL_VERSION: int, LINUX_HAS_BPF_COOKIE: bool }));
    builder.externs('.kconfig', declare(builder, { CONFIG_MAYBE: int, constructor: int }), {
      binding: STB_WEAK,
    });
    const object = builder.open();
    const values = new DataView(kconfigContent(object, {}).buffer);
    const places = new Map(object.externs.map((extern) => [extern.name, extern.offset]));
    expect(values.getUint32(places.get('LINUX_KERNEL_VERSION') ?? 0, true)).toBe(0x060c00);
    expect(values.getUint8(places.get('LINUX_HAS_BPF_COOKIE') ?? 0)).toBe(1);
    expect(values.getUint32(places.get('CONFIG_MAYBE') ?? 0, true)).toBe(0);
    const strict = simpleObject();
    strict.externs('.kconfig', declare(strict, { CONFIG_HZ: strict.int('int', 4) }));
    expect(() => kconfigContent(strict.open(), {})).toThrow(
      expect.objectContaining({ code: 'extern-not-resolved' }) as Error,
    );
  });
});
