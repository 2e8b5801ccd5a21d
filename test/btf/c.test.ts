import { describe, expect, it } from 'vitest';
import { BtfError } from '../../src/base/errors.ts';
import { memberPadding } from '../../src/btf/c-padding.ts';
import {
  dumpC,
  dumpRaw,
  parseBtf,
  printDeclaration,
  printSignature,
  printType,
  typeName,
} from '../../src/btf/index.ts';
import { TestBtf } from './btf-builder.ts';

/** The header without its frame. */
function body(b: TestBtf, options: Parameters<typeof dumpC>[1] = {}): string {
  const text = dumpC(b.parse(), options);
  const start = text.indexOf('#define __weak');
  const from = text.indexOf('#endif\n\n', start) + '#endif\n\n'.length;
  const kfuncs = text.indexOf('\n/* BPF kfuncs */');
  return text.slice(from, kfuncs < 0 ? text.lastIndexOf('#ifndef') : kfuncs);
}

describe('declarations', () => {
  const b = new TestBtf();
  const int = b.int('int', 4);
  const char = b.int('char', 1);
  const constInt = b.ref('const', int);
  const ptr = b.ptr(int);
  const proto = b.proto(int, [
    ['', b.ptr(0)],
    ['count', int],
  ]);
  const nothing = b.proto(0, []);
  const variadic = b.proto(int, [
    ['format', b.ptr(b.ref('const', char))],
    ['', 0],
  ]);
  const fn = b.ptr(proto);
  const tagged = b.add({ kind: 'type_tag', name: 'user', type: constInt });
  const anon = b.struct('', 4, [['a', int, 0]]);
  const task = b.add({ kind: 'fwd', name: 'task_struct', of: 'struct' });

  it.each([
    ['int x', int],
    ['const int x', constInt],
    ['int *x', ptr],
    ['int **x', b.ptr(ptr)],
    ['int * const x', b.ref('const', ptr)],
    ['int * const *x', b.ptr(b.ref('const', ptr))],
    ['const volatile int x', b.ref('volatile', constInt)],
    ['int * volatile restrict x', b.ref('restrict', b.ref('volatile', ptr))],
    ['int x[3]', b.array(int, 3)],
    ['int x[2][3]', b.array(b.array(int, 3), 2)],
    ['int *x[3]', b.array(ptr, 3)],
    ['int (*x)[3]', b.ptr(b.array(int, 3))],
    ['const int x[3]', b.ref('const', b.array(constInt, 3))],
    ['int x(void *, int count)', proto],
    ['int (*x)(void *, int count)', fn],
    ['int (* const x)(void *, int count)', b.ref('const', fn)],
    ['int (*x[4])(void *, int count)', b.array(fn, 4)],
    ['void (*x)(void)', b.ptr(nothing)],
    ['int (*x)(const char *format, ...)', b.ptr(variadic)],
    ['int * (*x)(void)', b.ptr(b.proto(ptr, []))],
    ['int (* (*x)(void))(void *, int count)', b.ptr(b.proto(fn, []))],
    ['const int __attribute__((btf_type_tag("user"))) *x', b.ptr(tagged)],
    ['struct task_struct *x', b.ptr(task)],
    ['struct {...} x', anon],
  ])('%s', (text, id) => {
    expect(printDeclaration(b.parse(), id, 'x')).toBe(text);
  });

  it.each([
    ['void', 0],
    ['int *', ptr],
    ['int[3]', b.array(int, 3)],
    ['int(*)[3]', b.ptr(b.array(int, 3))],
    ['int (*)(void *, int count)', fn],
  ])('spells the type %s', (text, id) => {
    expect(typeName(b.parse(), id)).toBe(text);
  });

  it('prints signatures of functions', () => {
    const regs = b.add({ kind: 'fwd', name: 'pt_regs', of: 'struct' });
    const func = b.func('handler', b.proto(int, [['ctx', b.ptr(regs)]]), 'static');
    const btf = b.parse();
    expect(printSignature(btf, func)).toBe('int handler(struct pt_regs *ctx)');
    expect(printType(btf, func)).toBe('static int handler(struct pt_regs *ctx);');
    expect(() => printSignature(btf, int)).toThrow('type [1] is a int, not a func');
  });
});

describe('printType', () => {
  const b = new TestBtf();
  const int = b.int('int', 4);
  const char = b.int('char', 1);
  const long = b.int('long', 8);
  const inner = b.struct('', 8, [
    ['x', int, 0],
    ['y', int, 32],
  ]);
  const choice = b.union('', 8, [
    ['pair', inner, 0],
    ['whole', long, 0],
  ]);
  const pointer = b.ptr(b.nextId + 2);
  const comm = b.array(char, 16);
  const event = b.struct('event', 48, [
    ['kind', char, 0],
    ['', choice, 64],
    ['low', int, 128, 3],
    ['high', int, 131, 29],
    ['comm', comm, 160],
    ['next', pointer, 320],
  ]);
  const enumeration = b.enum('verdict', { PASS: 0, DROP: 1 });
  const btf = b.parse();

  it('writes the padding that keeps the layout', () => {
    expect(printType(btf, event)).toBe(
      [
        'struct event {',
        '\tchar kind;',
        '\tunion {',
        '\t\tstruct {',
        '\t\t\tint x;',
        '\t\t\tint y;',
        '\t\t} pair;',
        '\t\tlong whole;',
        '\t};',
        '\tint low: 3;',
        '\tint high: 29;',
        '\tchar comm[16];',
        '\tstruct event *next;',
        '};',
      ].join('\n'),
    );
  });

  it('shows places and holes', () => {
    expect(printType(btf, event, { offsets: true })).toBe(
      [
        'struct event {',
        '\tchar kind;                              /*     0        1 */',
        '\t/* hole: 7 bytes */',
        '\tunion {',
        '\t\tstruct {',
        '\t\t\tint x;                  /*     8        4 */',
        '\t\t\tint y;                  /*    12        4 */',
        '\t\t} pair;                         /*     8        8 */',
        '\t\tlong whole;                     /*     8        8 */',
        '\t};                                      /*     8        8 */',
        '\tint low:3;                              /*    16: 0     4 */',
        '\tint high:29;                            /*    16: 3     4 */',
        '\tchar comm[16];                          /*    20       16 */',
        '\t/* hole: 4 bytes */',
        '\tstruct event *next;                     /*    40        8 */',
        '',
        '\t/* size: 48, members: 6 */',
        '};',
      ].join('\n'),
    );
  });

  it('prints enums, typedefs, forward declarations and sections', () => {
    const alias = b.typedef('handler_t', b.ptr(b.proto(int, [])));
    const fwd = b.add({ kind: 'fwd', name: 'later', of: 'union' });
    const variable = b.variable('counter', long, 'static');
    const section = b.add({
      kind: 'datasec',
      name: '.bss',
      size: 8,
      vars: [{ type: variable, offset: 0, size: 8 }],
    });
    const wide = b.enum64('wide', { BIG: 1n << 40n, SMALL: 1n });
    const all = b.parse();
    expect(printType(all, enumeration)).toBe('enum verdict {\n\tPASS = 0,\n\tDROP = 1,\n};');
    expect(printType(all, wide)).toBe('enum wide {\n\tBIG = 1099511627776ULL,\n\tSMALL = 1ULL,\n};');
    expect(printType(all, alias)).toBe('typedef int (*handler_t)(void);');
    expect(printType(all, fwd)).toBe('union later;');
    expect(printType(all, section)).toBe('/* section ".bss" */\nstatic long counter;');
    expect(printType(all, b.ptr(int) - 1)).toBe(printType(all, wide));
  });

  it('marks structs that only packing explains', () => {
    const packed = b.struct('packed', 5, [
      ['c', char, 0],
      ['i', int, 8],
    ]);
    expect(printType(b.parse(), packed)).toBe(
      'struct packed {\n\tchar c;\n\tint i;\n} __attribute__((packed));',
    );
  });
});

describe('memberPadding', () => {
  it.each([
    ['leaves to the compiler what alignment does', { from: 32, to: 64, align: 8 }, []],
    ['marks a boundary that the next member does not ask for', { from: 32, to: 64, align: 1 }, ['long: 0']],
    ['marks it in the narrowest unit that has it', { from: 8, to: 16, align: 1 }, ['short: 0']],
    ['does not mark it when the rest needs it', { from: 32, to: 128, align: 8 }, ['long: 64']],
    ['marks it when the rest would fit before it', { from: 32, to: 96, align: 4 }, ['long: 0', 'int: 32']],
    ['fills the end with the narrowest type', { from: 0, to: 88, align: 1 }, ['long: 64', 'int: 24']],
    ['counts bits between bitfields', { from: 3, to: 8, align: 1, inBitfield: true }, ['char: 5']],
    ['counts bits inside a byte', { from: 5, to: 7, align: 1, inBitfield: true }, ['char: 2']],
    ['has nothing to do without a gap', { from: 8, to: 8, align: 1 }, []],
    ['has nothing to do in unions', { from: 64, to: 0, align: 1 }, []],
  ])('%s', (_, gap, expected) => {
    const padding = [...memberPadding({ inBitfield: false, ...gap }, 64)];
    expect(padding.map(({ type, bits }) => `${type}: ${bits}`)).toEqual(expected);
  });
});

describe('dumpC', () => {
  it('frames a header as bpftool does', () => {
    const text = dumpC(new TestBtf().parse());
    expect(text.startsWith('#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n')).toBe(true);
    expect(text).toContain(
      '#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n',
    );
    expect(text.endsWith('#pragma clang attribute pop\n#endif\n\n#endif /* __VMLINUX_H__ */\n')).toBe(true);
  });

  it('defines what a struct contains before it, whatever the order of ids', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    b.struct('outer', 4, [['in', b.nextId + 1, 0]]);
    b.struct('inner', 4, [['a', int, 0]]);
    expect(body(b)).toBe('struct inner {\n\tint a;\n};\n\nstruct outer {\n\tstruct inner in;\n};\n\n');
  });

  it('announces what is only pointed to', () => {
    const b = new TestBtf();
    const a = b.struct('a', 8, [['to', b.nextId + 1, 0]]);
    b.ptr(b.nextId + 1);
    b.struct('b', 8, [['back', b.nextId + 1, 0]]);
    b.ptr(a);
    expect(body(b)).toBe(
      'struct b;\n\nstruct a {\n\tstruct b *to;\n};\n\nstruct b {\n\tstruct a *back;\n};\n\n',
    );
  });

  it('does not announce a struct inside itself', () => {
    const b = new TestBtf();
    b.struct('list', 8, [['next', b.nextId + 1, 0]]);
    b.ptr(1);
    expect(body(b)).toBe('struct list {\n\tstruct list *next;\n};\n\n');
  });

  it('writes typedefs before their users', () => {
    const b = new TestBtf();
    const s = b.struct('s', 8, [['fn', b.nextId + 1, 0]]);
    const proto = b.nextId + 2;
    b.typedef('fn_t', b.nextId + 1);
    b.ptr(proto);
    b.proto(0, [['self', b.nextId + 1]]);
    b.ptr(s);
    expect(body(b)).toBe(
      'struct s;\n\ntypedef void (*fn_t)(struct s *);\n\nstruct s {\n\tfn_t fn;\n};\n\n'.replace(
        'struct s *)',
        'struct s *self)',
      ),
    );
  });

  it('tells types of one name apart', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    b.struct('s', 4, [['a', int, 0]]);
    b.struct('s', 4, [['b', int, 0]]);
    b.enum('e', { ONE: 1 });
    b.enum('f', { ONE: 1 });
    expect(body(b)).toBe(
      'struct s {\n\tint a;\n};\n\nstruct s___2 {\n\tint b;\n};\n\n' +
        'enum e {\n\tONE = 1,\n};\n\nenum f {\n\tONE___2 = 1,\n};\n\n',
    );
  });

  it('writes anonymous enums that stand for constants, and not those that a member has', () => {
    const b = new TestBtf();
    b.enum('', { CONSTANT: 5 });
    b.struct('s', 4, [['m', b.enum('', { INSIDE: 1 }), 0]]);
    expect(body(b)).toBe(
      'enum {\n\tCONSTANT = 5,\n};\n\nstruct s {\n\tenum {\n\t\tINSIDE = 1,\n\t} m;\n};\n\n',
    );
  });

  it('gives small and large enums their size', () => {
    const b = new TestBtf();
    b.enum('small', { A: 1 }, 1);
    b.enum('large', { B: -1 }, 8, true);
    b.enum64('wide', { C: -(1n << 40n) }, true);
    expect(body(b)).toBe(
      'enum small {\n\tA = 1,\n} __attribute__((mode(byte)));\n\n' +
        'enum large {\n\tB = -1,\n} __attribute__((mode(word)));\n\n' +
        'enum wide {\n\tC = -1099511627776LL,\n};\n\n',
    );
  });

  it('writes only what the roots need when asked so', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    b.struct('other', 4, [['a', int, 0]]);
    const wanted = b.struct('wanted', 4, [['a', b.typedef('num', int), 0]]);
    expect(body(b, { roots: [wanted] })).toBe('typedef int num;\n\nstruct wanted {\n\tnum a;\n};\n\n');
  });

  it('sorts by kind and name when asked so', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    b.struct('zebra', 4, [['a', int, 0]]);
    b.struct('ant', 4, [['a', int, 0]]);
    b.typedef('num', int);
    b.enum('e', { X: 1 });
    b.enum('', { Y: 1 });
    const names = [...body(b, { sorted: true }).matchAll(/\b(zebra|ant|num|enum e|enum \{)/g)].map(
      (m) => m[1],
    );
    expect(names).toEqual(['enum {', 'enum e', 'num', 'ant', 'zebra']);
  });

  it('declares kernel functions that programs may call', () => {
    const b = new TestBtf();
    const func = b.func('bpf_do', b.proto(0, [['n', b.int('int', 4)]]));
    b.add({ kind: 'decl_tag', name: 'bpf_kfunc', type: func, componentIndex: -1 });
    b.add({ kind: 'decl_tag', name: 'other', type: func, componentIndex: -1 });
    const text = dumpC(b.parse());
    expect(text.match(/extern .*/g)).toEqual(['extern void bpf_do(int n) __weak __ksym;']);
  });

  it('refuses structs that contain themselves', () => {
    const b = new TestBtf();
    b.struct('s', 4, [['s', 1, 0]]);
    expect(() => dumpC(b.parse())).toThrow('contains itself');
  });

  it('gives up on types that multiply beyond reason', () => {
    const b = new TestBtf();
    let id = b.int('int', 4);
    for (let i = 0; i < 50; i++) {
      id = b.struct('', 0, [
        ['a', id, 0],
        ['b', id, 0],
      ]);
    }
    b.struct('root', 0, [['r', id, 0]]);
    const btf = b.parse();
    expect(() => dumpC(btf)).toThrow(BtfError);
    expect(() => printType(btf, btf.typeCount - 1, { offsets: true })).toThrow(BtfError);
  });

  it('gives up on holes that no memory has', () => {
    const b = new TestBtf();
    const id = b.struct('s', 0xffffffff, []);
    expect(() => printType(b.parse(), id)).toThrow('too much text');
  });
});

describe('dumpRaw', () => {
  it('lists types as bpftool does', () => {
    const b = new TestBtf();
    const int = b.int('int', 4);
    b.struct('s', 8, [
      ['a', int, 0, 3],
      ['', int, 32],
    ]);
    b.enum('e', { A: -1 }, 4, true);
    b.enum64('f', { B: 1n });
    b.func('g', b.proto(int, [['', b.ptr(0)]]), 'extern');
    const variable = b.variable('v', int);
    b.add({ kind: 'datasec', name: '.bss', size: 4, vars: [{ type: variable, offset: 0, size: 4 }] });
    b.add({ kind: 'fwd', name: 'later', of: 'union' });
    b.add({ kind: 'float', name: 'double', size: 8 });
    b.array(int, 2);
    b.add({ kind: 'decl_tag', name: 'tag', type: 2, componentIndex: 1 });
    expect(dumpRaw(parseBtf(b.bytes())).split('\n')).toEqual([
      "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED",
      "[2] STRUCT 's' size=8 vlen=2",
      "\t'a' type_id=1 bits_offset=0 bitfield_size=3",
      "\t'(anon)' type_id=1 bits_offset=32",
      "[3] ENUM 'e' encoding=SIGNED size=4 vlen=1",
      "\t'A' val=-1",
      "[4] ENUM64 'f' encoding=UNSIGNED size=8 vlen=1",
      "\t'B' val=1ULL",
      "[5] PTR '(anon)' type_id=0",
      "[6] FUNC_PROTO '(anon)' ret_type_id=1 vlen=1",
      "\t'(anon)' type_id=5",
      "[7] FUNC 'g' type_id=6 linkage=extern",
      "[8] VAR 'v' type_id=1, linkage=global",
      "[9] DATASEC '.bss' size=4 vlen=1",
      "\ttype_id=8 offset=0 size=4 (VAR 'v')",
      "[10] FWD 'later' fwd_kind=union",
      "[11] FLOAT 'double' size=8",
      "[12] ARRAY '(anon)' type_id=1 index_type_id=1 nr_elems=2",
      "[13] DECL_TAG 'tag' type_id=2 component_idx=1",
      '',
    ]);
  });
});
