/** Rows of the opcode table: jumps, calls and exit (RFC 9669 section 4.3) and the kernel's may_goto. */
import * as C from './constants.ts';
import type { JmpOp } from './insn.ts';
import { IMM, letter, type OpcodeRow, REG, WIDTHS } from './opcode-row.ts';

const JMP_OPS: readonly (readonly [op: JmpOp, code: number, sign: string])[] = [
  ['eq', C.BPF_JEQ, '=='],
  ['gt', C.BPF_JGT, '>'],
  ['ge', C.BPF_JGE, '>='],
  ['set', C.BPF_JSET, '&'],
  ['ne', C.BPF_JNE, '!='],
  ['sgt', C.BPF_JSGT, 's>'],
  ['sge', C.BPF_JSGE, 's>='],
  ['lt', C.BPF_JLT, '<'],
  ['le', C.BPF_JLE, '<='],
  ['slt', C.BPF_JSLT, 's<'],
  ['sle', C.BPF_JSLE, 's<='],
];

/** All rows of classes JMP and JMP32. */
export function jumpRows(): OpcodeRow[] {
  return [...JUMP_ROWS, ...conditionRows()];
}

function conditionRows(): OpcodeRow[] {
  return WIDTHS.flatMap((width) =>
    JMP_OPS.flatMap(([op, code, sign]): OpcodeRow[] => {
      const r = letter(width);
      const base = (width === 32 ? C.BPF_JMP32 : C.BPF_JMP) | code;
      return [
        {
          opcode: base | C.BPF_K,
          fixed: {},
          uses: ['dst', 'offset', 'imm'],
          insn: { kind: 'jmp', op, width, dst: 0, operand: IMM, offset: 0 },
          group: `base${width}`,
          text: `if {${r}:dst} ${sign} {ximm} goto {pc:offset}`,
        },
        {
          opcode: base | C.BPF_X,
          fixed: {},
          uses: ['dst', 'src', 'offset'],
          insn: { kind: 'jmp', op, width, dst: 0, operand: REG, offset: 0 },
          group: `base${width}`,
          text: `if {${r}:dst} ${sign} {${r}:src} goto {pc:offset}`,
        },
      ];
    }),
  );
}

const JUMP_ROWS: readonly OpcodeRow[] = [
  {
    opcode: C.BPF_JMP | C.BPF_JA,
    fixed: {},
    uses: ['offset'],
    insn: { kind: 'ja', offset: 0, long: false },
    group: 'base32',
    text: 'goto {pc:offset}',
  },
  {
    opcode: C.BPF_JMP32 | C.BPF_JA,
    fixed: {},
    uses: ['imm'],
    insn: { kind: 'ja', offset: 0, long: true },
    group: 'base32',
    text: 'gotol {pc:imm}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_JCOND,
    fixed: {},
    uses: ['offset'],
    insn: { kind: 'may-goto', offset: 0 },
    group: 'kernel',
    text: 'may_goto {pc:offset}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: 0 },
    uses: ['imm'],
    insn: { kind: 'call-helper', id: 0 },
    group: 'base32',
    text: 'call {helper}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: C.BPF_PSEUDO_CALL },
    uses: ['imm'],
    insn: { kind: 'call-subprog', offset: 0 },
    group: 'base32',
    text: 'call {sub}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: C.BPF_PSEUDO_KFUNC_CALL },
    uses: ['offset', 'imm'],
    insn: { kind: 'call-kfunc', btfId: 0, module: 0 },
    group: 'base32',
    text: 'call {kfunc}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL | C.BPF_X,
    fixed: {},
    uses: ['dst'],
    insn: { kind: 'callx', reg: 0 },
    group: 'llvm',
    text: 'callx {r:dst}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_EXIT,
    fixed: {},
    uses: [],
    insn: { kind: 'exit' },
    group: 'base32',
    text: 'exit',
  },
];
