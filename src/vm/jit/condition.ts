/** Conditions of branches (RFC 9669 section 4.3) and of may_goto, as an i32 that is not zero when they hold. */
import type { InsnOf, JmpOp } from '../../isa/index.ts';
import { W } from '../wasm/opcodes.ts';
import { emitOperand } from './alu.ts';
import { type Emitter, Local } from './emitter.ts';

type Comparison = Exclude<JmpOp, 'set'>;

/** WebAssembly's comparison of 64 and of 32 bits. */
const COMPARE: Readonly<Record<Comparison, readonly [number, number]>> = {
  eq: [W.I64_EQ, W.I32_EQ],
  ne: [W.I64_NE, W.I32_NE],
  gt: [W.I64_GT_U, W.I32_GT_U],
  ge: [W.I64_GE_U, W.I32_GE_U],
  lt: [W.I64_LT_U, W.I32_LT_U],
  le: [W.I64_LE_U, W.I32_LE_U],
  sgt: [W.I64_GT_S, W.I32_GT_S],
  sge: [W.I64_GE_S, W.I32_GE_S],
  slt: [W.I64_LT_S, W.I32_LT_S],
  sle: [W.I64_LE_S, W.I32_LE_S],
};

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  ge: 'lt',
  lt: 'ge',
  le: 'gt',
  sgt: 'sle',
  sge: 'slt',
  slt: 'sge',
  sle: 'sgt',
};

/** Pushes whether the branch is taken, or with `whenTaken` false whether it is not. */
export function emitCondition(e: Emitter, insn: InsnOf<'jmp' | 'may-goto'>, whenTaken: boolean): void {
  if (insn.kind === 'may-goto') {
    emitMayGoto(e, whenTaken);
    return;
  }
  const { op, width, dst, operand } = insn;
  if (width === 64) e.reg(dst);
  else e.low(dst);
  emitOperand(e, operand, width);
  if (op === 'set') {
    e.op(width === 64 ? W.I64_AND : W.I32_AND);
    if (width === 64) {
      e.i64(0, 0);
      e.op(whenTaken ? W.I64_NE : W.I64_EQ);
    } else if (!whenTaken) e.op(W.I32_EQZ);
    return;
  }
  e.op(COMPARE[whenTaken ? op : OPPOSITE[op]][width === 64 ? 0 : 1]);
}

/** Taken when the count is used up; counts down to 0 otherwise. */
function emitMayGoto(e: Emitter, whenTaken: boolean): void {
  e.get(Local.LOOPS);
  e.op(W.I32_EQZ);
  if (!whenTaken) e.op(W.I32_EQZ);
  e.get(Local.LOOPS);
  e.get(Local.LOOPS);
  e.i32(0);
  e.op(W.I32_NE);
  e.op(W.I32_SUB);
  e.set(Local.LOOPS);
}
