/** Holds one step of a kernel log against the domain. */
import type { JmpOp } from '../../../src/isa/index.ts';
import {
  aluScalar,
  assume,
  branchTaken,
  findContradiction,
  forgetContradiction,
  formatBounds,
  formatContradiction,
  formatSigned,
  markKnown,
  markKnownImm,
  markKnownSubreg,
  OPPOSITE,
  SCALAR_WORDS,
  type ScalarOp,
  signExtendSubregToSize,
  signExtendToSize,
  syncBounds,
  tnumIsConst,
  truncateToSize,
  viewScalar,
  zeroExtend32,
  zeroOrMinusOneWidth,
} from '../../../src/verifier/domain/index.ts';
import { parseScalar, type Step } from './log-steps.ts';
import { AT, record } from './support.ts';

const ALU: Readonly<Record<string, ScalarOp>> = {
  '+=': 'add',
  '-=': 'sub',
  '*=': 'mul',
  '/=': 'div',
  '%=': 'mod',
  's/=': 'sdiv',
  's%=': 'smod',
  '&=': 'and',
  '|=': 'or',
  '^=': 'xor',
  '<<=': 'lsh',
  '>>=': 'rsh',
  's>>=': 'arsh',
};
const JUMP: Readonly<Record<string, JmpOp>> = {
  '==': 'eq',
  '!=': 'ne',
  '&': 'set',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
  's<': 'slt',
  's<=': 'sle',
  's>': 'sgt',
  's>=': 'sge',
};

/** A scalar in the log's words. */
export function scalarText(r: Int32Array, o: number): string {
  return tnumIsConst(r, o)
    ? formatSigned(BigInt.asIntN(64, viewScalar(r, o).value))
    : `scalar(${formatBounds(r, o).join(',')})`;
}

/** What the domain makes of a step: its two last elements as they should be. */
export function replay(step: Step): [string, string | null] {
  const [insn, a, b] = step;
  const [, word, width, op, operand] = /^(?:(\S+) )?([rw]) (\S+) (\S+)$/.exec(insn)!;
  const w = width === 'w' ? 32 : 64;
  const d = op === '=' ? record(parseScalar(b!)) : record(parseScalar(a));
  const s = operand === width ? d : b === null ? immediate(Number(operand)) : record(parseScalar(b));
  if (word !== undefined) return replayJump(word, JUMP[op!]!, w, d, s, b !== null);
  if (op === '=') move(w, operand!, d);
  else alu(ALU[op!]!, w, d, s);
  settle(d);
  return [scalarText(d, AT), null];
}

function immediate(value: number): Int32Array {
  const s = new Int32Array(AT + SCALAR_WORDS);
  markKnownImm(s, AT, value);
  return s;
}

function replayJump(
  word: string,
  op: JmpOp,
  w: 32 | 64,
  d: Int32Array,
  s: Int32Array,
  second: boolean,
): [string, string | null] {
  const decision = branchTaken(op, w, d, AT, s, AT);
  if (word === 'always' || word === 'never') {
    return [decision === (word === 'always' ? 1 : 0) ? '' : `decided: ${decision}`, null];
  }
  if (decision !== -1) return [`decided: ${decision}`, null];
  assume(word === 'if' || word.startsWith('true') ? op : OPPOSITE[op], w, d, AT, s, AT);
  if (word.endsWith('if')) {
    settle(d);
    settle(s);
    return [scalarText(d, AT), second ? scalarText(s, AT) : null];
  }
  const bad = word.endsWith('1') ? d : s;
  // Both are one register: the first complaint has given up its ranges before the second is looked for.
  if (word.endsWith('2') && d === s) settle(d);
  return [formatContradiction(word, findContradiction(bad, AT)!, bad, AT), null];
}

function settle(r: Int32Array): void {
  if (findContradiction(r, AT) !== undefined) forgetContradiction(r, AT);
}

function alu(op: ScalarOp, w: 32 | 64, d: Int32Array, s: Int32Array): void {
  if ((op === 'and' || op === 'or') && tnumIsConst(s, AT)) {
    // The walk forks; the log goes on with -1, the other side comes later.
    const split = zeroOrMinusOneWidth(d, AT);
    if (split === 64) markKnown(d, AT, -1, -1);
    else if (split === 32) markKnownSubreg(d, AT, -1);
  }
  aluScalar(op, w, d, AT, s, AT);
}

function move(w: 32 | 64, operand: string, d: Int32Array): void {
  const cast = /^\(([su])(\d+)\)s$/.exec(operand);
  const size = cast ? ((Number(cast[2]) / 8) as 1 | 2 | 4 | 8) : 8;
  if (size !== 8) {
    if (cast?.[1] === 'u') truncateToSize(d, AT, size);
    else if (w === 64) signExtendToSize(d, AT, size);
    else signExtendSubregToSize(d, AT, size as 1 | 2);
  }
  if (w === 32) {
    zeroExtend32(d, AT);
    syncBounds(d, AT);
  }
}
