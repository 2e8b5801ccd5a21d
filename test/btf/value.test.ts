import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteOrder } from '../../src/base/bytes.ts';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { BtfError, UsageError } from '../../src/base/errors.ts';
import { type BtfValue, decodeValue, encodeValue, readAt, writeAt } from '../../src/btf/index.ts';
import { TestBtf } from './btf-builder.ts';

/** The types of these tests, in one byte order. */
function types(order: ByteOrder) {
  const b = new TestBtf({ order });
  const u8 = b.int('unsigned char', 1, 'none');
  const i16 = b.int('short', 2);
  const u32 = b.int('unsigned int', 4, 'none');
  const i32 = b.int('int', 4);
  const i64 = b.int('long', 8);
  const u64 = b.int('unsigned long', 8, 'none');
  const u128 = b.int('unsigned __int128', 16, 'none');
  const bool = b.int('_Bool', 1, 'bool');
  const char = b.int('char', 1);
  const verdict = b.enum('verdict', { DROP: 0, PASS: 1, ERROR: -1 }, 4, true);
  const small = b.enum('small', { ONE: 1 }, 1);
  const big = b.enum64('big', { HUGE: 1n << 40n });
  const comm = b.array(b.typedef('char_t', char), 8);
  const ids = {
    u8,
    i16,
    u32,
    i32,
    i64,
    u64,
    u128,
    bool,
    char,
    verdict,
    small,
    big,
    comm,
    ptr: b.ptr(u32),
    f32: b.add({ kind: 'float', name: 'float', size: 4 }),
    f64: b.add({ kind: 'float', name: 'double', size: 8 }),
    f128: b.add({ kind: 'float', name: 'long double', size: 16 }),
    grid: b.array(b.array(i16, 3), 2),
    names: b.array(comm, 2),
    bytes: b.array(u8, 4),
    flex: b.array(u32, 0),
    point: b.struct('point', 8, [
      ['x', i32, 0],
      ['y', b.typedef('__u32', u32), 32],
    ]),
    flags: b.struct('flags', 8, [
      ['low', u32, 0, 3],
      ['neg', i32, 3, 4],
      ['on', bool, 7, 1],
      ['verdict', verdict, 8, 4],
      ['wide', u64, 12, 45],
    ]),
    number: b.union('number', 8, [
      ['whole', u64, 0],
      ['half', b.array(u32, 2), 0],
    ]),
  };
  const inner = b.struct('', 8, [
    ['lo', u32, 0],
    ['hi', u32, 32],
  ]);
  const either = b.union('', 8, [
    ['both', u64, 0],
    ['', inner, 0],
  ]);
  const event = b.struct('event', 32, [
    ['pid', i32, 0],
    ['', either, 64],
    ['comm', comm, 128],
    ['at', ids.point, 192],
  ]);
  const counter = b.variable('counter', u64);
  const where = b.variable('where', ids.point);
  const bss = b.add({
    kind: 'datasec',
    name: '.bss',
    size: 16,
    vars: [
      { type: counter, offset: 0, size: 8 },
      { type: where, offset: 8, size: 8 },
    ],
  });
  return { ids: { ...ids, event, counter, bss }, btf: b.parse() };
}

type Name = keyof ReturnType<typeof types>['ids'];

const little = types('little');
const big = types('big');

describe('values of each type', () => {
  it.each<[Name, string, string, BtfValue]>([
    ['u8', 'ff', 'ff', 255],
    ['i16', 'feff', 'fffe', -2],
    ['u32', '04030201', '01020304', 0x01020304],
    ['i32', 'ffffffff', 'ffffffff', -1],
    ['i64', 'feffffffffffffff', 'fffffffffffffffe', -2n],
    ['u64', '0100000000000080', '8000000000000001', 0x8000000000000001n],
    ['u128', '01000000000000000000000000000080', '80000000000000000000000000000001', (1n << 127n) | 1n],
    ['bool', '01', '01', true],
    ['char', '61', '61', 97],
    ['verdict', '01000000', '00000001', 'PASS'],
    ['verdict', 'ffffffff', 'ffffffff', 'ERROR'],
    ['verdict', '07000000', '00000007', 7],
    ['small', '01', '01', 'ONE'],
    ['big', '0000000000010000', '0000010000000000', 'HUGE'],
    ['big', '0500000000000000', '0000000000000005', 5n],
    ['ptr', 'f0debc9a78563412', '123456789abcdef0', 0x123456789abcdef0n],
    ['f32', '0000c03f', '3fc00000', 1.5],
    ['f64', '000000000000f8bf', 'bff8000000000000', -1.5],
    ['comm', '6261736800000000', '6261736800000000', 'bash'],
    ['comm', '6162636465666768', '6162636465666768', 'abcdefgh'],
    [
      'grid',
      '010002000300fffffefffdff',
      '000100020003fffffffefffd',
      [
        [1, 2, 3],
        [-1, -2, -3],
      ],
    ],
    ['names', '61000000000000006200000000000000', '61000000000000006200000000000000', ['a', 'b']],
    ['bytes', '01020304', '01020304', [1, 2, 3, 4]],
    ['flex', '', '', []],
    ['point', 'ffffffff02000000', 'ffffffff00000002', { x: -1, y: 2 }],
    ['counter', '2a00000000000000', '000000000000002a', 42n],
    [
      'bss',
      '0100000000000000' + '0200000003000000',
      '0000000000000001' + '0000000200000003',
      { counter: 1n, where: { x: 2, y: 3 } },
    ],
  ])('%s', (name, littleHex, bigHex, value) => {
    for (const [side, hex] of [
      [little, littleHex],
      [big, bigHex],
    ] as const) {
      expect(decodeValue(side.btf, side.ids[name], fromHex(hex))).toEqual(value);
      expect(toHex(encodeValue(side.btf, side.ids[name], value))).toBe(hex);
    }
  });

  it('reads bitfields from the low end of little-endian data', () => {
    // low = 5, neg = -3 (0b1101), on = 1, then verdict = -1 (0b1111) and wide = 1.
    const bytes = fromHex('ed1f000000000000');
    const value = { low: 5, neg: -3, on: true, verdict: 'ERROR', wide: 1n };
    expect(decodeValue(little.btf, little.ids.flags, bytes)).toEqual(value);
    expect(toHex(encodeValue(little.btf, little.ids.flags, value))).toBe('ed1f000000000000');
  });

  it('reads bitfields from the high end of big-endian data', () => {
    // 101 1101 1 | 1111 0000 | … the 45 bits of wide end at bit 57.
    const bytes = fromHex('bbf0000000000080');
    const value = { low: 5, neg: -3, on: true, verdict: 'ERROR', wide: 1n };
    expect(decodeValue(big.btf, big.ids.flags, bytes)).toEqual(value);
    expect(toHex(encodeValue(big.btf, big.ids.flags, value))).toBe('bbf0000000000080');
  });

  it('puts the members of anonymous structs beside the others', () => {
    const bytes = encodeValue(little.btf, little.ids.event, {
      pid: 7,
      lo: 1,
      hi: 2,
      comm: 'x',
      at: { y: 9 },
    });
    expect(decodeValue(little.btf, little.ids.event, bytes)).toEqual({
      pid: 7,
      both: 0x200000001n,
      lo: 1,
      hi: 2,
      comm: 'x',
      at: { x: 0, y: 9 },
    });
  });

  it('reads every member of a union and writes those given', () => {
    const { btf, ids } = little;
    expect(decodeValue(btf, ids.number, fromHex('0100000002000000'))).toEqual({
      whole: 0x200000001n,
      half: [1, 2],
    });
    expect(toHex(encodeValue(btf, ids.number, { half: [3] }))).toBe('0300000000000000');
  });

  it('keeps floats as bytes that JavaScript has no number for', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(decodeValue(little.btf, little.ids.f128, bytes)).toEqual(bytes);
    expect(encodeValue(little.btf, little.ids.f128, bytes)).toEqual(bytes);
    expect(() => encodeValue(little.btf, little.ids.f128, 1)).toThrow('can only be given as bytes');
  });

  it('reads ints of old compilers that carry their own bits', () => {
    const b = new TestBtf();
    const odd = b.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 5, offset: 3 });
    const holder = b.struct('s', 4, [['v', odd, 0]]);
    const btf = b.parse();
    expect(decodeValue(btf, holder, fromHex('f8000000'))).toEqual({ v: -1 });
    expect(toHex(encodeValue(btf, holder, { v: -2 }))).toBe('f0000000');
  });

  it('does not fall for members called __proto__', () => {
    const b = new TestBtf();
    const trap = b.struct('trap', 4, [['__proto__', b.int('int', 4), 0]]);
    const value = decodeValue(b.parse(), trap, fromHex('01000000'));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(value)).toEqual([['__proto__', 1]]);
  });
});

describe('options of reading', () => {
  const { btf, ids } = little;
  it('gives enums as numbers', () => {
    expect(decodeValue(btf, ids.verdict, fromHex('01000000'), { enums: 'numbers' })).toBe(1);
  });
  it('gives chars as numbers', () => {
    expect(decodeValue(btf, ids.comm, fromHex('6162000000000000'), { chars: 'numbers' })).toEqual([
      97, 98, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe('what may be written', () => {
  const { btf, ids } = little;
  it.each<[Name, BtfValue, string]>([
    ['u32', 5n, '05000000'],
    ['u32', '5', '05000000'],
    ['u32', '0xff', 'ff000000'],
    ['i64', '-1', 'ffffffffffffffff'],
    ['i64', 7, '0700000000000000'],
    ['ptr', 0x10, '1000000000000000'],
    ['bool', 1, '01'],
    ['char', 200, 'c8'],
    ['char', -1, 'ff'],
    ['verdict', 'DROP', '00000000'],
    ['verdict', '9', '09000000'],
    ['verdict', 0xffffffff, 'ffffffff'],
    ['f64', '1.5', '000000000000f83f'],
    ['f64', 2n, '0000000000000040'],
    ['comm', 'é', 'c3a9000000000000'],
    ['comm', [65, 66], '4142000000000000'],
    ['comm', new Uint8Array([65]), '4100000000000000'],
    ['bytes', 'hi', '68690000'],
    ['point', {}, '0000000000000000'],
    ['point', new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]), '0102030405060708'],
    ['u32', new Uint8Array([1, 2, 3, 4]), '01020304'],
    ['grid', [[1]], '010000000000000000000000'],
  ])('%s from %o', (name, value, hex) => {
    expect(toHex(encodeValue(btf, ids[name], value))).toBe(hex);
  });

  it.each<[Name, unknown, string, string]>([
    ['u8', 256, 'value-range', 'value: 256 does not fit unsigned char (0 to 255)'],
    ['u8', -1, 'value-range', 'value: -1 does not fit unsigned char (0 to 255)'],
    ['i16', 32768, 'value-range', 'value: 32768 does not fit short (-32768 to 32767)'],
    [
      'u64',
      1n << 64n,
      'value-range',
      `value: ${1n << 64n} does not fit unsigned long (0 to ${(1n << 64n) - 1n})`,
    ],
    ['bool', 2, 'value-range', 'value: 2 does not fit _Bool (0 to 1)'],
    ['u32', 1.5, 'value-type', 'value: 1.5 given, unsigned int needed'],
    ['u32', 'five', 'value-type', "value: 'five' given, unsigned int needed"],
    ['u32', null, 'value-type', 'value: null given, unsigned int needed'],
    ['u32', undefined, 'value-type', 'value: undefined given, unsigned int needed'],
    ['f32', 'x', 'value-type', "value: 'x' given, float needed"],
    ['verdict', 'MAYBE', 'unknown-enumerator', "value: 'MAYBE' is none of enum verdict: DROP, PASS, ERROR"],
    ['point', 5, 'value-type', 'value: 5 given, struct point needed'],
    ['point', null, 'value-type', 'value: null given, struct point needed'],
    ['point', { z: 1 }, 'unknown-member', "value: struct point has no member 'z', but x, y"],
    ['point', { y: -1 }, 'value-range', 'y: -1 does not fit unsigned int (0 to 4294967295)'],
    ['point', new Uint8Array(3), 'value-range', 'value: 3 bytes given, struct point takes 8'],
    ['event', { at: { x: [] } }, 'value-type', 'at.x: an array given, int needed'],
    ['event', { comm: 'too long a name' }, 'value-range', 'comm: 15 bytes do not fit char_t[8]'],
    ['event', { comm: [1, 2, 300] }, 'value-range', 'comm[2]: 300 does not fit char (-128 to 255)'],
    ['grid', [[], [0, 1, 40000]], 'value-range', '[1][2]: 40000 does not fit short (-32768 to 32767)'],
    ['grid', [[], [], []], 'value-range', 'value: 3 elements do not fit short[2][3]'],
    ['flags', { low: 8 }, 'value-range', 'low: 8 does not fit unsigned int (0 to 7)'],
    [
      'bss',
      { other: 1 },
      'unknown-member',
      "value: section .bss has no variable 'other', but counter, where",
    ],
  ])('not %s from %o', (name, value, code, message) => {
    const attempt = (): unknown => encodeValue(btf, ids[name], value as BtfValue);
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(expect.objectContaining({ code, message }) as UsageError);
  });

  it('says what the caller calls the value', () => {
    expect(() => encodeValue(btf, ids.event, { at: { x: 'no' } }, { name: 'obj.bss.last' })).toThrow(
      "obj.bss.last.at.x: 'no' given",
    );
  });
});

describe('in place', () => {
  const { btf, ids } = little;
  it('reads and writes at an offset and leaves the rest', () => {
    const bytes = new Uint8Array(12).fill(0xee);
    writeAt(btf, ids.u32, bytes, 4, 1);
    expect(toHex(bytes)).toBe('eeeeeeee01000000eeeeeeee');
    expect(readAt(btf, ids.u32, bytes, 4)).toBe(1);
  });

  it('replaces a struct as a whole, a section variable by variable', () => {
    const bytes = new Uint8Array(16).fill(0xee);
    writeAt(btf, ids.point, bytes, 0, { x: 1 });
    expect(toHex(bytes.subarray(0, 8))).toBe('0100000000000000');
    writeAt(btf, ids.bss, bytes, 0, { where: { y: 2 } });
    expect(toHex(bytes)).toBe('01000000000000000000000002000000');
  });

  it('touches no bit beside a bitfield', () => {
    const b = new TestBtf();
    const u32 = b.int('unsigned int', 4, 'none');
    const section = b.struct('s', 4, [['f', u32, 5, 13]]);
    const btfOf = b.parse();
    fc.assert(
      fc.property(fc.nat({ max: 0x1fff }), (value) => {
        expect(decodeValue(btfOf, section, encodeValue(btfOf, section, { f: value }))).toEqual({ f: value });
      }),
    );
  });

  it('refuses what lies outside the bytes', () => {
    const bytes = new Uint8Array(8);
    expect(() => readAt(btf, ids.u64, bytes, 1)).toThrow('8 bytes at offset 1 do not fit 8 bytes');
    expect(() => readAt(btf, ids.u64, bytes, -1)).toThrow(BtfError);
    expect(() => {
      writeAt(btf, ids.event, bytes, 0, {});
    }).toThrow(BtfError);
  });
});

describe('types without values', () => {
  it.each(['func_proto', 'fwd', 'void'] as const)('%s', (kind) => {
    const b = new TestBtf();
    const proto = b.proto(0, []);
    const fwd = b.add({ kind: 'fwd', name: 's', of: 'struct' });
    const id = { func_proto: proto, fwd, void: 0 }[kind];
    expect(() => decodeValue(b.parse(), id, new Uint8Array(8))).toThrow(
      `there are no values of type [${id}]`,
    );
    expect(() => encodeValue(b.parse(), id, 0)).toThrow(BtfError);
  });
});

describe('hostile types', () => {
  it('gives up on numbers of impossible sizes', () => {
    const b = new TestBtf();
    const wide = b.enum('e', { A: 1 }, 0x80000000);
    const empty = b.int('int', 0);
    const btf = b.parse();
    for (const id of [wide, empty]) {
      expect(() => decodeValue(btf, id, new Uint8Array(8))).toThrow(BtfError);
      expect(() => encodeValue(btf, id, 1)).toThrow(BtfError);
    }
  });

  it('does not loop over elements without a size', () => {
    const b = new TestBtf();
    const array = b.array(b.struct('empty', 0, []), 0xffffffff);
    const btf = b.parse();
    expect(decodeValue(btf, array, new Uint8Array(0))).toEqual([]);
  });

  it('gives up on structs that multiply or never end', () => {
    const b = new TestBtf();
    let id = b.struct('leaf', 0, []);
    for (let i = 0; i < 40; i++) {
      id = b.struct(`s${i}`, 0, [
        ['a', id, 0],
        ['b', id, 0],
      ]);
    }
    const self = b.nextId;
    b.struct('self', 4, [['again', self, 0]]);
    const btf = b.parse();
    expect(() => decodeValue(btf, id, new Uint8Array(4))).toThrow('too many parts');
    expect(() => decodeValue(btf, self, new Uint8Array(4))).toThrow('too many parts');
  });

  it('does not allocate what no map can hold', () => {
    const b = new TestBtf();
    const id = b.struct('s', 0xffffffff, []);
    expect(() => encodeValue(b.parse(), id, {})).toThrow('takes 4294967295 bytes');
  });
});

describe('decode after encode', () => {
  const value = fc.record({
    pid: fc.integer(),
    both: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    comm: fc.stringMatching(/^[a-zäé]{0,4}$/),
    at: fc.record({ x: fc.integer(), y: fc.nat({ max: 0xffffffff }) }),
  });
  it.each([little, big])('gives the value back', ({ btf, ids }) => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decodeValue(btf, ids.event, encodeValue(btf, ids.event, given))).toMatchObject(given);
      }),
    );
  });

  it.each([little, big])('keeps neighbouring bitfields apart', ({ btf, ids }) => {
    const flags = fc.record({
      low: fc.nat({ max: 7 }),
      neg: fc.integer({ min: -8, max: 7 }),
      on: fc.boolean(),
      verdict: fc.constantFrom('DROP', 'PASS', 'ERROR', 5),
      wide: fc.bigInt({ min: 0n, max: (1n << 45n) - 1n }),
    });
    fc.assert(
      fc.property(flags, (given) => {
        expect(decodeValue(btf, ids.flags, encodeValue(btf, ids.flags, given))).toEqual(given);
      }),
    );
  });
});
