/**
 * Arithmetic, moves and byte order (RFC 9669 section 4.1, 4.2). 32-bit results are zero-extended. WebAssembly traps where BPF has a
 * result: division by zero gives 0, remainder by zero the dividend, MIN / -1 is MIN.
 */
import type { AluOp, InsnOf, Operand, Width } from '../../isa/index.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { type Emitter, Local } from './emitter.ts';

/** WebAssembly's operation of 64 and of 32 bits for the operations that it has. */
const BINARY: Readonly<Record<Exclude<AluOp, 'mov'>, readonly [number, number]>> = {
  add: [W.I64_ADD, W.I32_ADD],
  sub: [W.I64_SUB, W.I32_SUB],
  mul: [W.I64_MUL, W.I32_MUL],
  or: [W.I64_OR, W.I32_OR],
  and: [W.I64_AND, W.I32_AND],
  xor: [W.I64_XOR, W.I32_XOR],
  lsh: [W.I64_SHL, W.I32_SHL],
  rsh: [W.I64_SHR_U, W.I32_SHR_U],
  arsh: [W.I64_SHR_S, W.I32_SHR_S],
  div: [W.I64_DIV_U, W.I32_DIV_U],
  mod: [W.I64_REM_U, W.I32_REM_U],
  sdiv: [W.I64_DIV_S, W.I32_DIV_S],
  smod: [W.I64_REM_S, W.I32_REM_S],
};

/** Pushes an operand in the operation's width. */
export function emitOperand(e: Emitter, operand: Operand, width: Width): void {
  if (operand.kind === 'reg') {
    if (width === 64) e.reg(operand.reg);
    else e.low(operand.reg);
  } else if (width === 64) e.i64Signed(operand.imm);
  else e.i32(operand.imm);
}

function pushReg(e: Emitter, reg: number, width: Width): void {
  if (width === 64) e.reg(reg);
  else e.low(reg);
}

function popReg(e: Emitter, reg: number, width: Width): void {
  if (width === 64) e.setReg(reg);
  else e.setReg32(reg);
}

function number(e: Emitter, value: number, width: Width): void {
  if (width === 64) e.i64Signed(value);
  else e.i32(value);
}

/** An operation with two operands, or a move. */
export function emitAlu(e: Emitter, insn: InsnOf<'alu'>): void {
  const { op, width, dst, operand } = insn;
  if (op === 'mov') {
    emitMove(e, insn);
    return;
  }
  if (op === 'div' || op === 'mod' || op === 'sdiv' || op === 'smod') emitDivision(e, insn, op);
  else {
    pushReg(e, dst, width);
    emitOperand(e, operand, width);
    e.op(BINARY[op][width === 64 ? 0 : 1]);
  }
  popReg(e, dst, width);
}

function emitMove(e: Emitter, { width, dst, operand }: InsnOf<'alu'>): void {
  const constant =
    operand.kind === 'reg'
      ? e.constant(operand.reg)
      : width === 32 || operand.imm >= 0
        ? operand.imm
        : undefined;
  emitOperand(e, operand, width);
  popReg(e, dst, width);
  e.setConstant(dst, constant);
}

type Division = 'div' | 'mod' | 'sdiv' | 'smod';

/** Pushes quotient or remainder. */
function emitDivision(e: Emitter, insn: InsnOf<'alu'>, op: Division): void {
  const { width, dst, operand } = insn;
  const isQuotient = op === 'div' || op === 'sdiv';
  const divide = (): void => {
    pushReg(e, dst, width);
    emitOperand(e, operand, width);
    e.op(BINARY[op][width === 64 ? 0 : 1]);
  };
  const byZero = (): void => {
    if (isQuotient) number(e, 0, width);
    else pushReg(e, dst, width);
  };
  const negate = (): void => {
    number(e, 0, width);
    pushReg(e, dst, width);
    e.op(width === 64 ? W.I64_SUB : W.I32_SUB);
  };
  if (operand.kind === 'imm') {
    if (operand.imm === 0) byZero();
    else if (operand.imm === -1 && op === 'sdiv') negate();
    else divide();
    return;
  }
  const type = width === 64 ? Type.I64 : Type.I32;
  emitOperand(e, operand, width);
  e.op(width === 64 ? W.I64_EQZ : W.I32_EQZ);
  e.ifThen(type);
  byZero();
  e.op(W.ELSE);
  if (op === 'sdiv') {
    emitOperand(e, operand, width);
    number(e, -1, width);
    e.op(width === 64 ? W.I64_EQ : W.I32_EQ);
    e.ifThen(type);
    negate();
    e.op(W.ELSE);
    divide();
    e.op(W.END);
  } else divide();
  e.op(W.END);
}

/** The two's complement. */
export function emitNegate(e: Emitter, { width, dst }: InsnOf<'neg'>): void {
  number(e, 0, width);
  pushReg(e, dst, width);
  e.op(width === 64 ? W.I64_SUB : W.I32_SUB);
  popReg(e, dst, width);
}

/** A move of 8, 16 or 32 bits that keeps their sign. */
export function emitSignExtendingMove(e: Emitter, { width, bits, dst, src }: InsnOf<'movsx'>): void {
  pushReg(e, src, width);
  if (width === 64) {
    e.op(bits === 8 ? W.I64_EXTEND8_S : bits === 16 ? W.I64_EXTEND16_S : W.I64_EXTEND32_S);
  } else if (bits !== 32) e.op(bits === 8 ? W.I32_EXTEND8_S : W.I32_EXTEND16_S);
  popReg(e, dst, width);
}

/** The machine is little-endian, so `le` only cuts. */
export function emitEndian(e: Emitter, { op, bits, dst }: InsnOf<'endian'>): void {
  if (op === 'le') {
    if (bits === 64) return;
    e.low(dst);
    if (bits === 16) {
      e.i32(0xffff);
      e.op(W.I32_AND);
    }
    e.setReg32(dst);
    return;
  }
  if (bits === 64) emitSwap64(e, dst);
  else {
    e.low(dst);
    if (bits === 16) emitSwap16(e);
    else emitSwap32(e);
    e.setReg32(dst);
  }
}

/** Swaps the low two bytes of the i32 on the stack and clears the others. */
function emitSwap16(e: Emitter): void {
  e.tee(Local.I0);
  e.i32(0xff);
  e.op(W.I32_AND);
  e.i32(8);
  e.op(W.I32_SHL);
  e.get(Local.I0);
  e.i32(8);
  e.op(W.I32_SHR_U);
  e.i32(0xff);
  e.op(W.I32_AND);
  e.op(W.I32_OR);
}

/** Swaps the bytes of the i32 on the stack: odd and even bytes are rotated into place. */
function emitSwap32(e: Emitter): void {
  e.tee(Local.I0);
  e.i32(8);
  e.op(W.I32_ROTL);
  e.i32(0x00ff00ff);
  e.op(W.I32_AND);
  e.get(Local.I0);
  e.i32(8);
  e.op(W.I32_ROTR);
  e.i32(0xff00ff00 | 0);
  e.op(W.I32_AND);
  e.op(W.I32_OR);
}

/** Bytes in pairs, pairs in fours, fours in eight. */
function emitSwap64(e: Emitter, reg: number): void {
  e.reg(reg);
  for (const [bits, mask] of [
    [8, 0x00ff00ff],
    [16, 0x0000ffff],
  ] as const) {
    e.tee(Local.T0);
    e.i64(mask, mask);
    e.op(W.I64_AND);
    e.i64(bits, 0);
    e.op(W.I64_SHL);
    e.get(Local.T0);
    e.i64(bits, 0);
    e.op(W.I64_SHR_U);
    e.i64(mask, mask);
    e.op(W.I64_AND);
    e.op(W.I64_OR);
  }
  e.i64(32, 0);
  e.op(W.I64_ROTL);
  e.setReg(reg);
}
