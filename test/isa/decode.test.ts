/** Slots to instructions and back: the examples, every way to be wrong, and the round trip over everything. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IsaError } from '../../src/base/errors.ts';
import {
  decodeInsn,
  decodeProgram,
  encodeInsn,
  encodeLdImm64,
  encodeProgram,
  type Insn,
  type RawInsn,
  toInsnList,
} from '../../src/isa/index.ts';
import { imm32, insn, insnList, rawInsn } from './arbitraries.ts';
import { allForms, hex, isaError, raws } from './support.ts';

const reg = (register: number) => ({ kind: 'reg', reg: register }) as const;
const imm = (value: number) => ({ kind: 'imm', imm: value }) as const;

const MEANINGS: readonly (readonly [bytes: string, insn: Insn])[] = [
  ['b700000001000000', { kind: 'alu', op: 'mov', width: 64, dst: 0, operand: imm(1) }],
  ['0c21000000000000', { kind: 'alu', op: 'add', width: 32, dst: 1, operand: reg(2) }],
  ['3f21000000000000', { kind: 'alu', op: 'div', width: 64, dst: 1, operand: reg(2) }],
  ['3f21010000000000', { kind: 'alu', op: 'sdiv', width: 64, dst: 1, operand: reg(2) }],
  ['94010100fdffffff', { kind: 'alu', op: 'smod', width: 32, dst: 1, operand: imm(-3) }],
  ['bf21200000000000', { kind: 'movsx', width: 64, bits: 32, dst: 1, src: 2 }],
  ['bf21010000000100', { kind: 'addr-space-cast', dst: 1, src: 2, imm: 0x10000 }],
  ['8705000000000000', { kind: 'neg', width: 64, dst: 5 }],
  ['d403000010000000', { kind: 'endian', op: 'le', bits: 16, dst: 3 }],
  ['dc03000040000000', { kind: 'endian', op: 'be', bits: 64, dst: 3 }],
  ['d703000020000000', { kind: 'endian', op: 'swap', bits: 32, dst: 3 }],
  ['20000000fcffffff', { kind: 'ld-packet', mode: 'abs', size: 4, src: 0, imm: -4 }],
  ['5060000002000000', { kind: 'ld-packet', mode: 'ind', size: 1, src: 6, imm: 2 }],
  ['79a1f8ff00000000', { kind: 'load', size: 8, signed: false, dst: 1, src: 10, offset: -8 }],
  ['9112010000000000', { kind: 'load', size: 1, signed: true, dst: 2, src: 1, offset: 1 }],
  ['620afcff07000000', { kind: 'store', size: 4, dst: 10, offset: -4, operand: imm(7) }],
  ['6b1a020000000000', { kind: 'store', size: 2, dst: 10, offset: 2, operand: reg(1) }],
  ['db21080000000000', { kind: 'atomic', op: 'add', fetch: false, size: 8, dst: 1, src: 2, offset: 8 }],
  ['c3210000f1000000', { kind: 'atomic', op: 'cmpxchg', fetch: true, size: 4, dst: 1, src: 2, offset: 0 }],
  ['0500ffff00000000', { kind: 'ja', offset: -1, long: false }],
  ['0600000000000100', { kind: 'ja', offset: 65536, long: true }],
  ['6501030005000000', { kind: 'jmp', op: 'sgt', width: 64, dst: 1, operand: imm(5), offset: 3 }],
  ['4e21030000000000', { kind: 'jmp', op: 'set', width: 32, dst: 1, operand: reg(2), offset: 3 }],
  ['e500fdff00000000', { kind: 'may-goto', offset: -3 }],
  ['8500000001000000', { kind: 'call-helper', id: 1 }],
  ['85100000f6ffffff', { kind: 'call-subprog', offset: -10 }],
  ['8520020007000000', { kind: 'call-kfunc', btfId: 7, module: 2 }],
  ['8d03000000000000', { kind: 'callx', reg: 3 }],
  ['9500000000000000', { kind: 'exit' }],
];

describe('decodeInsn', () => {
  it.each(MEANINGS)('reads %s', (bytes, meaning) => {
    expect(decodeInsn(raws(bytes), 0)).toEqual(meaning);
    expect(hex(encodeInsn(meaning))).toBe(bytes);
  });

  it('reads the seven kinds of ld_imm64 by src', () => {
    const pseudos = [0, 1, 2, 3, 4, 5, 6].map((src) => {
      const decoded = decodeInsn(raws(`18${src}1000009000000 0000000000000000`), 0);
      return decoded.kind === 'ld-imm64' ? decoded.pseudo : decoded.kind;
    });
    expect(pseudos).toEqual(['const', 'map-fd', 'map-value', 'btf-id', 'func', 'map-idx', 'map-idx-value']);
  });
});

describe('decodeProgram', () => {
  it('leaves the second slot of a ld_imm64 undefined', () => {
    const insns = decodeProgram(raws('1801000088776655 0000000044332211 9500000000000000'));
    expect(insns).toEqual([
      { kind: 'ld-imm64', pseudo: 'const', dst: 1, lo: 0x55667788, hi: 0x11223344 },
      undefined,
      { kind: 'exit' },
    ]);
  });

  const broken: readonly (readonly [what: string, bytes: string, code: string, message: string])[] = [
    ['an opcode of zero', '0000000000000000', 'unknown-opcode', '0x00 is not an opcode'],
    ['a division of the wrong kind', '3f21020000000000', 'unknown-variant', 'offset of opcode 0x3f is 2'],
    ['a move from s64', 'bf21400000000000', 'unknown-variant', 'expected 0, 8, 16, 32, 1'],
    ['a half move from s32', 'bc21200000000000', 'unknown-variant', 'expected 0, 8, 16'],
    ['a swap of 8 bits', 'd701000008000000', 'unknown-variant', 'expected 16, 32, 64'],
    ['an atomic subtraction', 'db21000010000000', 'unknown-variant', 'imm of opcode 0xdb is 16'],
    ['a fourth kind of call', '8530000001000000', 'unknown-variant', 'expected 0, 1, 2'],
    ['an eighth kind of ld_imm64', '18710000000000000000000000000000', 'unknown-variant', 'src'],
    ['an offset of add', '0701010000000000', 'reserved-field', 'offset of opcode 0x07 is reserved'],
    ['an imm of a register operand', '0f21000001000000', 'reserved-field', 'imm of opcode 0x0f'],
    ['a src of an immediate operand', '0711000001000000', 'reserved-field', 'src of opcode 0x07'],
    ['an imm of neg', '8701000001000000', 'reserved-field', 'imm'],
    ['an imm of a load', '7921000001000000', 'reserved-field', 'imm'],
    ['an imm of a register store', '7b21000001000000', 'reserved-field', 'imm'],
    ['a src of an immediate store', '7a21000001000000', 'reserved-field', 'src'],
    ['an imm of goto', '0500010001000000', 'reserved-field', 'imm'],
    ['an offset of gotol', '0600010001000000', 'reserved-field', 'offset'],
    ['an imm of a register comparison', '1d21010001000000', 'reserved-field', 'imm'],
    ['a src of may_goto', 'e510010000000000', 'reserved-field', 'src'],
    ['an offset of a helper call', '8500010001000000', 'reserved-field', 'offset'],
    ['a dst of exit', '9501000000000000', 'reserved-field', 'dst'],
    ['a dst of a packet load', '2001000000000000', 'reserved-field', 'dst'],
    ['an offset of ld_imm64', '18010100000000000000000000000000', 'reserved-field', 'offset'],
    ['a high half of a map', '18110000050000000000000001000000', 'reserved-field', "second slot's imm"],
    ['a register 11', 'bf1b000000000000', 'bad-register', 'dst of opcode 0xbf is r11'],
    ['a source register 15', 'bff1000000000000', 'bad-register', 'src of opcode 0xbf is r15'],
    ['half a ld_imm64', '1801000000000000', 'bad-ld-imm64', 'ends in the middle'],
    ['an instruction inside a ld_imm64', '1801000000000000 9500000000000000', 'bad-ld-imm64', 'second slot'],
  ];

  it.each(broken)('refuses %s', (_what, bytes, code, message) => {
    const error = isaError(() => decodeProgram(raws(`b700000000000000${bytes}`)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect([1, 2]).toContain(error.place.insn);
  });

  it('ends in IsaError or in instructions that encode to the same slots, whatever the slots', () => {
    fc.assert(
      fc.property(fc.array(rawInsn(), { minLength: 1, maxLength: 3 }), (slots: RawInsn[]) => {
        let decoded: ReturnType<typeof decodeProgram>;
        try {
          decoded = decodeProgram(slots);
        } catch (error) {
          expect(error).toBeInstanceOf(IsaError);
          return;
        }
        expect(encodeProgram(decoded)).toEqual(slots);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('encodeProgram', () => {
  it('is undone by decodeProgram', () => {
    fc.assert(
      fc.property(insnList(), (insns) => {
        expect(decodeProgram(encodeProgram(insns))).toEqual(insns);
      }),
    );
  });

  it('gives every instruction the bytes of its example', () => {
    for (const { bytes } of allForms()) expect(hex(encodeInsn(decodeInsn(raws(bytes), 0)))).toBe(bytes);
  });

  it('never writes a slot that does not decode', () => {
    fc.assert(
      fc.property(insn(), (one) => {
        expect(decodeInsn(encodeInsn(one), 0)).toEqual(one);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses what cannot be encoded, and says where', () => {
    const refused: readonly (readonly [Insn, string])[] = [
      [{ kind: 'movsx', width: 32, bits: 32, dst: 1, src: 2 }, 'unknown-variant'],
      [{ kind: 'load', size: 8, signed: true, dst: 1, src: 2, offset: 0 }, 'unknown-variant'],
      [{ kind: 'neg', width: 64, dst: 11 }, 'bad-register'],
      [{ kind: 'may-goto', offset: 0x8000 }, 'out-of-range'],
      [{ kind: 'call-helper', id: 2 ** 31 }, 'out-of-range'],
      [{ kind: 'call-helper', id: 1.5 }, 'out-of-range'],
      [{ kind: 'ld-imm64', pseudo: 'map-fd', dst: 1, lo: 3, hi: 1 }, 'reserved-field'],
    ];
    for (const [one, code] of refused) {
      const error = isaError(() => encodeProgram(toInsnList([{ kind: 'exit' }, one])));
      expect([error.code, error.place.insn]).toEqual([code, 1]);
    }
  });

  it('wants exactly one empty slot behind a ld_imm64', () => {
    const wide: Insn = { kind: 'ld-imm64', pseudo: 'const', dst: 0, lo: 0, hi: 0 };
    for (const list of [
      [wide],
      [wide, { kind: 'exit' } as const],
      [undefined],
      [wide, undefined, undefined],
    ]) {
      expect(isaError(() => encodeProgram(list)).code).toBe('bad-ld-imm64');
    }
  });
});

describe('encodeLdImm64', () => {
  it('splits any 64-bit number, signed or not', () => {
    expect(hex(encodeLdImm64(1, 0x1122334455667788n))).toBe('18010000887766550000000044332211');
    expect(encodeLdImm64(3, -1n)).toEqual(encodeLdImm64(3, 0xffff_ffff_ffff_ffffn));
  });

  it('keeps both halves', () => {
    fc.assert(
      fc.property(imm32(), imm32(), (lo, hi) => {
        const value = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
        expect(decodeInsn(encodeLdImm64(0, value), 0)).toMatchObject({ lo, hi });
      }),
    );
  });
});
