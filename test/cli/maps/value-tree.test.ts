/** Values by type as bpftool shows them: what its dumps of our own programs do not reach, and types that are hostile. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../../src/base/errors.ts';
import { parseBtf } from '../../../src/btf/index.ts';
import { valueTree } from '../../../src/cli/maps/value-tree.ts';
import { writeJson } from '../../../src/cli/render/json-writer.ts';
import { TestBtf } from '../../btf/btf-builder.ts';

/** What is printed for a value of the type that `make` adds last. */
function shown(make: (b: TestBtf) => number, bytes: readonly number[], plain = false): string {
  const builder = new TestBtf();
  const id = make(builder);
  return writeJson(valueTree(parseBtf(builder.bytes()), id, Uint8Array.from(bytes), plain), false);
}

describe('valueTree', () => {
  const text = (b: TestBtf): number => b.array(b.int('char', 1), 4);

  it.each<[string, readonly number[], string]>([
    ['text', [0x68, 0x69, 0, 9], '"hi"'],
    ['no text without an end', [0x68, 0x69, 0x68, 0x69], '[104,105,104,105]'],
    ['no text with what cannot be printed', [0x68, 7, 0, 0], '[104,7,0,0]'],
    ['the empty text', [0, 1, 2, 3], '""'],
  ])('tells arrays of char apart: %s', (_, bytes, expected) => {
    expect(shown(text, bytes)).toBe(expected);
  });

  it('takes no typedef of char for text, but const char', () => {
    expect(shown((b) => b.array(b.typedef('letter', b.int('char', 1)), 2), [0x61, 0])).toBe('[97,0]');
    expect(shown((b) => b.array(b.ref('const', b.int('char', 1)), 2), [0x61, 0])).toBe('"a"');
  });

  it('prints pointers as numbers for machines, in hexadecimal for people', () => {
    const pointer = (b: TestBtf): number => b.ptr(0);
    expect(shown(pointer, [0x34, 0x12, 0, 0, 0, 0, 0, 0])).toBe('4660');
    expect(shown(pointer, [0x34, 0x12, 0, 0, 0, 0, 0, 0], true)).toBe('"0x1234"');
    expect(shown(pointer, new Array<number>(8).fill(0), true)).toBe('"(nil)"');
  });

  it('prints enumerators by name, other numbers with their sign', () => {
    const verdict = (b: TestBtf): number => b.enum('verdict', { PASS: 1, DROP: 2 });
    expect(shown(verdict, [2, 0, 0, 0])).toBe('"DROP"');
    expect(shown(verdict, [0xff, 0xff, 0xff, 0xff])).toBe('-1');
  });

  it('prints bitfields in hexadecimal', () => {
    const flags = (b: TestBtf): number =>
      b.struct('flags', 4, [
        ['a', b.int('int', 4), 0, 3],
        ['b', b.int('int', 4), 3, 13],
      ]);
    expect(shown(flags, [0xff, 0x01, 0, 0])).toBe('{"a":"0x7","b":"0x3f"}');
    expect(shown(flags, [0xff, 0x01, 0, 0], true)).toBe('{"a":0x7,"b":0x3f}');
  });

  it.each([
    ['too few bytes', (b: TestBtf): number => b.int('long', 8), [1, 2, 3]],
    ['an array that is longer', (b: TestBtf): number => b.array(b.int('int', 4), 1_000_000_000), [1, 2, 3]],
    ['a function', (b: TestBtf): number => b.proto(0, []), []],
  ])('refuses %s', (_, make, bytes) => {
    expect(() => shown(make, bytes)).toThrow(BpfError);
  });

  it('ends for types that nest without end', () => {
    const nest = (b: TestBtf): number => {
      let inner = b.struct('s0', 0, []);
      for (let level = 1; level < 8; level++) {
        const type = inner;
        inner = b.struct(
          `s${level}`,
          0,
          Array.from({ length: 64 }, (_, i) => [`m${i}`, type, 0] as const),
        );
      }
      return inner;
    };
    expect(() => shown(nest, [])).toThrow(/too many parts/);
  });
});

describe('writeJson', () => {
  it('writes what JSON.parse reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.boolean(), (value, pretty) => {
        const tree = (node: unknown): Parameters<typeof writeJson>[0] => {
          if (Array.isArray(node)) return node.map(tree);
          if (typeof node !== 'object' || node === null) return node as string | number | boolean | null;
          return { members: Object.entries(node).map(([name, member]) => [name, tree(member)] as const) };
        };
        expect(JSON.stringify(JSON.parse(writeJson(tree(value), pretty)))).toBe(JSON.stringify(value));
      }),
    );
  });
});
