import { describe, expect, it } from 'vitest';
import { BtfError } from '../../src/base/errors.ts';
import {
  applyCoreRelocs,
  type Btf,
  type CoreInsn,
  type CoreReloc,
  CoreRelocator,
} from '../../src/btf/index.ts';
import { type MemberWords, TestBtf } from './btf-builder.ts';

/** BTF with the C types that these tests use, and structs made from them. */
class Side extends TestBtf {
  readonly i32 = this.int('int', 4);
  readonly u8 = this.int('unsigned char', 1, 'none');
  readonly u16 = this.int('unsigned short', 2, 'none');
  readonly u32 = this.int('unsigned int', 4, 'none');
  readonly u64 = this.int('unsigned long', 8, 'none');
  readonly any = this.ptr(0);

  /** A struct whose members are given as [name, type, byte offset]. */
  layout(name: string, size: number, members: readonly MemberWords[]): number {
    return this.struct(
      name,
      size,
      members.map(([member, type, offset]) => [member, type, 8 * offset]),
    );
  }
}

/** r1 = *(size *)(r2 + offset) */
function load(opcode: number, offset: number): CoreInsn {
  return { opcode, dst: 1, src: 2, offset, imm: 0 };
}
const LOAD8 = 0x71;
const LOAD16 = 0x69;
const LOAD32 = 0x61;
const LOAD64 = 0x79;

/** r1 = imm */
function move(imm: number): CoreInsn {
  return { opcode: 0xb7, dst: 1, src: 0, offset: 0, imm };
}

const POISON: CoreInsn = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: 0xbad2310 };

/** The only instruction after one record was applied. */
function relocate(
  insn: CoreInsn,
  reloc: Omit<CoreReloc, 'insn'>,
  local: TestBtf,
  target: TestBtf,
): CoreInsn | undefined {
  return applyCoreRelocs([insn], [{ insn: 0, ...reloc }], local.parse(), [target.parse()]).insns[0];
}

describe('field offsets', () => {
  it('move with the field', () => {
    const local = new Side();
    const typeId = local.layout('task', 8, [
      ['pid', local.i32, 0],
      ['tgid', local.i32, 4],
    ]);
    const kernel = new Side();
    kernel.layout('task', 128, [
      ['state', kernel.u64, 0],
      ['tgid', kernel.i32, 96],
      ['pid', kernel.i32, 100],
    ]);
    const at = (access: string, insn: CoreInsn): CoreInsn | undefined =>
      relocate(insn, { typeId, access, kind: 'byte_off' }, local, kernel);
    expect(at('0:0', load(LOAD32, 0))).toEqual(load(LOAD32, 100));
    expect(at('0:1', load(LOAD32, 4))).toEqual(load(LOAD32, 96));
    expect(at('0:1', move(4))).toEqual(move(96));
    // task[2].pid
    expect(at('2:0', move(16))).toEqual(move(2 * 128 + 100));
  });

  it('are found in anonymous structs, whatever the nesting', () => {
    const local = new Side();
    const typeId = local.layout('s', 8, [['', local.layout('', 8, [['a', local.i32, 4]]), 0]]);
    const kernel = new Side();
    const inner = kernel.union('', 8, [
      ['other', kernel.u64, 0],
      ['a', kernel.i32, 0],
    ]);
    kernel.layout('s', 32, [
      ['x', kernel.u64, 0],
      ['', kernel.layout('', 16, [['', inner, 8]]), 8],
    ]);
    const reloc = { typeId, access: '0:0:0', kind: 'byte_off' } as const;
    expect(relocate(load(LOAD32, 4), reloc, local, kernel)).toEqual(load(LOAD32, 16));
  });

  it('follow named structs and arrays', () => {
    const local = new Side();
    const point = local.layout('point', 8, [
      ['x', local.i32, 0],
      ['y', local.i32, 4],
    ]);
    const typeId = local.layout('s', 24, [['points', local.array(point, 3), 0]]);
    const kernel = new Side();
    const bigPoint = kernel.layout('point', 16, [
      ['y', kernel.i32, 0],
      ['x', kernel.i32, 8],
    ]);
    kernel.layout('s', 72, [['points', kernel.array(bigPoint, 4), 8]]);
    const reloc = { typeId, access: '0:0:2:1', kind: 'byte_off' } as const;
    expect(relocate(load(LOAD32, 20), reloc, local, kernel)).toEqual(load(LOAD32, 8 + 2 * 16));
  });

  it('are missing beyond the end of an array, but not of a flexible one', () => {
    const local = new Side();
    const typeId = local.layout('s', 16, [['a', local.array(local.i32, 4), 0]]);
    const reloc = { typeId, access: '0:0:3', kind: 'byte_off' } as const;
    const short = new Side();
    short.layout('s', 8, [['a', short.array(short.i32, 2), 0]]);
    expect(relocate(load(LOAD32, 12), reloc, local, short)).toEqual(POISON);
    const flexible = new Side();
    flexible.layout('s', 4, [
      ['n', flexible.i32, 0],
      ['a', flexible.array(flexible.i32, 0), 4],
    ]);
    expect(relocate(load(LOAD32, 12), reloc, local, flexible)).toEqual(load(LOAD32, 16));
  });

  it('do not fit instructions beyond 32767', () => {
    const local = new Side();
    const typeId = local.layout('s', 4, [['a', local.i32, 0]]);
    const kernel = new Side();
    kernel.layout('s', 70000, [['a', kernel.i32, 40000]]);
    const reloc = { typeId, access: '0:0', kind: 'byte_off' } as const;
    expect(() => relocate(load(LOAD32, 0), reloc, local, kernel)).toThrow('offset 40000 does not fit');
    expect(relocate(move(0), reloc, local, kernel)).toEqual(move(40000));
  });
});

describe('loads of fields that changed their size', () => {
  function resized(localType: (side: Side) => number, kernelType: (side: Side) => number, opcode: number) {
    const local = new Side();
    const typeId = local.layout('s', 8, [['a', localType(local), 0]]);
    const kernel = new Side();
    kernel.layout('s', 16, [['a', kernelType(kernel), 8]]);
    return relocate(load(opcode, 0), { typeId, access: '0:0', kind: 'byte_off' }, local, kernel);
  }

  it('are resized when numbers are unsigned', () => {
    expect(
      resized(
        (s) => s.u32,
        (s) => s.u64,
        LOAD32,
      ),
    ).toEqual(load(LOAD64, 8));
    expect(
      resized(
        (s) => s.u32,
        (s) => s.u16,
        LOAD32,
      ),
    ).toEqual(load(LOAD16, 8));
    expect(
      resized(
        (s) => s.u64,
        (s) => s.u8,
        LOAD64,
      ),
    ).toEqual(load(LOAD8, 8));
  });

  it('are poisoned when a sign would be lost', () => {
    expect(
      resized(
        (s) => s.i32,
        (s) => s.u64,
        LOAD32,
      ),
    ).toEqual(POISON);
  });

  it('are poisoned when the types have nothing in common', () => {
    expect(
      resized(
        (s) => s.u32,
        (s) => s.any,
        LOAD32,
      ),
    ).toEqual(POISON);
  });

  it('are refused when the instruction does not read the field', () => {
    expect(() =>
      resized(
        (s) => s.u32,
        (s) => s.u64,
        LOAD16,
      ),
    ).toThrow('does not access the 4 bytes');
  });
});

describe('other facts about fields', () => {
  const local = new Side();
  const typeId = local.layout('s', 8, [
    ['gone', local.i32, 0],
    ['there', local.i32, 4],
  ]);
  const kernel = new Side();
  kernel.struct('s', 16, [
    ['there', kernel.u16, 64],
    ['flags', kernel.u32, 96, 5],
    ['mode', kernel.i32, 101, 7],
  ]);
  const bits = local.struct('s___bits', 4, [
    ['flags', local.u32, 0, 5],
    ['mode', local.i32, 5, 7],
  ]);

  it.each([
    ['field_exists', '0:1', 1, 1],
    ['field_exists', '0:0', 1, 0],
    ['byte_sz', '0:1', 4, 2],
    ['signed', '0:1', 1, 0],
  ] as const)('%s of %s', (kind, access, from, to) => {
    expect(relocate(move(from), { typeId, access, kind }, local, kernel)).toEqual(move(to));
  });

  // What the program's own types say of bitfields stands in the instruction only where compilers cannot disagree.
  it.each([
    ['byte_off', '0:0', 0, 12],
    ['byte_sz', '0:0', 0, 4],
    ['lshift_u64', '0:0', 0, 64 - 5],
    ['rshift_u64', '0:0', 64 - 5, 64 - 5],
    ['lshift_u64', '0:1', 0, 64 - 12],
    ['rshift_u64', '0:1', 64 - 7, 64 - 7],
    ['signed', '0:1', 1, 1],
  ] as const)('%s of the bitfield %s', (kind, access, from, to) => {
    expect(relocate(move(from), { typeId: bits, access, kind }, local, kernel)).toEqual(move(to));
  });

  it('count bits from the other end in big-endian types', () => {
    const big = new Side({ order: 'big' });
    const s = big.struct('s', 4, [['flags', big.u32, 3, 5]]);
    const reloc = { typeId: s, access: '0:0', kind: 'lshift_u64' } as const;
    expect(relocate(move(0), reloc, big, big)).toEqual(move(32 + 3));
  });

  it('poison instructions when the field is missing, and say which', () => {
    const result = applyCoreRelocs(
      [move(9), load(LOAD32, 0)],
      [{ insn: 1, typeId, access: '0:0', kind: 'byte_off' }],
      local.parse(),
      [kernel.parse()],
    );
    expect(result.insns).toEqual([move(9), POISON]);
    expect(result.poisoned).toEqual([
      { insn: 1, missing: `<byte_off> [${typeId}] struct s.gone (0:0 @ offset 0)` },
    ]);
  });

  it('poison both slots of a 64-bit load', () => {
    const wide: CoreInsn[] = [
      { ...move(0), opcode: 0x18 },
      { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 },
    ];
    const reloc: CoreReloc = { insn: 0, typeId, access: '0:0', kind: 'byte_off' };
    expect(applyCoreRelocs(wide, [reloc], local.parse(), [kernel.parse()]).insns).toEqual([POISON, POISON]);
  });
});

describe('types and enumerators', () => {
  const local = new Side();
  const known = local.layout('known', 4, [['a', local.i32, 0]]);
  const unknown = local.layout('unknown', 4, [['a', local.i32, 0]]);
  const flavour = local.layout('known___v2', 4, [['b', local.i32, 0]]);
  const verdict = local.enum('verdict', { DROP: 0, PASS___v2: 1, NEVER: 2 });
  const large = local.enum64('large', { TOP: 1n });
  const fn = local.typedef('fn_t', local.ptr(local.proto(local.i32, [['', local.any]])));
  const kernel = new Side();
  const kernelKnown = kernel.layout('known', 24, [
    ['a', kernel.i32, 0],
    ['z', kernel.i32, 4],
  ]);
  kernel.enum('verdict', { PASS: 7, DROP: -1 }, 4, true);
  kernel.enum64('large', { TOP: (5n << 32n) | 9n });
  kernel.typedef('fn_t', kernel.ptr(kernel.proto(kernel.i32, [])));

  it.each([
    ['local_type_id', known, 77, known],
    ['target_type_id', known, 77, kernelKnown],
    ['target_type_id', unknown, 77, 0],
    ['type_exists', known, 1, 1],
    ['type_exists', unknown, 1, 0],
    ['type_exists', fn, 1, 0],
    ['type_size', known, 4, 24],
    ['type_size', unknown, 4, 0],
    ['type_matches', known, 1, 1],
    ['type_matches', flavour, 1, 0],
  ] as const)('%s of type %i', (kind, typeId, from, to) => {
    expect(relocate(move(from), { typeId, access: '0', kind }, local, kernel)).toEqual(move(to));
  });

  it.each([
    ['enumval_exists', '0', 1, 1],
    ['enumval_exists', '1', 1, 1],
    ['enumval_exists', '2', 1, 0],
    ['enumval_value', '0', 0, -1],
    ['enumval_value', '1', 1, 7],
  ] as const)('%s of enumerator %s', (kind, access, from, to) => {
    expect(relocate(move(from), { typeId: verdict, access, kind }, local, kernel)).toEqual(move(to));
  });

  it('poison the value of an enumerator that is missing', () => {
    const reloc = { typeId: verdict, access: '2', kind: 'enumval_value' } as const;
    expect(relocate(move(2), reloc, local, kernel)).toEqual(POISON);
  });

  it('fill both halves of a 64-bit load', () => {
    const insns: CoreInsn[] = [
      { ...move(1), opcode: 0x18 },
      { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0 },
    ];
    const reloc: CoreReloc = { insn: 0, typeId: large, access: '0', kind: 'enumval_value' };
    const result = applyCoreRelocs(insns, [reloc], local.parse(), [kernel.parse()]);
    expect(result.insns.map((insn) => insn.imm)).toEqual([9, 5]);
  });
});

describe('type_matches', () => {
  function matches(make: (side: Side) => number, makeTarget: (side: Side) => number): boolean {
    const local = new Side();
    const typeId = make(local);
    const kernel = new Side();
    makeTarget(kernel);
    const value = relocate(move(1), { typeId, access: '0', kind: 'type_matches' }, local, kernel);
    return value?.imm === 1;
  }
  const nothing = (side: Side): number => side.proto(0, []);

  it.each<[string, (side: Side) => number, (side: Side) => number, boolean]>([
    [
      'equal structs',
      (s) => s.layout('s', 4, [['a', s.i32, 0]]),
      (s) => s.layout('s', 4, [['a', s.i32, 0]]),
      true,
    ],
    [
      'a member of other size',
      (s) => s.layout('s', 4, [['a', s.i32, 0]]),
      (s) => s.layout('s', 8, [['a', s.u64, 0]]),
      false,
    ],
    [
      'a member of other sign',
      (s) => s.layout('s', 4, [['a', s.i32, 0]]),
      (s) => s.layout('s', 4, [['a', s.u32, 0]]),
      false,
    ],
    [
      'struct and union',
      (s) => s.layout('s', 4, [['a', s.i32, 0]]),
      (s) => s.union('s', 4, [['a', s.i32, 0]]),
      false,
    ],
    ['fewer enumerators here', (s) => s.enum('e', { A: 1 }), (s) => s.enum('e', { B: 1, A: 2 }), true],
    ['more enumerators here', (s) => s.enum('e', { A: 1, B: 2 }), (s) => s.enum('e', { A: 1 }), false],
    [
      'arrays of other length',
      (s) => s.typedef('t', s.array(s.i32, 2)),
      (s) => s.typedef('t', s.array(s.i32, 3)),
      false,
    ],
    [
      'prototypes with other parameters',
      (s) => s.typedef('t', s.proto(0, [['', s.i32]])),
      (s) => s.typedef('t', nothing(s)),
      false,
    ],
    [
      'equal prototypes',
      (s) => s.typedef('t', s.proto(0, [['a', s.i32]])),
      (s) => s.typedef('t', s.proto(0, [['b', s.i32]])),
      true,
    ],
    [
      'a struct behind a pointer, by name only',
      (s) => s.typedef('t', s.ptr(s.layout('x', 4, [['a', s.i32, 0]]))),
      (s) => s.typedef('t', s.ptr(s.add({ kind: 'fwd', name: 'x', of: 'struct' }))),
      true,
    ],
    [
      'another struct behind a pointer',
      (s) => s.typedef('t', s.ptr(s.layout('x', 4, []))),
      (s) => s.typedef('t', s.ptr(s.layout('y', 4, []))),
      false,
    ],
  ])('%s', (_, local, target, expected) => {
    expect(matches(local, target)).toBe(expected);
  });
});

describe('candidates', () => {
  const local = new Side();
  const typeId = local.layout('s', 4, [['a', local.i32, 0]]);
  const reloc: CoreReloc = { insn: 0, typeId, access: '0:0', kind: 'byte_off' };

  function kernelWith(...offsets: number[]): Side {
    const kernel = new Side();
    offsets.forEach((offset, i) => {
      kernel.layout(`s${i === 0 ? '' : `___${i + 1}`}`, 64, [['a', kernel.i32, offset]]);
    });
    return kernel;
  }

  it('may be several that agree', () => {
    const result = applyCoreRelocs([load(LOAD32, 0)], [reloc], local.parse(), [kernelWith(8, 8).parse()]);
    expect(result.insns).toEqual([load(LOAD32, 8)]);
  });

  it('may not contradict each other', () => {
    const attempt = (): unknown =>
      applyCoreRelocs([load(LOAD32, 0)], [reloc], local.parse(), [kernelWith(8, 12).parse()]);
    expect(attempt).toThrow('candidates contradict each other about <byte_off>');
  });

  it('are narrowed by what the other records of the type found', () => {
    const kernel = new Side();
    kernel.layout('s', 64, [['a', kernel.i32, 8]]);
    kernel.layout('s___2', 64, [
      ['a', kernel.i32, 12],
      ['b', kernel.i32, 16],
    ]);
    const own = new Side();
    const s = own.layout('s', 8, [
      ['a', own.i32, 0],
      ['b', own.i32, 4],
    ]);
    const relocs: CoreReloc[] = [
      { insn: 0, typeId: s, access: '0:1', kind: 'byte_off' },
      { insn: 1, typeId: s, access: '0:0', kind: 'byte_off' },
    ];
    const result = applyCoreRelocs([load(LOAD32, 4), load(LOAD32, 0)], relocs, own.parse(), [kernel.parse()]);
    expect(result.insns).toEqual([load(LOAD32, 16), load(LOAD32, 12)]);
  });

  it("stand for themselves where the object's own types stand in, whatever other flavours there are", () => {
    const local = new Side();
    local.layout('disk', 16, [['id', local.u64, 8]]);
    const flavour = local.layout('disk___old', 8, [['id', local.u64, 0]]);
    const own = local.parse();
    const relocator = new CoreRelocator(own, [new Side().parse(), own]);
    const reloc: CoreReloc = { insn: 0, typeId: flavour, access: '0:0', kind: 'byte_off' };
    expect(relocator.apply([load(LOAD64, 0)], [reloc]).insns).toEqual([load(LOAD64, 0)]);
  });

  it('come from modules only when the kernel has none', () => {
    const base = new Side().parse();
    const module = new TestBtf({ base });
    module.struct('s', 64, [['a', 1, 8 * 20]]);
    const target = module.parse(base);
    const relocator = (targets: readonly Btf[]): CoreRelocator => new CoreRelocator(local.parse(), targets);
    expect(relocator([base, target]).apply([load(LOAD32, 0)], [reloc]).insns).toEqual([load(LOAD32, 20)]);
    const kernel = kernelWith(8).parse();
    expect(relocator([kernel, target]).apply([load(LOAD32, 0)], [reloc]).insns).toEqual([load(LOAD32, 8)]);
    expect(relocator([]).apply([load(LOAD32, 0)], [reloc]).insns).toEqual([POISON]);
  });
});

describe('broken records', () => {
  const local = new Side();
  const typeId = local.layout('s', 4, [['a', local.i32, 0]]);
  const anonymous = local.layout('', 4, [['a', local.i32, 0]]);
  const base = { insn: 0, typeId, access: '0:0', kind: 'byte_off' } as const;

  it.each<[string, Partial<CoreReloc>, CoreInsn, string]>([
    ['no access string', { access: '' }, load(LOAD32, 0), 'core-access'],
    ['letters', { access: '0:a' }, load(LOAD32, 0), 'core-access'],
    ['a trailing colon', { access: '0:' }, load(LOAD32, 0), 'core-access'],
    ['no such member', { access: '0:1' }, load(LOAD32, 0), 'core-access'],
    ['parts of a number', { access: '0:0:0' }, load(LOAD32, 0), 'core-access'],
    ['a type with a path', { kind: 'type_exists' }, move(1), 'core-access'],
    ['a struct with enumerators', { kind: 'enumval_value', access: '0' }, move(1), 'core-access'],
    ['too many steps', { access: Array<string>(65).fill('0').join(':') }, load(LOAD32, 0), 'core-access'],
    ['an anonymous type', { typeId: anonymous }, load(LOAD32, 0), 'core-anonymous'],
    ['a value that is not in the instruction', {}, load(LOAD32, 4), 'core-value'],
    ['an instruction without a place for values', {}, { ...move(0), opcode: 0x95 }, 'core-insn'],
    ['a register operand', {}, { ...move(0), opcode: 0xbf }, 'core-insn'],
    ['half a 64-bit load', {}, { ...move(0), opcode: 0x18 }, 'core-insn'],
    ['no instruction', { insn: 5 }, move(0), 'core-insn'],
  ])('%s', (_, change, insn, code) => {
    const reloc: CoreReloc = { ...base, ...change };
    const attempt = (): unknown => applyCoreRelocs([insn], [reloc], local.parse(), [local.parse()]);
    expect(attempt).toThrow(BtfError);
    expect(attempt).toThrow(expect.objectContaining({ code }) as BtfError);
  });

  it('name the instruction', () => {
    const relocs: CoreReloc[] = [{ ...base, insn: 1, access: 'x' }];
    const attempt = (): unknown => applyCoreRelocs([move(0), move(0)], relocs, local.parse(), []);
    expect(attempt).toThrow(expect.objectContaining({ place: { insn: 1, typeId } }) as BtfError);
  });

  it('do not hang on types that multiply', () => {
    const hostile = new Side();
    let id = hostile.layout('', 0, []);
    for (let i = 0; i < 40; i++) {
      id = hostile.layout('', 0, [
        ['', id, 0],
        ['', id, 0],
      ]);
    }
    hostile.layout('s', 0, [['', id, 0]]);
    expect(() => applyCoreRelocs([load(LOAD32, 0)], [base], local.parse(), [hostile.parse()])).toThrow(
      'nested too deeply',
    );
  });
});
