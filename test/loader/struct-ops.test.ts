/** struct_ops maps: variables in .struct_ops, and the programs in their function pointers. */
import { describe, expect, it } from 'vitest';
import { BpfMapType } from '../../src/spec/index.ts';
import { EXIT, ObjectBuilder, refusal } from './object-builder.ts';

const LINK = 8192;

/** An object with struct_ops programs and, in each section given, variables of `struct ops` with two function pointers. */
function sample(sections: Readonly<Record<string, readonly string[]>>): ObjectBuilder {
  const builder = new ObjectBuilder()
    .code('struct_ops/init', [{ name: 'init', insns: [EXIT] }])
    .code('?struct_ops.s/exit', [{ name: 'exit', insns: [EXIT] }])
    .code('xdp', [{ name: 'other', insns: [EXIT] }]);
  const pointer = builder.btf.ptr(builder.btf.proto(0, []));
  const typeId = builder.btf.struct('ops', 24, [
    ['init', pointer, 0],
    ['size', builder.int('u64', 8), 64],
    ['exit', pointer, 128],
  ]);
  for (const [section, names] of Object.entries(sections)) {
    const content = Uint8Array.from({ length: 24 * names.length }, (_, i) => (i % 24 === 8 ? 7 : 0));
    builder.data(
      section,
      content,
      names.map((name, i) => ({ name, size: 24, offset: 24 * i, typeId })),
    );
  }
  return builder;
}

describe('a variable in .struct_ops', () => {
  it('is a map with the struct as declared, and the programs by member', () => {
    const object = sample({ '.struct_ops': ['first', 'second'] })
      .pointer('.struct_ops', 40, 'exit')
      .pointer('.struct_ops', 24, 'init')
      .open();
    expect(object.maps).toMatchObject([
      { name: 'first', values: [] },
      {
        name: 'second',
        origin: 'struct_ops',
        section: '.struct_ops',
        type: BpfMapType.BPF_MAP_TYPE_STRUCT_OPS,
        keySize: 4,
        valueSize: 24,
        maxEntries: 1,
        flags: 0,
        values: [
          { index: 0, kind: 'program', name: 'init' },
          { index: 2, kind: 'program', name: 'exit' },
        ],
      },
    ]);
    expect(object.maps[1]?.initial?.[8]).toBe(7);
    expect(object.btf?.typeById(object.maps[1]?.btfValueTypeId ?? 0).name).toBe('ops');
    expect(object.programs.map(({ name, type, autoload }) => [name, type, autoload])).toEqual([
      ['init', 27, true],
      ['exit', 27, false],
      ['other', 6, true],
    ]);
  });

  it('is attached by a link in .struct_ops.link', () => {
    expect(sample({ '.struct_ops.link': ['a'] }).open().maps[0]?.flags).toBe(LINK);
  });

  it('is not created by default in a section with a question mark; libbpf 1.5 leaves out the first one only', () => {
    const object = sample({ '?.struct_ops.link': ['a', 'b'] }).open();
    expect(object.maps.map(({ autocreate, flags }) => [autocreate, flags])).toEqual([
      [false, LINK],
      [undefined, LINK],
    ]);
  });

  it.each<readonly [string, string, number, string]>([
    ['a program of another type', 'struct-ops-target', 0, 'other'],
    ['something that is no program', 'struct-ops-target', 0, 'first'],
    ['a program in a number', 'struct-ops-member', 8, 'init'],
    ['a program between members', 'struct-ops-member', 4, 'init'],
  ])('cannot hold %s', (_, code, offset, symbol) => {
    expect(refusal(sample({ '.struct_ops': ['first'] }).pointer('.struct_ops', offset, symbol))).toBe(code);
  });

  it('needs BTF, a struct and all its bytes', () => {
    const plain = new ObjectBuilder();
    plain.section('.struct_ops', { data: new Uint8Array(8) });
    expect(refusal(plain)).toBe('btf-missing');
    const number = new ObjectBuilder().data('.struct_ops', new Uint8Array(8), [
      { name: 'a', size: 8, offset: 0 },
    ]);
    expect(refusal(number)).toBe('struct-ops-type');
    const short = new ObjectBuilder();
    const typeId = short.btf.struct('ops', 16, []);
    short.data('.struct_ops', new Uint8Array(8), [{ name: 'a', size: 8, offset: 0, typeId }]);
    expect(refusal(short)).toBe('struct-ops-outside');
  });
});
