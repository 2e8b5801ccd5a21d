/** Maps: what definitions in `.maps` and `maps` say, and which maps the data sections become. */
import { describe, expect, it } from 'vitest';
import { STB_LOCAL, STB_WEAK, STT_OBJECT, STV_HIDDEN } from '../../src/elf/index.ts';
import { BpfMapType } from '../../src/spec/index.ts';
import { Bytes } from '../elf/elf-writer.ts';
import { EXIT, type MapInput, type ObjectBuilder, refusal, simpleObject } from './object-builder.ts';

const ARRAY = { type: BpfMapType.BPF_MAP_TYPE_ARRAY };
const PROG_ARRAY = BpfMapType.BPF_MAP_TYPE_PROG_ARRAY;
const ARRAY_OF_MAPS = BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS;
const HASH_OF_MAPS = BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS;
const RINGBUF = BpfMapType.BPF_MAP_TYPE_RINGBUF;
const ARENA = BpfMapType.BPF_MAP_TYPE_ARENA;
const RDONLY_PROG = 128;
const MMAPABLE = 1024;

describe('a map in .maps', () => {
  it('has everything that its members say', () => {
    const builder = simpleObject();
    const key = builder.int('int', 4);
    const value = builder.btf.struct('pair', 16, [
      ['a', builder.int('u64', 8), 0],
      ['b', builder.int('u64', 8), 64],
    ]);
    const uints = { type: 1, max_entries: 77, map_flags: 5, numa_node: 3, map_extra: 9, pinning: 1 };
    builder.map('pairs', { uints, types: { key, value } });
    expect(builder.open().maps).toEqual([
      {
        name: 'pairs',
        origin: 'btf',
        section: '.maps',
        type: 1,
        keySize: 4,
        valueSize: 16,
        maxEntries: 77,
        flags: 5,
        mapExtra: 9n,
        numaNode: 3,
        pinning: 1,
        btfKeyTypeId: key,
        btfValueTypeId: value,
        values: [],
        variables: [],
      },
    ]);
  });

  it('takes sizes without types', () => {
    const object = simpleObject()
      .map('m', { uints: { ...ARRAY, key_size: 4, value_size: 40, max_entries: 0 } })
      .open();
    expect(object.maps[0]).toMatchObject({ keySize: 4, valueSize: 40, btfKeyTypeId: 0, btfValueTypeId: 0 });
  });

  it('takes a 64-bit number from an enumeration (__ulong)', () => {
    const builder = simpleObject();
    const ulong = builder.btf.enum64('', { __unique_value0: 0x1000_0000_0000n });
    const negative = builder.btf.enum('', { __unique_value1: -1 }, 4, true);
    builder.map('a', { uints: ARRAY, members: { map_extra: ulong } });
    builder.map('b', { uints: ARRAY, members: { map_extra: negative } });
    expect(builder.open().maps.map((map) => map.mapExtra)).toEqual([
      0x1000_0000_0000n,
      0xffff_ffff_ffff_ffffn,
    ]);
  });

  it('comes in the order of the places of the definitions', () => {
    const builder = simpleObject().map('z', { uints: ARRAY }).map('a', { uints: ARRAY });
    expect(builder.open().maps.map((map) => map.name)).toEqual(['z', 'a']);
  });

  it.each([
    [0, 0],
    [1, 4096],
    [4096, 4096],
    [5000, 8192],
    [3 * 4096, 4 * 4096],
    [1 << 20, 1 << 20],
    [0x8000_0001, 0x8000_0001],
  ])('of ring buffers with %d bytes has %d', (given, bytes) => {
    const builder = simpleObject().map('rb', { uints: { type: RINGBUF, max_entries: given } });
    expect(builder.open().maps[0]?.maxEntries).toBe(bytes);
  });

  it('accepts unknown members only when asked to', () => {
    const builder = (): ObjectBuilder => simpleObject().map('m', { uints: { ...ARRAY, colour: 4 } });
    expect(refusal(builder())).toBe('map-member-unknown');
    expect(builder().open({ relaxedMaps: true }).maps[0]?.name).toBe('m');
  });

  it.each<readonly [string, string, MapInput]>([
    ['no type', 'map-without-type', { uints: { max_entries: 1 } }],
    ['two key sizes', 'map-member', { uints: { ...ARRAY, key_size: 8 }, types: { key: 1 } }],
    ['two value sizes', 'map-member', { uints: { ...ARRAY, value_size: 8 }, types: { value: 1 } }],
    ['an unknown way of pinning', 'map-member', { uints: { ...ARRAY, pinning: 2 } }],
    ['a type in place of a number', 'map-member', { uints: ARRAY, types: { max_entries: 1 } }],
    ['a number in place of a type', 'map-member', { uints: ARRAY, members: { key: 1 } }],
    ['values though it holds neither maps nor programs', 'map-member', { uints: { ...ARRAY, values: 0 } }],
    ['fewer bytes than the definition', 'map-size', { uints: ARRAY, size: 4 }],
  ])('cannot have %s', (_, code, input) => {
    const builder = simpleObject();
    expect(builder.int('int', 4)).toBe(1);
    expect(refusal(builder.map('m', input))).toBe(code);
  });

  it('cannot be hidden', () => {
    const builder = simpleObject();
    const typeId = builder.btf.struct('', 8, [['type', builder.uint(2), 0]]);
    const variable = { name: 'm', size: 8, offset: 0, typeId };
    const definition = new Uint8Array(8);
    builder.data('.maps', definition, [{ ...variable, symbol: { visibility: STV_HIDDEN } }]);
    expect(refusal(builder)).toBe('static-map');
  });

  it('must be a struct', () => {
    const builder = simpleObject();
    expect(refusal(builder.mapOfType('m', builder.int('int', 4), 4))).toBe('map-not-struct');
  });

  it('needs BTF', () => {
    const builder = simpleObject();
    builder.section('.maps', { data: new Uint8Array(8) });
    expect(refusal(builder)).toBe('btf-missing');
  });
});

describe('values', () => {
  /** An object with a map of maps, whose inner maps are arrays of `valueSize` bytes. */
  function mapOfMaps(type: number, keySize = 4): ObjectBuilder {
    const builder = simpleObject();
    const { btf } = builder;
    const inner = btf.struct('inner_map', 24, [
      ['type', builder.uint(ARRAY.type), 0],
      ['key_size', builder.uint(4), 64],
      ['value_size', builder.uint(8), 128],
    ]);
    const values = btf.array(btf.ptr(inner), 0, builder.int('int', 4));
    return builder
      .map('outer', { uints: { type, key_size: keySize, max_entries: 3 }, members: { values }, size: 56 })
      .mapOfType('one', inner, 24)
      .finishMaps();
  }

  it('of a map of maps say what the inner maps are like', () => {
    const [outer] = mapOfMaps(ARRAY_OF_MAPS).open().maps;
    expect(outer).toMatchObject({ type: ARRAY_OF_MAPS, valueSize: 4, values: [] });
    expect(outer?.inner).toMatchObject({ name: 'outer.inner', type: 2, keySize: 4, valueSize: 8 });
  });

  it('hold maps in the slots that relocations name', () => {
    // The definition has three members of 8 bytes before its values.
    const [outer] = mapOfMaps(ARRAY_OF_MAPS)
      .pointer('.maps', 48, 'one')
      .pointer('.maps', 24, 'one')
      .open().maps;
    expect(outer?.values).toEqual([
      { index: 0, kind: 'map', name: 'one' },
      { index: 3, kind: 'map', name: 'one' },
    ]);
  });

  it('hold the programs of a prog array', () => {
    const builder = simpleObject().code('.text', [{ name: 'helper', insns: [EXIT] }]);
    const values = builder.btf.array(builder.btf.ptr(builder.btf.proto(0, [])), 0, builder.int('int', 4));
    const uints = { type: PROG_ARRAY, max_entries: 2 };
    builder.map('jumps', { uints, members: { values }, size: 32 }).finishMaps();
    expect(builder.pointer('.maps', 24, 'drop').open().maps[0]).toMatchObject({
      valueSize: 4,
      values: [{ index: 1, kind: 'program', name: 'drop' }],
    });
    expect(refusal(builder.pointer('.maps', 16, 'helper'))).toBe('values-not-a-program');
  });

  it.each<readonly [string, string, ObjectBuilder]>([
    ['a map of another kind', 'values-map-type', mapOfMaps(ARRAY_OF_MAPS).pointer('.maps', 56, 'one')],
    ['no map', 'relocation-without-map', mapOfMaps(ARRAY_OF_MAPS).pointer('.maps', 80, 'one')],
    ['a member before them', 'values-place', mapOfMaps(ARRAY_OF_MAPS).pointer('.maps', 16, 'one')],
    ['half a slot', 'values-place', mapOfMaps(ARRAY_OF_MAPS).pointer('.maps', 28, 'one')],
    ['a program in a map of maps', 'values-not-a-map', mapOfMaps(ARRAY_OF_MAPS).pointer('.maps', 24, 'drop')],
    [
      'slots of a hash whose keys are no numbers',
      'values-key-size',
      mapOfMaps(HASH_OF_MAPS, 8).pointer('.maps', 24, 'one'),
    ],
  ])('cannot be placed in %s', (_, code, builder) => {
    expect(refusal(builder)).toBe(code);
  });

  /** The type of `values` that points to `target`. */
  const pointers = (builder: ObjectBuilder, target: number, count = 0): number =>
    builder.btf.array(builder.btf.ptr(target), count, builder.int('int', 4));

  it.each<readonly [string, (builder: ObjectBuilder) => MapInput]>([
    [
      'before another member',
      (b) => ({
        uints: { type: ARRAY_OF_MAPS },
        members: { values: pointers(b, innerMap(b)), max_entries: b.uint(1) },
      }),
    ],
    [
      'of maps that hold maps themselves',
      (b) => ({
        uints: { type: ARRAY_OF_MAPS },
        members: { values: pointers(b, innerMap(b, pointers(b, innerMap(b)))) },
      }),
    ],
    [
      'of numbers',
      (b) => ({ uints: { type: ARRAY_OF_MAPS }, members: { values: pointers(b, b.int('int', 4)) } }),
    ],
    ['that are no array', (b) => ({ uints: { type: ARRAY_OF_MAPS }, members: { values: innerMap(b) } })],
    [
      'of maps in a prog array',
      (b) => ({ uints: { type: PROG_ARRAY }, members: { values: pointers(b, innerMap(b)) } }),
    ],
    [
      'of a number of programs',
      (b) => ({ uints: { type: PROG_ARRAY }, members: { values: pointers(b, b.btf.proto(0, []), 2) } }),
    ],
  ])('cannot stand %s', (_, input) => {
    const builder = simpleObject();
    expect(refusal(builder.map('m', input(builder)))).toBe('map-member');
  });

  /** A map definition with, if given, values of its own. */
  function innerMap(builder: ObjectBuilder, values?: number): number {
    const type = builder.uint(values === undefined ? ARRAY.type : ARRAY_OF_MAPS);
    const members = [
      ['type', type, 0],
      ...(values === undefined ? [] : [['values', values, 64] as const]),
    ] as const;
    return builder.btf.struct('', 8, members);
  }
});

describe('a map in the section maps', () => {
  /** An object with legacy maps: one struct of `words` each. */
  function legacy(order: 'little' | 'big', ...structs: readonly (readonly number[])[]): ObjectBuilder {
    const builder = simpleObject(order);
    const data = new Bytes(order);
    for (const word of structs.flat()) data.u32(word);
    const section = builder.section('maps', { data: data.list });
    let value = 0;
    for (const [i, words] of structs.entries()) {
      builder.symbol(`map${i}`, { type: STT_OBJECT, section, value });
      value += 4 * words.length;
    }
    return builder;
  }

  it.each(['little', 'big'] as const)('is a struct of five %s-endian numbers', (order) => {
    const object = legacy(order, [1, 8, 16, 100, 1], [2, 4, 8, 1, 0]).open();
    expect(object.maps).toMatchObject([
      {
        name: 'map0',
        origin: 'legacy',
        section: 'maps',
        type: 1,
        keySize: 8,
        valueSize: 16,
        maxEntries: 100,
        flags: 1,
      },
      { name: 'map1', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 },
    ]);
  });

  it('may have more members when they are zero', () => {
    expect(legacy('little', [2, 4, 8, 1, 0, 0, 0]).open().maps).toHaveLength(1);
    const builder = legacy('little', [2, 4, 8, 1, 0, 0, 2]);
    expect(refusal(builder)).toBe('legacy-map-extra');
    expect(legacy('little', [2, 4, 8, 1, 0, 0, 2]).open({ relaxedMaps: true }).maps).toHaveLength(1);
  });

  it('has the types that BPF_ANNOTATE_KV_PAIR gives it, if they have its sizes', () => {
    const builder = legacy('little', [2, 4, 8, 1, 0], [2, 4, 16, 1, 0]);
    const [key, value] = [builder.int('int', 4), builder.int('u64', 8)];
    for (const name of ['map0', 'map1'])
      builder.btf.struct(`____btf_map_${name}`, 16, [
        ['key', key, 0],
        ['value', value, 64],
      ]);
    expect(builder.open().maps.map((map) => [map.btfKeyTypeId, map.btfValueTypeId])).toEqual([
      [key, value],
      [0, 0],
    ]);
  });

  it('comes before the maps of .maps', () => {
    const builder = legacy('little', [2, 4, 8, 1, 0]).map('new', { uints: ARRAY });
    expect(builder.open().maps.map((map) => map.name)).toEqual(['map0', 'new']);
  });

  it('is refused when it is too small, unequal to its neighbours, or static', () => {
    expect(refusal(legacy('little', [2, 4, 8, 1]))).toBe('legacy-map-size');
    expect(refusal(legacy('little', [2, 4, 8, 1, 0], [2, 4, 8, 1, 0, 0], [2, 4, 8, 1, 0, 0]))).toBe(
      'legacy-map-size',
    );
    const unnamed = simpleObject();
    unnamed.section('maps', { data: new Uint8Array(20) });
    expect(refusal(unnamed)).toBe('legacy-map-size');
    const builder = simpleObject();
    const section = builder.section('maps', { data: new Uint8Array(20) });
    builder.symbol('m', { type: STT_OBJECT, section, binding: STB_LOCAL });
    expect(refusal(builder)).toBe('static-map');
  });
});

describe('a data section', () => {
  it('is an array of one element, with the section as its value', () => {
    const content = Uint8Array.from({ length: 12 }, (_, i) => i);
    const object = simpleObject()
      .data('.data', content, [
        { name: 'a', size: 4, offset: 0 },
        { name: 'b', size: 8, offset: 4 },
      ])
      .open({ name: 'dir/my_object.bpf.o' });
    expect(object.maps[0]).toMatchObject({
      name: 'my_objec.data',
      origin: 'data',
      section: '.data',
      type: ARRAY.type,
      keySize: 4,
      valueSize: 12,
      maxEntries: 1,
      flags: MMAPABLE,
      initial: content,
    });
    expect(object.maps[0]?.variables.map(({ name, offset, size }) => [name, offset, size])).toEqual([
      ['a', 0, 4],
      ['b', 4, 8],
    ]);
  });

  it('that is read-only can only be read by programs', () => {
    const object = simpleObject()
      .data('.rodata', new Uint8Array(4), [{ name: 'limit', size: 4, offset: 0 }])
      .open();
    expect(object.maps[0]).toMatchObject({ origin: 'rodata', flags: RDONLY_PROG | MMAPABLE });
  });

  it('without content is zeros', () => {
    const object = simpleObject()
      .data('.bss', 6, [{ name: 'n', size: 4, offset: 0 }])
      .open();
    expect(object.maps[0]).toMatchObject({ origin: 'bss', initial: new Uint8Array(6), valueSize: 6 });
  });

  it('is mapped by user space only if a variable in it can be seen', () => {
    const hidden = { visibility: STV_HIDDEN };
    const object = simpleObject()
      .data('.data', new Uint8Array(4), [{ name: 'a', size: 4, offset: 0, linkage: 'static' }])
      .data('.bss', 4, [{ name: 'b', size: 4, offset: 0, symbol: hidden }])
      .data('.rodata.str1.1', new Uint8Array(4))
      .open();
    expect(object.maps.map((map) => [map.section, map.flags])).toEqual([
      ['.data', 0],
      ['.bss', 0],
      ['.rodata.str1.1', RDONLY_PROG],
    ]);
    expect(object.maps[1]?.variables[0]?.linkage).toBe('static');
  });

  it.each([
    ['.bss', 'longish_.bss'],
    ['.data', 'longish_.data'],
    ['.rodata', 'longish_.rodata'],
    ['.data.custom_section_name', '.data.custom_section_name'],
    ['.rodata.cst16', '.rodata.cst16'],
    ['.bss.custom_section_name', '.bss.custom_se'.padEnd(15, 'c')],
  ])('%s of longish_object_name becomes the map %s', (section, name) => {
    const object = simpleObject()
      .data(section, section.startsWith('.bss') ? 4 : new Uint8Array(4))
      .open({ name: 'longish_object_name.o' });
    expect(object.maps[0]?.name).toBe(name);
  });

  it('has the variables of the symbol table when BTF has none', () => {
    const builder = simpleObject();
    const section = builder.section('.data', { data: new Uint8Array(16) });
    builder.symbol('late', { type: STT_OBJECT, section, value: 8, size: 8, binding: STB_WEAK });
    builder.symbol('early', { type: STT_OBJECT, section, value: 0, size: 4, binding: STB_LOCAL });
    expect(builder.open().maps[0]?.variables).toEqual([
      { name: 'early', offset: 0, size: 4, btfTypeId: 0, linkage: 'static' },
      { name: 'late', offset: 8, size: 8, btfTypeId: 0, linkage: 'weak' },
    ]);
  });

  it('that is empty, or that no one knows, is no map', () => {
    const builder = simpleObject().data('.bss', 0).data('.mystery', new Uint8Array(4));
    const object = builder.open();
    expect(object.maps).toEqual([]);
    expect(object.notes).toEqual(["data section 3 '.mystery' is not used: its name is not known"]);
  });

  it('cannot have variables without a symbol, outside of it, or that are none', () => {
    const unknown = simpleObject();
    const variable = unknown.btf.variable('ghost', unknown.int('int', 4));
    unknown.data('.data', new Uint8Array(4));
    unknown.btf.add({
      kind: 'datasec',
      name: '.data',
      size: 0,
      vars: [{ type: variable, offset: 0, size: 4 }],
    });
    expect(refusal(unknown)).toBe('variable-without-symbol');
    const outside = simpleObject().data('.data', new Uint8Array(4), [{ name: 'a', size: 8, offset: 0 }]);
    expect(refusal(outside)).toBe('variable-outside-section');
    const none = simpleObject().data('.data', new Uint8Array(4));
    const vars = [{ type: none.int('int', 4), offset: 0, size: 4 }];
    none.btf.add({ kind: 'datasec', name: '.data', size: 0, vars });
    expect(refusal(none)).toBe('datasec-not-var');
  });

  it('must exist when BTF describes it', () => {
    const builder = simpleObject();
    builder.btf.add({ kind: 'datasec', name: '.data', size: 0, vars: [] });
    expect(refusal(builder)).toBe('datasec-without-section');
  });

  it('keeps the places that a linker wrote into BTF', () => {
    const builder = simpleObject();
    const section = builder.section('.data', { data: new Uint8Array(8) });
    builder.symbol('a', { type: STT_OBJECT, section, value: 0, size: 4 });
    const vars = [{ type: builder.btf.variable('a', builder.int('int', 4)), offset: 4, size: 4 }];
    builder.btf.add({ kind: 'datasec', name: '.data', size: 8, vars });
    expect(builder.open().maps[0]?.variables[0]?.offset).toBe(4);
  });
});

describe('an arena', () => {
  const arena = (name: string) => [name, { uints: { type: ARENA, max_entries: 1 } }] as const;

  it('holds the variables that are declared in it', () => {
    const data = Uint8Array.of(1, 2, 3);
    const builder = simpleObject().map(...arena('a'));
    builder.section('.addr_space.1', { data });
    expect(builder.open().maps[0]).toMatchObject({ name: 'a', initial: data });
  });

  it('is the only one, exists when variables need it, and is large enough', () => {
    expect(
      refusal(
        simpleObject()
          .map(...arena('a'))
          .map(...arena('b')),
      ),
    ).toBe('second-arena');
    const missing = simpleObject().map('m', { uints: ARRAY });
    missing.section('.addr_space.1', { data: [1] });
    expect(refusal(missing)).toBe('arena-missing');
    const small = simpleObject().map(...arena('a'));
    small.section('.addr_space.1', { data: new Uint8Array(4097) });
    expect(refusal(small)).toBe('arena-too-small');
  });
});
