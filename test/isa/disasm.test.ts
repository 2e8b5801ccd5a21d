/** The disassembler: the verifier log's text of every instruction, well-formed or not, and LLVM's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DisasmOptions, disassemble, disassembleInsn, disassembleLines } from '../../src/isa/index.ts';
import { rawInsn } from './arbitraries.ts';
import { allForms, raws } from './support.ts';

const helper = (id: number): string | undefined => (id === 1 ? 'bpf_map_lookup_elem' : undefined);

const text = (bytes: string, options: DisasmOptions = {}): string =>
  disassembleInsn(raws(bytes), 0, { names: { helper }, ...options });

describe('kernel syntax', () => {
  it('prints every instruction as Linux 6.12 does', () => {
    expect(allForms().map(({ bytes }) => text(bytes))).toEqual(allForms().map(({ kernel }) => kernel));
  });

  // Each line is what Linux 6.12's disassembler prints; the verifier prints it and then rejects the instruction.
  it.each([
    ['an unknown atomic operation', 'db21000010000000', 'BUG_db'],
    ['an unknown atomic operation on 32 bits', 'c3210000e0000000', 'BUG_c3'],
    ['an unknown opcode, class ld', '0000000000000000', 'BUG_ld_00'],
    ['an unknown opcode, class ldx', '0100000000000000', 'BUG_ldx_01'],
    ['an unknown opcode, class st', '8200000000000000', 'BUG_st_82'],
    ['a swap of 17 bits', 'd401000011000000', '(d4) r1 = le17 r1'],
    ['an unconditional swap of -1 bits', 'd7010000ffffffff', '(d7) r1 = bswap-1 r1'],
    ['a half move from s32', 'bc21200000000000', '(bc) w1 = (s32)w2'],
    ['a move with an unknown offset', 'bf21050000000000', '(bf) r1 = r2'],
    ['a division with an unknown offset', '3721050004000000', '(37) r1 /= 4'],
    ['a move to a per-CPU address', 'bf21ffff00000000', '(bf) r1 = &(void __percpu *)(r2)'],
    ['a call of an unknown kind', '8530000001000000', '(85) call unknown#1'],
    ['a helper without a name', '85000000ff7f0000', '(85) call unknown#32767'],
    ['a condition that is not may_goto', 'e512010003000000', '(e5) if r2 (null) 0x3 goto pc+1'],
    ['registers that do not exist', 'bffb000000000000', '(bf) r11 = r15'],
    ['a ld_imm64 of an unknown kind', '18710000050000000000000001000000', '(18) r1 = 0x100000005'],
    ['reserved fields that are set', '950105000a000000', '(95) exit'],
  ])('prints %s', (_what, bytes, expected) => {
    expect(text(bytes)).toBe(expected);
  });

  it('hides map and BTF pointers, and nothing else, when asked', () => {
    const hidden = [0, 1, 2, 3, 4, 5, 6].map((src) =>
      text(`18${src}1000009000000 0000000000000000`, { hidePointers: true }).replace(/.* = /, ''),
    );
    expect(hidden).toEqual(['0x9', '0x0', '0x0', '0x0', '0x9', '0x0', '0x0']);
  });

  it('takes names of kernel functions and 64-bit immediates from the caller', () => {
    const names = {
      kfunc: (btfId: number, module: number) => `kfunc_${btfId}_${module}`,
      imm64: ({ pseudo, lo, slot }: { pseudo: number; lo: number; slot: number }) =>
        pseudo === 1 ? `map${lo}@${slot}` : undefined,
    };
    expect(text('8520020007000000', { names })).toBe('(85) call kfunc_7_2#7');
    expect(text('18110000030000000000000000000000', { names })).toBe('(18) r1 = map3@0');
    expect(text('18010000030000000000000000000000', { names })).toBe('(18) r1 = 0x3');
  });

  it('lists a program with the slot numbers of the log', () => {
    const program = raws('b700000001000000 18010000050000000000000000000000 9500000000000000');
    expect(disassemble(program)).toBe('0: (b7) r0 = 1\n1: (18) r1 = 0x5\n3: (95) exit\n');
    expect(disassemble(program, { bytes: true, slots: false })).toBe(
      [
        `b7 00 00 00 01 00 00 00${' '.repeat(24)}  (b7) r0 = 1\n`,
        '18 01 00 00 05 00 00 00 00 00 00 00 00 00 00 00  (18) r1 = 0x5\n',
        `95 00 00 00 00 00 00 00${' '.repeat(24)}  (95) exit\n`,
      ].join(''),
    );
  });

  it('prints something for any slots, and takes every slot once', () => {
    fc.assert(
      fc.property(
        fc.array(rawInsn()),
        fc.constantFrom('kernel' as const, 'llvm' as const),
        (slots, syntax) => {
          const lines = disassembleLines(slots, { syntax, labels: true });
          expect(lines.every((line) => line.text !== '')).toBe(true);
          expect(lines.reduce((sum, line) => sum + line.slots, 0)).toBe(slots.length);
        },
      ),
    );
  });
});

describe("LLVM's syntax", () => {
  it('prints every instruction as LLVM reads it', () => {
    const printed = allForms().map(({ bytes }) => text(bytes, { syntax: 'llvm', names: {} }));
    expect(printed).toEqual(allForms().map(({ llvm }) => llvm));
  });

  it('prints names where the kernel adds numbers', () => {
    const names = { helper, kfunc: () => 'bpf_obj_drop', imm64: () => 'my_map' };
    expect(text('8500000001000000', { syntax: 'llvm', names })).toBe('call bpf_map_lookup_elem');
    expect(text('8520000007000000', { syntax: 'llvm', names })).toBe('call bpf_obj_drop');
    expect(text('18010000030000000000000000000000', { syntax: 'llvm', names })).toBe('r1 = my_map ll');
  });

  it('prints what does not decode as data', () => {
    expect(text('0102030405060708', { syntax: 'llvm' })).toBe('.8byte 0x0807060504030201');
    expect(text('1801000000000000', { syntax: 'llvm' })).toBe('.8byte 0x0000000000000118');
  });

  it('puts labels where jumps, calls and function pointers go', () => {
    const program = raws(
      '1501020000000000 8510000002000000 0500fdff00000000 9500000000000000 18410000ffffffff0000000000000000 9500000000000000',
    );
    expect(disassemble(program, { syntax: 'llvm', labels: new Map([[4, 'callback']]) })).toBe(
      [
        'L0:',
        '  if r1 == 0 goto L3',
        '  call callback',
        '  goto L0',
        'L3:',
        '  exit',
        'callback:',
        '  r1 = callback ll',
        '  exit',
        '',
      ].join('\n'),
    );
  });

  it('keeps distances where a target is outside the program or inside a ld_imm64', () => {
    const program = raws('0500010000000000 18010000000000000000000000000000 0500050000000000');
    expect(disassemble(program, { syntax: 'llvm', labels: true })).toBe('goto +1\nr1 = 0x0 ll\ngoto +5\n');
  });
});
