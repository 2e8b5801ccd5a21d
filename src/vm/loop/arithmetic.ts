/** The loop's operations on registers: arithmetic, moves, byte order, conditions. Semantics: RFC 9669 sections 4.1 to 4.3. */
import type { AluOp, JmpOp } from '../../isa/index.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { Local, type LoopWriter, Row, type Width } from './writer.ts';

type Pair = readonly [w32: number, w64: number];

/** Operations that are one instruction of WebAssembly. Its shifts take the count modulo the width, as eBPF's do. */
const DIRECT: Partial<Record<AluOp, Pair>> = {
  add: [W.I32_ADD, W.I64_ADD],
  sub: [W.I32_SUB, W.I64_SUB],
  mul: [W.I32_MUL, W.I64_MUL],
  or: [W.I32_OR, W.I64_OR],
  and: [W.I32_AND, W.I64_AND],
  xor: [W.I32_XOR, W.I64_XOR],
  lsh: [W.I32_SHL, W.I64_SHL],
  rsh: [W.I32_SHR_U, W.I64_SHR_U],
  arsh: [W.I32_SHR_S, W.I64_SHR_S],
};

const COMPARISONS: Record<Exclude<JmpOp, 'set'>, Pair> = {
  eq: [W.I32_EQ, W.I64_EQ],
  ne: [W.I32_NE, W.I64_NE],
  gt: [W.I32_GT_U, W.I64_GT_U],
  ge: [W.I32_GE_U, W.I64_GE_U],
  lt: [W.I32_LT_U, W.I64_LT_U],
  le: [W.I32_LE_U, W.I64_LE_U],
  sgt: [W.I32_GT_S, W.I64_GT_S],
  sge: [W.I32_GE_S, W.I64_GE_S],
  slt: [W.I32_LT_S, W.I64_LT_S],
  sle: [W.I32_LE_S, W.I64_LE_S],
};

const of = (pair: Pair, width: Width): number => pair[width === 64 ? 1 : 0];

/** A two-operand operation. */
export function writeAlu(w: LoopWriter, op: AluOp, width: Width, isImmediate: boolean): void {
  w.dstAddress();
  if (op !== 'mov') w.dst(width);
  w.operand(width, isImmediate);
  const direct = DIRECT[op];
  if (direct !== undefined) w.op(of(direct, width));
  else if (op !== 'mov') writeDivision(w, op, width);
  w.store(width);
  w.next();
}

/** Pops dividend and divisor, pushes the result. Dividing by zero gives 0, the remainder then is the dividend; MIN / -1 is MIN. */
function writeDivision(w: LoopWriter, op: AluOp, width: Width): void {
  const [a, b, type] = width === 64 ? [Local.L0, Local.L1, Type.I64] : [Local.I0, Local.I1, Type.I32];
  const isDivision = op === 'div' || op === 'sdiv';
  const isSigned = op === 'sdiv' || op === 'smod';
  w.set(b);
  w.set(a);
  w.get(b);
  if (op === 'sdiv') {
    // For 0 and -1, where the instruction traps, the product is the quotient wanted.
    number(w, width, 1);
    w.op(of([W.I32_ADD, W.I64_ADD], width));
    number(w, width, 2);
    w.op(of([W.I32_LT_U, W.I64_LT_U], width));
  } else w.op(of([W.I32_EQZ, W.I64_EQZ], width));
  w.open(W.IF, type);
  if (op === 'div') number(w, width, 0);
  else w.get(a);
  if (op === 'sdiv') {
    w.get(b);
    w.op(of([W.I32_MUL, W.I64_MUL], width));
  }
  w.op(W.ELSE);
  w.get(a);
  w.get(b);
  const division: Pair = isSigned ? [W.I32_DIV_S, W.I64_DIV_S] : [W.I32_DIV_U, W.I64_DIV_U];
  const remainder: Pair = isSigned ? [W.I32_REM_S, W.I64_REM_S] : [W.I32_REM_U, W.I64_REM_U];
  w.op(of(isDivision ? division : remainder, width));
  w.end();
}

function number(w: LoopWriter, width: Width, value: number): void {
  if (width === 64) w.i64(value);
  else w.i32(value);
}

/** The two's complement of a register. */
export function writeNegate(w: LoopWriter, width: Width): void {
  w.dstAddress();
  number(w, width, 0);
  w.dst(width);
  w.op(of([W.I32_SUB, W.I64_SUB], width));
  w.store(width);
  w.next();
}

/** A sign-extending move; `opcode` extends within `width`. */
export function writeSignExtendingMove(w: LoopWriter, width: Width, opcode: number): void {
  w.dstAddress();
  w.src(width);
  w.op(opcode);
  w.store(width);
  w.next();
}

/** Keeps the low 16 or 32 bits. */
export function writeZeroExtension(w: LoopWriter, bits: 16 | 32): void {
  w.dstAddress();
  w.get(Local.DST);
  w.access(bits === 16 ? W.I64_LOAD16_U : W.I64_LOAD32_U);
  w.store(64);
  w.next();
}

/** Swaps the order of the low bytes and clears the others. */
export function writeSwap(w: LoopWriter, bits: 16 | 32 | 64): void {
  w.dstAddress();
  if (bits === 64) {
    writeSwappedWord(w, 0);
    w.op(W.I64_EXTEND_I32_U);
    w.i64(32);
    w.op(W.I64_SHL);
    writeSwappedWord(w, 4);
    w.op(W.I64_EXTEND_I32_U, W.I64_OR);
    w.store(64);
  } else {
    writeSwappedWord(w, 0);
    if (bits === 16) {
      w.i32(16);
      w.op(W.I32_SHR_U);
    }
    w.store(32);
  }
  w.next();
}

/** Pushes 4 bytes of the register whose address is in DST, in reverse: odd and even bytes are rotated into place. */
function writeSwappedWord(w: LoopWriter, offset: number): void {
  w.get(Local.DST);
  w.access(W.I32_LOAD, offset);
  w.tee(Local.I0);
  w.i32(8);
  w.op(W.I32_ROTL);
  w.i32(0x00ff00ff);
  w.op(W.I32_AND);
  w.get(Local.I0);
  w.i32(8);
  w.op(W.I32_ROTR);
  w.i32(0xff00ff00 | 0);
  w.op(W.I32_AND, W.I32_OR);
}

/** A conditional jump. */
export function writeJump(w: LoopWriter, op: JmpOp, width: Width, isImmediate: boolean): void {
  w.registerAddress(Row.DST);
  w.access(width === 64 ? W.I64_LOAD : W.I32_LOAD);
  w.operand(width, isImmediate);
  if (op === 'set') {
    w.op(of([W.I32_AND, W.I64_AND], width));
    number(w, width, 0);
    w.op(of(COMPARISONS.ne, width));
  } else w.op(of(COMPARISONS[op], width));
  w.jumpIf();
}

/** The two halves of a ld_imm64, which takes two rows. */
export function writeLoadImmediate(w: LoopWriter): void {
  w.dstAddress();
  w.field(W.I64_LOAD, Row.WORD1);
  w.store(64);
  w.next(2);
}
