/**
 * The loop's operations on memory: loads, stores, atomics. Each access is held against the bitmaps behind memory's data (vm/memory.ts): any
 * 8 bytes have their bits in two neighbouring bytes of a bitmap, so that one load of 16 bits, a shift and a mask decide. Semantics: RFC 9669
 * sections 5.1 to 5.3; programs run one at a time, so a plain sequence is atomic.
 */
import type { AccessSize, AtomicOp } from '../../isa/index.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { type Label, Local, type LoopWriter, Row, type Width } from './writer.ts';

/** Instructions that load as i64, by size: zero-extending and sign-extending. */
const LOADS: Record<AccessSize, readonly [unsigned: number, signed: number]> = {
  1: [W.I64_LOAD8_U, W.I64_LOAD8_S],
  2: [W.I64_LOAD16_U, W.I64_LOAD16_S],
  4: [W.I64_LOAD32_U, W.I64_LOAD32_S],
  8: [W.I64_LOAD, W.I64_LOAD],
};

const STORES: Record<AccessSize, number> = {
  1: W.I64_STORE8,
  2: W.I64_STORE16,
  4: W.I64_STORE32,
  8: W.I64_STORE,
};

/**
 * Takes the i64 address on the stack to ADDRESS, or branches to `refused` when the program may not access `size` bytes there. `bitmap`:
 * the local that tells which bitmap.
 */
function writeCheck(w: LoopWriter, bitmap: number, size: AccessSize, refused: Label): void {
  w.tee(Local.L0);
  w.get(Local.LIMIT);
  w.op(W.I64_GE_U);
  w.brIf(refused);
  w.get(Local.L0);
  w.op(W.I32_WRAP_I64);
  w.tee(Local.ADDRESS);
  w.i32(3);
  w.op(W.I32_SHR_U);
  w.get(bitmap);
  w.op(W.I32_ADD);
  w.access(size === 1 ? W.I32_LOAD8_U : W.I32_LOAD16_U);
  w.get(Local.ADDRESS);
  w.i32(7);
  w.op(W.I32_AND, W.I32_SHR_U);
  const mask = 2 ** size - 1;
  w.i32(mask);
  w.op(W.I32_AND);
  w.i32(mask);
  w.op(W.I32_NE);
  w.brIf(refused);
}

/** Pushes the address that a register and word 1 make. */
function writeAddress(w: LoopWriter, register: number): void {
  w.registerAddress(register);
  w.access(W.I64_LOAD);
  w.immediate(64);
  w.op(W.I64_ADD);
}

/** A load of 1 to 8 bytes into a register. */
export function writeLoad(w: LoopWriter, size: AccessSize, signed: boolean, fault: Label): void {
  writeAddress(w, Row.SRC);
  writeCheck(w, Local.READABLE, size, fault);
  w.registerAddress(Row.DST);
  w.get(Local.ADDRESS);
  w.access(LOADS[size][signed ? 1 : 0]);
  w.store(64);
  w.next();
}

/** A load that gives zero where nothing may be read. */
export function writeProbeLoad(w: LoopWriter, size: AccessSize, signed: boolean): void {
  w.i64(0);
  w.set(Local.L1);
  const refused = w.open(W.BLOCK);
  writeAddress(w, Row.SRC);
  writeCheck(w, Local.READABLE, size, refused);
  w.get(Local.ADDRESS);
  w.access(LOADS[size][signed ? 1 : 0]);
  w.set(Local.L1);
  w.end();
  w.registerAddress(Row.DST);
  w.get(Local.L1);
  w.store(64);
  w.next();
}

/** Word 2 is the immediate. */
export function writeStore(w: LoopWriter, size: AccessSize, isImmediate: boolean, fault: Label): void {
  writeAddress(w, Row.DST);
  writeCheck(w, Local.WRITABLE, size, fault);
  w.get(Local.ADDRESS);
  if (isImmediate) w.field(W.I64_LOAD32_S, Row.WORD2);
  else w.src(64);
  w.access(STORES[size]);
  w.next();
}

/** What memory gets, from the old value in L0 and the operand in L1. */
const COMBINATIONS: Record<Exclude<AtomicOp, 'xchg' | 'cmpxchg'>, number> = {
  add: W.I64_ADD,
  or: W.I64_OR,
  and: W.I64_AND,
  xor: W.I64_XOR,
};

/** 32-bit atomics compute in 64 bits, of which they store the low half. */
export function writeAtomic(w: LoopWriter, op: AtomicOp, width: Width, fetch: boolean, fault: Label): void {
  const size = width === 64 ? 8 : 4;
  writeAddress(w, Row.DST);
  writeCheck(w, Local.WRITABLE, size, fault);
  if (op === 'cmpxchg') {
    writeCompareExchange(w, size);
    return;
  }
  w.registerAddress(Row.SRC);
  w.tee(Local.I0);
  w.access(W.I64_LOAD);
  w.set(Local.L1);
  w.get(Local.ADDRESS);
  w.access(LOADS[size][0]);
  w.set(Local.L0);
  w.get(Local.ADDRESS);
  if (op === 'xchg') w.get(Local.L1);
  else {
    w.get(Local.L0);
    w.get(Local.L1);
    w.op(COMBINATIONS[op]);
  }
  w.access(STORES[size]);
  if (fetch) {
    w.get(Local.I0);
    w.get(Local.L0);
    w.store(64);
  }
  w.next();
}

/** Stores the source register when memory holds what r0 does; r0 becomes what memory held. */
function writeCompareExchange(w: LoopWriter, size: 4 | 8): void {
  w.get(Local.ADDRESS);
  w.access(LOADS[size][0]);
  w.tee(Local.L0);
  w.get(Local.STATE);
  w.access(LOADS[size][0]);
  w.op(W.I64_EQ);
  w.open(W.IF, Type.EMPTY);
  w.get(Local.ADDRESS);
  w.src(64);
  w.access(STORES[size]);
  w.end();
  w.get(Local.STATE);
  w.get(Local.L0);
  w.store(64);
  w.next();
}
