/** The assembler: both syntaxes, labels, data, names, and what it says of mistakes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IsaError } from '../../src/base/errors.ts';
import {
  type AssembleOptions,
  assemble,
  assembleProgram,
  disassemble,
  encodeProgram,
  type Insn,
  type RawInsn,
} from '../../src/isa/index.ts';
import { insnList, rawInsn } from './arbitraries.ts';
import { allForms, hex, isaError } from './support.ts';

const names: AssembleOptions = {
  resolveCall: (name) => {
    if (name === 'bpf_map_lookup_elem') return { kind: 'call-helper', id: 1 };
    if (name === 'bpf_obj_drop_impl') return { kind: 'call-kfunc', btfId: 77, module: 2 };
    return undefined;
  },
  resolveSymbol: (name) => (name === 'my_map' ? { pseudo: 'map-fd', lo: 3, hi: 0 } : undefined),
  names: ['bpf_map_lookup_elem', 'bpf_obj_drop_impl', 'my_map'],
};

/** What each line of a text assembles to, as the kernel prints it, without opcodes. */
function kernelLines(text: string, options: AssembleOptions = {}): string[] {
  const listing = disassemble(assemble(text, options), { slots: false });
  return listing
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\(..\) /, ''));
}

describe('instructions', () => {
  it("reads LLVM's form of every instruction", () => {
    expect(allForms().map(({ llvm }) => hex(assemble(llvm)))).toEqual(allForms().map(({ bytes }) => bytes));
  });

  it("reads the kernel's form of every instruction, as far as it says what the instruction is", () => {
    const vague = (kernel: string): boolean => /^\(18\)|kernel-function/.test(kernel);
    for (const { kernel, bytes } of allForms()) if (!vague(kernel)) expect(hex(assemble(kernel))).toBe(bytes);
  });

  // Left what llvm-mc-19 reads, right the same instruction in its canonical text.
  it.each([
    ['r1=r2', 'r1 = r2'],
    ['w1 = *(u8 *)(r2 + 1)', 'r1 = *(u8 *)(r2 +1)'],
    ['*(u32*)(r10-8)=w3', '*(u32 *)(r10 -8) = r3'],
    ['*(u8 *)(r1 + 4 + 4) = r2', '*(u8 *)(r1 +8) = r2'],
    ['*(u64 *)(r10 - 16 + 8) = 5', '*(u64 *)(r10 -8) = 5'],
    ['lock *(u32 *)(r1 + 0) += r2', 'lock *(u32 *)(r1 +0) += r2'],
    ['lock *(u32 *)(r1 + 0) += w2', 'lock *(u32 *)(r1 +0) += r2'],
    ['r1 = 0xffffffff', 'r1 = -1'],
    ['r1 = 010', 'r1 = 8'],
    ['r1 = 0b11', 'r1 = 3'],
    ["r1 = 'a'", 'r1 = 97'],
    ['r1 = 1 + 2 * 3', 'r1 = 7'],
    ['r0 = *(u8 *)skb[r1]', 'r0 = *(u8 *)skb[r1 + 0]'],
    ['if w1 == 0xffffffff goto +2', 'if w1 == 0xffffffff goto pc+2'],
    ['goto 3', 'goto pc+3'],
    ['goto -3', 'goto pc-3'],
    ['call 0x10', 'call unknown#16'],
    ['r1 = (s8) r2', 'r1 = (s8)r2'],
    ['goto +0x30 <l1>', 'goto pc+48'],
    ['r1 = -1 ll', 'r1 = 0xffffffffffffffff'],
    ['r1 = 0xffffffffffffffff ll', 'r1 = 0xffffffffffffffff'],
    // Beyond LLVM: the rest of C's constant expressions.
    ['r1 = (1 << 4 | 3) ^ ~0 & 0xff', 'r1 = 236'],
    ['r1 = 100 % 7 - 10 / 3 - (1 >> 1)', 'r1 = -1'],
    ['r0 = *(u8 *)skb[r1+4]', 'r0 = *(u8 *)skb[r1 + 4]'],
  ])('reads %s', (text, expected) => {
    expect(kernelLines(text)).toEqual([expected]);
  });
});

describe('statements', () => {
  it('end at line ends and semicolons', () => {
    expect(kernelLines('r0 = 0; r1 = 1;\n\n exit;')).toEqual(['r0 = 0', 'r1 = 1', 'exit']);
  });

  it('may hold comments of every kind', () => {
    const text = `
      # a line
      r0 = 0   # behind
      r1 = 1   // behind
      /* over
         lines */ r2 = 2 /* behind */
      ; int x = 5; a source line of the verifier log
      exit`;
    expect(kernelLines(text)).toEqual(['r0 = 0', 'r1 = 1', 'r2 = 2', 'exit']);
  });

  it('read a verifier log with source lines and register states', () => {
    const text = `
      ; __u64 *value = bpf_map_lookup_elem(&map, &key); @ prog.c:10
      14: (b7) r1 = 7                       ; R1_w=7
      15: (18) r2 = 0x5                     ; R2_w=5
      17: (85) call bpf_map_lookup_elem#1   ; R0_w=map_value_or_null(id=1)
      18: (55) if r0 != 0x0 goto pc-5       ; R0_w=0
      19: (95) exit`;
    expect(hex(assemble(text))).toBe(
      [
        'b701000007000000',
        '18020000050000000000000000000000',
        '8500000001000000',
        '5500fbff00000000',
        '9500000000000000',
      ].join(''),
    );
  });

  it('assemble to slots with their lines and labels', () => {
    const { raws, lines, labels } = assembleProgram('start: r1 = 5 ll\n\nend: exit');
    expect(raws).toHaveLength(3);
    expect(lines).toEqual([1, 1, 3]);
    expect([...labels]).toEqual([
      ['start', 0],
      ['end', 2],
    ]);
  });

  it('may be none at all', () => {
    expect(assemble('')).toEqual([]);
    expect(assemble('# nothing\n;;\n')).toEqual([]);
  });
});

describe('labels', () => {
  it('are jumped to, called and pointed to, over two-slot instructions too', () => {
    const text = `
      loop:
        if r1 == 0 goto out
        r2 = 1 ll
        call fn
        may_goto loop
        gotol loop
      out: exit
      fn:
        r3 = callback ll
        exit
      callback: exit`;
    expect(kernelLines(text)).toEqual([
      'if r1 == 0x0 goto pc+5',
      'r2 = 0x1',
      'call pc+3',
      'may_goto pc-5',
      'gotol pc-6',
      'exit',
      'r3 = 0x2',
      'exit',
      'exit',
    ]);
  });

  it('may be numbers, which are found forwards and backwards', () => {
    const text = `
      1: goto 1f
      1: goto 1b
         goto 1b
         call 2f
      2: exit`;
    expect(kernelLines(text)).toEqual(['goto pc+0', 'goto pc-1', 'goto pc-2', 'call pc+0', 'exit']);
  });

  it('go before helpers of the same name', () => {
    expect(kernelLines('call bpf_map_lookup_elem\nbpf_map_lookup_elem: exit', names)[0]).toBe('call pc+0');
  });

  it('reach as far as the field that holds the distance', () => {
    const far = (jump: string, slots: number): string => `${jump} end\n${'r0 = 0\n'.repeat(slots)}end: exit`;
    expect(assemble(far('goto', 0x7fff))[0]?.offset).toBe(0x7fff);
    expect(isaError(() => assemble(far('goto', 0x8000))).code).toBe('out-of-range');
    expect(assemble(far('gotol', 0x8000))[0]?.imm).toBe(0x8000);
  });
});

describe('names', () => {
  it('mean what the caller says', () => {
    const text = 'call bpf_map_lookup_elem; call bpf_obj_drop_impl; r1 = my_map ll';
    expect(hex(assemble(text, names))).toBe(
      '85000000010000008520020' + '04d000000' + '18110000030000000000000000000000',
    );
  });

  it('of the log are helpers where nobody is asked, and kernel functions where the caller knows no such helper', () => {
    expect(hex(assemble('call bpf_map_lookup_elem#1'))).toBe('8500000001000000');
    expect(hex(assemble('call bpf_map_lookup_elem#1', names))).toBe('8500000001000000');
    expect(hex(assemble('call unknown#999', names))).toBe('85000000e7030000');
    expect(hex(assemble('call bpf_cgroup_acquire#70000', names))).toBe('8520000070110100');
    expect(hex(assemble('call kernel-function#70000'))).toBe('8520000070110100');
  });

  it('must have the number that the text gives them', () => {
    const error = isaError(() => assemble('call bpf_map_lookup_elem#2', names));
    expect([error.code, error.message]).toEqual(['bad-call', 'bpf_map_lookup_elem has the number 1, not 2']);
  });
});

describe('data', () => {
  it('makes slots of bytes, in memory order', () => {
    expect(hex(assemble('.byte 0xb7, 0, 0, 0\n.2byte 1, 0\n.8byte 0x95'))).toBe(
      'b7000000010000009500000000000000',
    );
    expect(hex(assemble('.short -1; .long 0x04030201; .byte 1, 2; .quad -1'))).toBe(
      'ffff010203040102ffffffffffffffff',
    );
  });

  it('must fill whole slots before the next instruction, label or end', () => {
    for (const text of ['.byte 1', '.4byte 1\nexit', '.2byte 1\nl: exit']) {
      const error = isaError(() => assemble(text));
      expect([error.code, error.place.line]).toEqual(['bad-data', 1]);
    }
  });
});

describe('mistakes', () => {
  it.each<[text: string, line: number, column: number, code: string, message: RegExp]>([
    ['r0 = 0\n  mov r1, 5', 2, 3, 'syntax', /^expected an instruction .* found 'mov'$/],
    ['gto out\nout: exit', 1, 1, 'syntax', /did you mean 'goto'\?/],
    ['r1 >>>= 3', 1, 4, 'syntax', /^expected '\+=', .* found '>>'$/],
    ['lock *(u64 *)(r1 + 0) -= r2', 1, 23, 'syntax', /^expected '\+=', '\|=', '&=' or '\^=', found '-='$/],
    ['r1 = *(u63 *)(r2 + 0)', 1, 8, 'syntax', /did you mean 'u64'\?/],
    ['*(u32 *)(r1) = 1', 1, 12, 'syntax', /^expected '\+' or '-' and an offset, found '\)'$/],
    ['if r1 > 5 goto', 1, 15, 'syntax', /found the end of the statement$/],
    ['exit exit', 1, 6, 'syntax', /^expected the end of the statement, found 'exit'$/],
    ['call bpf_map_lokup_elem', 1, 6, 'syntax', /did you mean 'bpf_map_lookup_elem'\?/],
    ['r1 = my_mop ll', 1, 6, 'syntax', /did you mean 'my_map'\?/],
    ['R1 = 5', 1, 1, 'syntax', /did you mean 'r1'\?/],
    ['call kfunc[id:5', 1, 16, 'syntax', /^expected '\]'/],
    ['call kfunc[5]', 1, 12, 'syntax', /^expected 'id:', found '5'$/],
    ['r1 = (1', 1, 8, 'syntax', /'\)'/],
    ['goto otu\nout: exit', 1, 6, 'unknown-label', /there is no label 'otu'; did you mean 'out'\?/],
    ['goto 1f\n1: goto 2b', 2, 9, 'unknown-label', /no label 2 before/],
    ['a: exit\na: exit', 2, 1, 'duplicate-label', /'a' is defined twice/],
    ['r1: exit', 1, 1, 'bad-label', /register/],
    ['0x10: exit', 1, 1, 'bad-label', /decimal/],
    ['r11 = 1', 1, 1, 'bad-register', /no register r11/],
    ['r0 = be16 r1', 1, 11, 'bad-register', /must be r0, as before/],
    ['*(u32 *)(r1 + 70000) = 1', 1, 13, 'out-of-range', /-32768 to 32767/],
    ['r1 = 0x1ffffffff', 1, 6, 'out-of-range', /64-bit numbers load as `r1 = … ll`/],
    ['r1 = 0x10000000000000000 ll', 1, 6, 'out-of-range', /^18446744073709551616 does not fit: .*5$/],
    ['r1 = 1 / 0', 1, 8, 'out-of-range', /'\/' has no result/],
    ['r1 = 1 << 64', 1, 8, 'out-of-range', /'<<' has no result/],
    ['.byte 256', 1, 7, 'out-of-range', /does not fit a byte/],
    ['.byte 1 2', 1, 9, 'syntax', /^expected ',' or the end/],
    ['.bytes 1', 1, 1, 'unknown-directive', /did you mean '.byte'\?/],
    ['.text', 1, 1, 'unknown-directive', /known are/],
    ['r0 = 08', 1, 6, 'bad-number', /octal/],
    ['r0 = §', 1, 6, 'bad-character', /'§'/],
    ['exit\n/* open', 2, 1, 'unclosed-comment', /no \*\//],
    ['3: (bf) r1 = 1', 1, 1, 'opcode-mismatch', /says opcode bf, but .* opcode b7$/],
    ['3: (b7) r1 = 1\n5: (95) exit', 2, 9, 'missing-slots', /numbered 5, .* end at 4/],
  ])('in %j', (text, line, column, code, message) => {
    const error = isaError(() => assemble(text, names));
    expect({ code: error.code, place: error.place }).toEqual({ code, place: { line, column } });
    expect(error.message).toMatch(message);
  });

  it('in any words the assembler knows end in an IsaError or in a program', () => {
    const words =
      'r0 w1 r10 = += s>>= -1 0x7fffffff 1f 1 ( ) * u32 s8 skb [ ] + - & | < > , : ; # // /* */ ll if goto gotol call callx exit lock pc a a: .byte .8byte map kfunc fd id be16 addr_space_cast \n'.split(
        ' ',
      );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 30 }), fc.boolean(), (parts, spaced) => {
        try {
          assemble(parts.join(spaced ? ' ' : ''), names);
        } catch (error) {
          expect(error).toBeInstanceOf(IsaError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('in huge texts are found without exhausting time or stack', () => {
    const many = 200_000;
    expect(isaError(() => assemble(`r1 = ${'('.repeat(many)}`)).code).toBe('syntax');
    expect(isaError(() => assemble(`r1 = ${'-'.repeat(many)}1`)).code).toBe('syntax');
    expect(isaError(() => assemble(`r1 = ${'9'.repeat(many)}`)).code).toBe('bad-number');
    expect(isaError(() => assemble('x'.repeat(many))).code).toBe('syntax');
    expect(kernelLines(`r1 = 0${' + 1'.repeat(many)}`)).toEqual([`r1 = ${many}`]);
    expect(assemble(`${';'.repeat(many)}exit`)).toEqual([]);
    expect(assemble(`.byte 0${', 0'.repeat(many - 1)}`)).toHaveLength(many / 8);
  });
});

describe('round trips', () => {
  it("LLVM's text of any slots, even broken ones, assembles to them", () => {
    fc.assert(
      fc.property(fc.array(rawInsn()), fc.boolean(), (slots: RawInsn[], labels) => {
        expect(assemble(disassemble(slots, { syntax: 'llvm', labels }))).toEqual(slots);
      }),
      { numRuns: 500 },
    );
  });

  it("LLVM's text of any program, with labels or without, assembles to it", () => {
    fc.assert(
      fc.property(insnList(), fc.boolean(), (insns, labels) => {
        const slots = encodeProgram(insns);
        expect(assemble(disassemble(slots, { syntax: 'llvm', labels }))).toEqual(slots);
      }),
      { numRuns: 500 },
    );
  });

  it("the kernel's text of any program assembles to it, but for what the text does not say", () => {
    const told = (insn: Insn | undefined): boolean =>
      !(insn?.kind === 'ld-imm64' && insn.pseudo !== 'const') &&
      !(insn?.kind === 'call-kfunc' && insn.module !== 0);
    fc.assert(
      fc.property(
        insnList().filter((insns) => insns.every(told)),
        (insns) => {
          const slots = encodeProgram(insns);
          expect(assemble(disassemble(slots))).toEqual(slots);
        },
      ),
      { numRuns: 500 },
    );
  });
});
