import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/base/bytes.ts';
import { formatValue } from '../../src/btf/index.ts';
import { TestBtf } from './btf-builder.ts';

const b = new TestBtf();
const u32 = b.int('unsigned int', 4, 'none');
const i64 = b.int('long', 8);
const u128 = b.int('unsigned __int128', 16, 'none');
const bool = b.int('_Bool', 1, 'bool');
const char = b.int('char', 1);
const letter = b.int('letter', 1, 'char');
const verdict = b.enum('verdict', { PASS: 1, ERROR: -1 }, 4, true);
const ptr = b.ptr(0);
const comm = b.array(char, 4);
const alias = b.array(b.typedef('char_t', char), 4);
const list = b.array(u32, 2);
const float = b.add({ kind: 'float', name: 'double', size: 8 });
const bits = b.struct('bits', 4, [
  ['a', u32, 0, 4],
  ['b', verdict, 4, 28],
]);
const event = b.struct('event', 16, [
  ['id', u32, 0],
  ['list', list, 32],
  ['', b.struct('', 4, [['x', u32, 0]]), 96],
]);
const empty = b.struct('empty', 0, []);
const counter = b.variable('counter', u32);
const bss = b.add({ kind: 'datasec', name: '.bss', size: 4, vars: [{ type: counter, offset: 0, size: 4 }] });
const btf = b.parse();

describe('formatValue', () => {
  it.each([
    ['unsigned', u32, 'ffffffff', '4294967295', '4294967295'],
    ['signed', i64, 'ffffffffffffffff', '-1', '-1'],
    ['128 bits', u128, '01000000000000000200000000000000', '0x20000000000000001', '"0x20000000000000001"'],
    ['bool', bool, '01', 'true', 'true'],
    ['char, a number as clang describes it', char, '61', '97', '97'],
    ['char of the CHAR encoding', letter, '61', '"a"', '"a"'],
    ['unprintable char', letter, '07', '0x7', '"\\u0007"'],
    ['enumerator', verdict, 'ffffffff', '"ERROR"', '"ERROR"'],
    ['unknown enumerator', verdict, 'feffffff', '-2', '-2'],
    ['pointer', ptr, '0010000000000000', '"0x1000"', '4096'],
    ['null pointer', ptr, '0000000000000000', '"(nil)"', '0'],
    ['text', comm, '62610000', '"ba"', '"ba"'],
    ['text without an end', comm, '62616162', '[98,97,97,98\n]', '[98,97,97,98]'],
    ['text of a typedef, which does not count', alias, '62610000', '[98,97,0,0\n]', '[98,97,0,0]'],
    ['float', float, '000000000000f83f', '1.5', '1.5'],
    ['bitfields', bits, 'f1ffffff', '{\n    "a": 0x1,\n    "b": 0xfffffff\n}', '{"a":"0x1","b":"0xfffffff"}'],
    ['empty struct', empty, '', '{}', '{}'],
    [
      'section',
      bss,
      '05000000',
      '{\n    ".bss": [{\n            "counter": 5\n        }\n    ]\n}',
      '{".bss":[{"counter":5}]}',
    ],
  ])('%s', (_, id, hex, plain, json) => {
    expect(formatValue(btf, id, fromHex(hex))).toBe(plain);
    expect(formatValue(btf, id, fromHex(hex), { form: 'json' })).toBe(json);
  });

  const bytes = fromHex('01000000020000000300000004000000');
  it('puts a member on a line of its own for people', () => {
    expect(formatValue(btf, event, bytes)).toBe(
      '{\n    "id": 1,\n    "list": [2,3\n    ],\n    "": {\n        "x": 4\n    }\n}',
    );
  });

  it('goes on at a given depth', () => {
    expect(formatValue(btf, list, fromHex('0100000002000000'), { depth: 2 })).toBe('[1,2\n        ]');
  });

  it('writes valid JSON, on one line or on many', () => {
    const value = { id: 1, list: [2, 3], '': { x: 4 } };
    expect(JSON.parse(formatValue(btf, event, bytes, { form: 'json' }))).toEqual(value);
    expect(JSON.parse(formatValue(btf, event, bytes, { form: 'json', pretty: true }))).toEqual(value);
  });

  it('refuses too few bytes', () => {
    expect(() => formatValue(btf, event, bytes.subarray(1))).toThrow('do not fit 15 bytes');
  });
});
