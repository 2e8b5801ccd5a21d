import { describe, expect, it } from 'vitest';
import { BtfError } from '../../src/base/errors.ts';
import { essentialName } from '../../src/btf/index.ts';
import { TestBtf } from './btf-builder.ts';

describe('Btf.findByName', () => {
  const b = new TestBtf();
  const int = b.int('int', 4);
  const fwd = b.add({ kind: 'fwd', name: 'thing', of: 'struct' });
  const struct = b.struct('thing', 4, [['a', int, 0]]);
  const flavour = b.struct('thing___v2', 4, [['a', int, 0]]);
  const flavoured = b.struct('thing___v2___x', 4, [['a', int, 0]]);
  const typedef = b.typedef('thing', struct);
  const btf = b.parse();

  it('finds the first type of that name', () => {
    expect(btf.findByName('thing')?.id).toBe(fwd);
  });

  it('finds by kind', () => {
    expect(btf.findByName('thing', 'struct')?.id).toBe(struct);
    expect(btf.findByName('thing', 'typedef')?.id).toBe(typedef);
    expect(btf.findByName('thing', 'union')).toBeUndefined();
  });

  it('takes a flavour for a part of the name', () => {
    expect(btf.findByName('thing___v2')?.id).toBe(flavour);
    expect(btf.findByName('thing___v3')).toBeUndefined();
  });

  it('does not find anonymous types', () => {
    b.struct('', 0, []);
    expect(b.parse().findByName('')).toBeUndefined();
  });

  it('lists all flavours of a name', () => {
    expect([...btf.idsByEssentialName('thing')]).toEqual([fwd, struct, flavour, typedef]);
    expect([...btf.idsByEssentialName('thing___v2')]).toEqual([flavoured]);
  });

  it('finds names longer than the kernel allows', () => {
    const long = 'n'.repeat(2000);
    const id = b.struct(long, 0, []);
    expect(b.parse().findByName(long)?.id).toBe(id);
  });
});

describe('essentialName', () => {
  it.each([
    ['task_struct', 'task_struct'],
    ['task_struct___old', 'task_struct'],
    ['a___b___c', 'a___b'],
    ['a____b', 'a____b'],
    ['___b', '___b'],
    ['a___', 'a___'],
    ['a___b____c', 'a'],
    ['', ''],
  ])('of %s is %s', (name, essential) => {
    expect(essentialName(name)).toBe(essential);
  });
});

describe('Btf.resolve', () => {
  it('looks behind typedefs and modifiers, not behind pointers', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    const tag = b.add({ kind: 'type_tag', name: 'user', type: int });
    const alias = b.typedef('t', b.ref('const', b.ref('volatile', tag)));
    const ptr = b.ptr(alias);
    const btf = b.parse();
    expect(btf.resolve(alias).id).toBe(int);
    expect(btf.resolve(b.ref('restrict', ptr) - 1).id).toBe(ptr);
  });

  it('refuses circles', () => {
    const b = new TestBtf();
    const id = b.typedef('t', b.nextId + 1);
    b.ref('const', id);
    const btf = b.parse();
    for (const ask of [() => btf.resolve(id), () => btf.sizeOf(id), () => btf.alignOf(id)]) {
      expect(ask).toThrow('refers to itself');
    }
  });
});

describe('Btf.sizeOf and alignOf', () => {
  const b = new TestBtf();
  const char = b.int('char', 1);
  const int = b.int('int', 4);
  const wide = b.int('__int128', 16);
  const long = b.int('long int', 8);
  const ptr = b.ptr(0);
  const matrix = b.array(b.array(int, 3), 5);
  const mixed = b.struct('mixed', 16, [
    ['c', char, 0],
    ['l', long, 64],
  ]);
  const packed = b.struct('packed', 9, [
    ['c', char, 0],
    ['l', long, 8],
  ]);
  const bits = b.struct('bits', 4, [
    ['a', int, 0, 3],
    ['b', int, 3, 7],
  ]);
  const proto = b.proto(int, []);
  const huge = b.array(b.array(long, 0x10000000), 0x10000000);
  const btf = b.parse();

  it.each([
    ['char', char, 1, 1],
    ['int', int, 4, 4],
    ['128-bit int, aligned like a pointer', wide, 16, 8],
    ['pointer', ptr, 8, 8],
    ['array of arrays', matrix, 60, 4],
    ['struct', mixed, 16, 8],
    ['packed struct', packed, 9, 1],
    ['bitfields', bits, 4, 4],
  ])('%s', (_, id, size, align) => {
    expect(btf.sizeOf(id)).toBe(size);
    expect(btf.alignOf(id)).toBe(align);
  });

  it('refuses what has no size', () => {
    expect(() => btf.sizeOf(proto)).toThrow(BtfError);
    expect(() => btf.sizeOf(0)).toThrow("it is or holds void 'void'");
    expect(() => btf.alignOf(proto)).toThrow('has no alignment');
  });

  it('refuses sizes that no memory has', () => {
    expect(() => btf.sizeOf(huge)).toThrow('larger than 4 GiB');
  });

  it('takes the size of pointers from that of long', () => {
    const small = new TestBtf();
    const id = small.ptr(0);
    expect(small.parse().sizeOf(id)).toBe(8);
    small.int('long unsigned int', 4, 'none');
    const narrow = small.parse();
    expect(narrow.sizeOf(id)).toBe(4);
    expect(new TestBtf({ base: narrow }).parse(narrow).pointerSize).toBe(4);
  });
});
