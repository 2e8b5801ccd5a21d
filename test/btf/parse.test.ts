import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteOrder } from '../../src/base/bytes.ts';
import { BtfError } from '../../src/base/errors.ts';
import { BTF_KINDS, BtfBuilder, type BtfTypeSpec, parseBtf } from '../../src/btf/index.ts';
import { TestBtf } from './btf-builder.ts';

/** One type of every kind; each may refer to those before it. */
const EVERY_KIND: readonly BtfTypeSpec[] = [
  { kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 },
  { kind: 'ptr', name: '', type: 1 },
  { kind: 'array', name: '', elementType: 1, indexType: 1, count: 7 },
  {
    kind: 'struct',
    name: 's',
    size: 8,
    members: [
      { name: 'a', type: 1, bitOffset: 0, bitSize: 3 },
      { name: 'b', type: 1, bitOffset: 32, bitSize: 0 },
    ],
  },
  { kind: 'union', name: 'u', size: 4, members: [{ name: 'x', type: 1, bitOffset: 0, bitSize: 0 }] },
  { kind: 'enum', name: 'e', size: 4, signed: true, values: [{ name: 'MINUS', value: -1 }] },
  { kind: 'fwd', name: 'later', of: 'union' },
  { kind: 'typedef', name: 'num', type: 1 },
  { kind: 'volatile', name: '', type: 1 },
  { kind: 'const', name: '', type: 9 },
  { kind: 'restrict', name: '', type: 2 },
  { kind: 'func_proto', name: '', returnType: 1, params: [{ name: 'ctx', type: 2 }] },
  { kind: 'func', name: 'f', type: 12, linkage: 'global' },
  { kind: 'var', name: 'v', type: 1, linkage: 'static' },
  { kind: 'datasec', name: '.data', size: 4, vars: [{ type: 14, offset: 0, size: 4 }] },
  { kind: 'float', name: 'double', size: 8 },
  { kind: 'decl_tag', name: 'tagged', type: 4, componentIndex: -1 },
  { kind: 'type_tag', name: 'user', type: 1 },
  {
    kind: 'enum64',
    name: 'big',
    size: 8,
    signed: true,
    values: [
      { name: 'LOW', value: -(2n ** 63n) },
      { name: 'HIGH', value: 2n ** 63n - 1n },
    ],
  },
];

function build(types: readonly BtfTypeSpec[], order: ByteOrder = 'little'): Uint8Array {
  const builder = new BtfBuilder({ order });
  for (const type of types) builder.add(type);
  return builder.bytes();
}

/** The error that parsing these bytes gives. */
function failure(bytes: Uint8Array, order?: ByteOrder): BtfError {
  try {
    parseBtf(bytes, order);
  } catch (error) {
    if (error instanceof BtfError) return error;
    throw error;
  }
  throw new Error('the bytes were accepted');
}

function patched(bytes: Uint8Array, offset: number, word: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(offset, word, true);
  return copy;
}

describe('parseBtf', () => {
  it.each(['little', 'big'] as const)('reads every kind, %s-endian', (order) => {
    const btf = parseBtf(build(EVERY_KIND, order));
    expect(btf.byteOrder).toBe(order);
    expect([...btf]).toEqual(EVERY_KIND.map((type, i) => ({ ...type, id: i + 1 })));
    expect(new Set([...btf].map((type) => type.kind)).size).toBe(BTF_KINDS.length - 1);
  });

  it('gives id 0 to void', () => {
    const btf = parseBtf(build([]));
    expect(btf.typeById(0)).toEqual({ kind: 'void', id: 0, name: 'void' });
    expect(btf.typeCount).toBe(1);
  });

  it('refuses ids that do not exist, at lookup', () => {
    expect(() => parseBtf(build([])).typeById(1)).toThrow('type id 1 does not exist, the last one is 0');
  });

  it('tells when the byte order is not the one expected', () => {
    expect(failure(build([], 'big'), 'little').code).toBe('btf-byte-order');
  });

  it('accepts a longer header, whose new part it skips', () => {
    const bytes = build(EVERY_KIND);
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes.subarray(0, 24));
    longer.set(bytes.subarray(24), 32);
    expect([...parseBtf(patched(longer, 4, 32))]).toHaveLength(EVERY_KIND.length);
  });

  const bytes = build(EVERY_KIND);
  const typeLength = new DataView(bytes.buffer).getUint32(12, true);
  it.each([
    ['no bytes', new Uint8Array(0), 'btf-truncated', 0],
    ['another magic', patched(bytes, 0, 0x464c457f), 'btf-magic', 0],
    ['version 2', patched(bytes, 0, 0x0002eb9f), 'btf-version', 2],
    ['a header longer than the file', patched(bytes, 4, 0x10000), 'btf-header', 4],
    ['a header too short', patched(bytes, 4, 16), 'btf-header', 4],
    ['an unaligned type section', patched(bytes, 8, 2), 'btf-header', 8],
    ['types that run into the strings', patched(bytes, 12, typeLength + 4), 'btf-header', 12],
    ['strings past the end', patched(bytes, 20, 0xffffffff), 'btf-header', 20],
    ['no strings', patched(bytes, 20, 0), 'btf-string-section', 24 + typeLength],
    ['a cut type section', patched(bytes, 12, typeLength - 4), 'btf-truncated', undefined],
    ['a name outside the strings', patched(bytes, 24, 0x7fffffff), 'btf-string', 24],
    ['an unknown kind', patched(bytes, 28, 20 << 24), 'btf-kind', 24],
    ['kind 0', patched(bytes, 28, 0), 'btf-kind', 24],
    ['a pointer to nowhere', patched(bytes, 24 + 16 + 8, 20), 'btf-type-id', 24 + 16 + 8],
  ])('refuses %s', (_, broken, code, offset) => {
    const error = failure(broken);
    expect(error.code).toBe(code);
    if (offset !== undefined) expect(error.place.offset).toBe(offset);
  });

  it('names the type whose member, parameter, variable or element does not exist', () => {
    const bad: readonly BtfTypeSpec[] = [
      { kind: 'struct', name: 's', size: 4, members: [{ name: 'm', type: 9, bitOffset: 0, bitSize: 0 }] },
      { kind: 'func_proto', name: '', returnType: 0, params: [{ name: 'p', type: 9 }] },
      { kind: 'func_proto', name: '', returnType: 9, params: [] },
      { kind: 'datasec', name: '.bss', size: 0, vars: [{ type: 9, offset: 0, size: 0 }] },
      { kind: 'array', name: '', elementType: 9, indexType: 0, count: 1 },
      { kind: 'array', name: '', elementType: 0, indexType: 9, count: 1 },
      { kind: 'decl_tag', name: 't', type: 9, componentIndex: 0 },
    ];
    for (const type of bad) {
      const error = failure(build([EVERY_KIND[0] as BtfTypeSpec, type]));
      expect(error.code, type.kind).toBe('btf-type-id');
      expect(error.place.typeId, type.kind).toBe(2);
    }
  });

  it('wants a prototype behind every function', () => {
    const error = failure(
      build([EVERY_KIND[0] as BtfTypeSpec, { kind: 'func', name: 'f', type: 1, linkage: 'static' }]),
    );
    expect(error.code).toBe('btf-func-proto');
    expect(error.describe()).toBe(
      "section .BTF, BTF type [2], offset 0x30: a function's type must be a func_proto, type [1] is none",
    );
  });

  it('allows types that refer to later ones', () => {
    const btf = parseBtf(build([{ kind: 'ptr', name: '', type: 2 }, EVERY_KIND[0] as BtfTypeSpec]));
    expect(btf.resolve(1)).toMatchObject({ kind: 'ptr', type: 2 });
  });

  it('does not read gigabytes from a file whose strings are parts of each other', () => {
    const builder = new BtfBuilder();
    const long = builder.string('x'.repeat(50_000));
    const type: BtfTypeSpec = { kind: 'fwd', name: '', of: 'struct' };
    for (let i = 0; i < 20_000; i++) builder.add(type);
    const hostile = builder.bytes();
    const view = new DataView(hostile.buffer);
    for (let i = 0; i < 20_000; i++) view.setUint32(24 + 12 * i, long + i, true);
    const btf = parseBtf(hostile);
    expect(() => [...btf]).toThrow('too many strings are parts of each other');
    expect(btf.findByName('nothing')).toBeUndefined();
  });

  it('round-trips whatever the builder writes', () => {
    const name = fc.stringMatching(/^[a-z_]{1,8}$/);
    const u32 = fc.nat({ max: 0xffffffff });
    const ref = fc.nat({ max: 4 });
    const member = fc.record({
      name,
      type: ref,
      bitOffset: fc.nat({ max: 0xffffff }),
      bitSize: fc.nat({ max: 255 }),
    });
    const type = fc.oneof(
      fc.record({
        kind: fc.constantFrom('struct', 'union'),
        name,
        size: u32,
        members: fc.array(member, { maxLength: 5 }),
      }),
      fc.record({
        kind: fc.constant('enum'),
        name,
        size: u32,
        signed: fc.constant(true),
        values: fc.array(fc.record({ name, value: fc.integer() }), { maxLength: 5 }),
      }),
      fc.record({
        kind: fc.constant('enum64'),
        name,
        size: u32,
        signed: fc.constant(false),
        values: fc.array(fc.record({ name, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }), {
          maxLength: 5,
        }),
      }),
      fc.record({ kind: fc.constant('array'), name, elementType: ref, indexType: ref, count: u32 }),
      fc.record({ kind: fc.constantFrom('ptr', 'typedef', 'const'), name, type: ref }),
    ) as fc.Arbitrary<BtfTypeSpec>;
    fc.assert(
      fc.property(
        fc.array(type, { minLength: 4, maxLength: 10 }),
        fc.constantFrom('little', 'big'),
        (types, order) => {
          expect([...parseBtf(build(types, order))]).toEqual(
            types.map((spec, i) => ({ ...spec, id: i + 1 })),
          );
        },
      ),
    );
  });
});

describe('split BTF', () => {
  const kernel = new TestBtf();
  const int = kernel.int('int', 4);
  kernel.struct('shared', 4, [['a', int, 0]]);
  const base = kernel.parse();

  it('continues the ids and the strings of its base', () => {
    const module = new TestBtf({ base });
    const own = module.struct('own', 8, [
      ['first', int, 0],
      ['second', int, 32],
    ]);
    const btf = module.parse(base);
    expect(own).toBe(base.typeCount);
    expect(btf.firstId).toBe(base.typeCount);
    expect(btf.typeById(own)).toMatchObject({ name: 'own', size: 8 });
    expect(btf.typeById(int)).toBe(base.typeById(int));
    expect(btf.findByName('shared', 'struct')?.id).toBe(2);
    expect(btf.findByName('own')?.id).toBe(own);
    expect(base.findByName('own')).toBeUndefined();
    expect([...btf].map((type) => type.id)).toEqual([own]);
  });

  it('may have no strings of its own', () => {
    const module = new TestBtf({ base });
    const id = module.ptr(int);
    expect(module.parse(base).typeById(id)).toMatchObject({ kind: 'ptr', type: int });
  });

  it('means nothing without its base', () => {
    const module = new TestBtf({ base });
    module.struct('own', 4, [['first', int, 0]]);
    expect(() => module.parse()).toThrow(BtfError);
  });

  it('has the byte order of its base', () => {
    expect(() => parseBtf(build([], 'big'), undefined, { base })).toThrow('cannot stand on little-endian');
  });
});
