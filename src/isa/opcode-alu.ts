/**
 * Rows of the opcode table: arithmetic, moves, byte order (RFC 9669 sections 4.1 and 4.2) and the kernel's cast between
 * address spaces.
 */
import * as C from './constants.ts';
import type { AluOp, Width } from './insn.ts';
import { type ConformanceGroup, IMM, letter, type OpcodeRow, REG, WIDTHS } from './opcode-row.ts';

type AluEntry = readonly [op: AluOp, code: number, sign: string, offset?: number];

/** Division and modulo are unsigned or signed by the offset field. */
const ALU_OPS: readonly AluEntry[] = [
  ['add', C.BPF_ADD, '+='],
  ['sub', C.BPF_SUB, '-='],
  ['mul', C.BPF_MUL, '*='],
  ['div', C.BPF_DIV, '/=', 0],
  ['sdiv', C.BPF_DIV, 's/=', 1],
  ['or', C.BPF_OR, '|='],
  ['and', C.BPF_AND, '&='],
  ['lsh', C.BPF_LSH, '<<='],
  ['rsh', C.BPF_RSH, '>>='],
  ['mod', C.BPF_MOD, '%=', 0],
  ['smod', C.BPF_MOD, 's%=', 1],
  ['xor', C.BPF_XOR, '^='],
  ['mov', C.BPF_MOV, '='],
  ['arsh', C.BPF_ARSH, 's>>='],
];

/** All rows of classes ALU and ALU64. */
export function aluRows(): OpcodeRow[] {
  return [...binaryRows(), ...movsxRows(), ...unaryRows()];
}

function binaryRows(): OpcodeRow[] {
  return WIDTHS.flatMap((width) => ALU_OPS.flatMap((entry) => aluPair(width, entry)));
}

function aluPair(width: Width, [op, code, sign, offset]: AluEntry): OpcodeRow[] {
  const r = letter(width);
  const base = (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | code;
  const divmul = code === C.BPF_MUL || code === C.BPF_DIV || code === C.BPF_MOD;
  const group: ConformanceGroup = `${divmul ? 'divmul' : 'base'}${width}`;
  // A register move is told from its sign-extending kin by its offset, as division from signed division.
  const byOffset = offset === undefined ? {} : { offset };
  return [
    {
      opcode: base | C.BPF_K,
      fixed: byOffset,
      uses: ['dst', 'imm'],
      insn: { kind: 'alu', op, width, dst: 0, operand: IMM },
      group,
      text: `{${r}:dst} ${sign} {imm}`,
    },
    {
      opcode: base | C.BPF_X,
      fixed: op === 'mov' ? { offset: 0 } : byOffset,
      uses: ['dst', 'src'],
      insn: { kind: 'alu', op, width, dst: 0, operand: REG },
      group,
      text: `{${r}:dst} ${sign} {${r}:src}`,
    },
  ];
}

function movsxRows(): OpcodeRow[] {
  const forms = [
    [32, 8],
    [32, 16],
    [64, 8],
    [64, 16],
    [64, 32],
  ] as const;
  return forms.map(([width, bits]) => ({
    opcode: (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | C.BPF_MOV | C.BPF_X,
    fixed: { offset: bits },
    uses: ['dst', 'src'],
    insn: { kind: 'movsx', width, bits, dst: 0, src: 0 },
    group: `base${width}`,
    text: `{${letter(width)}:dst} = (s${bits}){${letter(width)}:src}`,
  }));
}

function unaryRows(): OpcodeRow[] {
  const neg = WIDTHS.map(
    (width): OpcodeRow => ({
      opcode: (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | C.BPF_NEG,
      fixed: {},
      uses: ['dst'],
      insn: { kind: 'neg', width, dst: 0 },
      group: `base${width}`,
      text: `{${letter(width)}:dst} = -{${letter(width)}:dst}`,
    }),
  );
  const orders = [
    ['le', C.BPF_ALU | C.BPF_END | C.BPF_TO_LE, 'le'],
    ['be', C.BPF_ALU | C.BPF_END | C.BPF_TO_BE, 'be'],
    ['swap', C.BPF_ALU64 | C.BPF_END | C.BPF_TO_LE, 'bswap'],
  ] as const;
  const endian = orders.flatMap(([op, opcode, word]) =>
    ([16, 32, 64] as const).map(
      (bits): OpcodeRow => ({
        opcode,
        fixed: { imm: bits },
        uses: ['dst'],
        insn: { kind: 'endian', op, bits, dst: 0 },
        group: bits === 64 ? 'base64' : 'base32',
        text: `{r:dst} = ${word}${bits} {r:dst}`,
      }),
    ),
  );
  const cast: OpcodeRow = {
    opcode: C.BPF_ALU64 | C.BPF_MOV | C.BPF_X,
    fixed: { offset: C.BPF_ADDR_SPACE_CAST },
    uses: ['dst', 'src', 'imm'],
    insn: { kind: 'addr-space-cast', dst: 0, src: 0, imm: 0 },
    group: 'kernel',
    text: '{r:dst} = addr_space_cast({r:src}, {hi16}, {lo16})',
  };
  return [...neg, ...endian, cast];
}
