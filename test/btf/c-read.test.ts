/** C declarations to BTF, and the header that bpflab's own kernel types are made of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Btf, type BtfError, dumpC, fromHex, parseBtf, readC } from '../../src/index.ts';
import { KERNEL_TYPES } from '../../src/kernel/load/kernel-types-data.ts';
import { MapObject } from '../../src/maps/index.ts';
import { ROOT } from '../fixtures.ts';

const read = (text: string): Btf => parseBtf(readC(text));

function layout(btf: Btf, struct: string): Record<string, number> {
  const members = btf.findByName(struct, 'struct')?.members ?? [];
  return Object.fromEntries(members.map(({ name, bitOffset }) => [name, bitOffset / 8]));
}

describe('structs', () => {
  it('are laid out as on x86-64', () => {
    const btf = read('struct s { char a; unsigned long b; short c[3]; int d; void *e; _Bool f; };');
    expect(layout(btf, 's')).toEqual({ a: 0, b: 8, c: 16, d: 24, e: 32, f: 40 });
    expect(btf.findByName('s', 'struct')?.size).toBe(48);
  });

  it('may hold others, typedefs, arrays of structs and pointers to themselves', () => {
    const btf = read(
      'typedef unsigned int u32;\nstruct in { u32 x; char y; };\nstruct s { char a; struct in pair[2]; struct s *next; };',
    );
    expect(layout(btf, 's')).toEqual({ a: 0, pair: 4, next: 24 });
  });

  it('that are only named are declared without content', () => {
    const btf = read('int f(struct opaque *a, union other *b);');
    expect(btf.findByName('opaque', 'fwd')?.of).toBe('struct');
    expect(btf.findByName('other', 'fwd')?.of).toBe('union');
  });

  it('can be defined after they were used behind a pointer', () => {
    const btf = read('struct a { struct b *to; };\nstruct b { int x; };');
    expect(btf.findByName('b', 'struct')?.size).toBe(4);
    expect(dumpC(btf)).toContain('struct b *to;');
  });

  it('of unions have all members at their start', () => {
    const btf = read('union u { char a; long b; };');
    expect(btf.findByName('u', 'union')).toMatchObject({ size: 8 });
    expect(btf.findByName('u', 'union')?.members.map((member) => member.bitOffset)).toEqual([0, 0]);
  });
});

describe('enums', () => {
  it('count on from the last value', () => {
    const btf = read('enum kind { A, B, C = 7, D };\nstruct s { char a; enum kind b; };');
    expect(btf.findByName('kind', 'enum')?.values).toEqual([
      { name: 'A', value: 0 },
      { name: 'B', value: 1 },
      { name: 'C', value: 7 },
      { name: 'D', value: 8 },
    ]);
    expect(layout(btf, 's')).toEqual({ a: 0, b: 4 });
    expect(() => readC('enum kind { A = x };')).toThrow(/value of an enumerator/);
  });
});

describe('functions', () => {
  it('have names for their parameters; (void) has none', () => {
    const btf = read('long f(const char *name, unsigned int n);\nint g(void);\nint h();');
    const params = (name: string) => {
      const func = btf.findByName(name, 'func')!;
      return btf.typeOfKind(func.type, 'func_proto').params.map((param) => param.name);
    };
    expect(params('f')).toEqual(['name', 'n']);
    expect(params('g')).toEqual([]);
    expect(params('h')).toEqual([]);
  });

  it('of tracepoints are what the kernel has of one', () => {
    const btf = read('TRACEPOINT(tick, int cpu);');
    const pointer = btf.typeOfKind(btf.findByName('btf_trace_tick', 'typedef')!.type, 'ptr');
    const proto = btf.typeOfKind(pointer.type, 'func_proto');
    expect(proto.params.map(({ name }) => name)).toEqual(['__data', 'cpu']);
  });
});

describe('what is not known', () => {
  it.each([
    ['struct s { int x };', 1],
    ['int x\n', 1],
    ['struct s {\n  u33 x;\n};', 2],
    ['struct s {\n  struct later x;\n};', 2],
    ['struct s { int x[N]; };', 1],
    ['struct s { long double x; };', 1],
    ['int f(int);', 1],
  ])('is an error with its line: %j', (text, line) => {
    expect(() => readC(text)).toThrow(
      expect.objectContaining({ code: 'c-syntax', place: { line } }) as BtfError,
    );
  });
});

describe("bpflab's own kernel types", () => {
  it('are those of the header', () => {
    const header = readFileSync(join(ROOT, 'programs/include/bpflab_kernel.h'), 'utf8');
    expect(fromHex(KERNEL_TYPES)).toEqual(readC(header));
  });

  it('have struct bpf_map as maps lie in memory', () => {
    const btf = parseBtf(fromHex(KERNEL_TYPES));
    const { keySize, maxEntries, id, name, bytes } = MapObject;
    expect(layout(btf, 'bpf_map')).toMatchObject({ key_size: keySize, max_entries: maxEntries, id, name });
    expect(btf.findByName('bpf_map', 'struct')?.size).toBe(bytes);
  });
});
