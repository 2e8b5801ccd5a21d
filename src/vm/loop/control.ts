/**
 * The loop's operations that leave the straight line: calls, returns, and where the loop stops. What functions outside the loop need is written
 * to the machine's state before they are called (state.ts), and read back behind.
 */
import { RETURN_CODES } from '../calls.ts';
import { MAX_CALL_FRAMES, MAX_LOOPS } from '../engine.ts';
import { BITMAP_PADDING } from '../memory.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { CALLBACK, Frame, State } from './state.ts';
import { type Label, Local, type LoopWriter, Row } from './writer.ts';

/** Indices of the imported functions. */
export interface Imports {
  /** Throws the fault of the row before PC. */
  readonly fault: number;
  /** Calls the plain helper that word 1 numbers; gives the low half of its result. */
  readonly call: number;
  /** Carries out another call; gives the row to enter, with CALLBACK added when it is a callback's, or 0 to go on at PC. */
  readonly callSpecial: number;
  /** callx; gives the same. */
  readonly callRegister: number;
  /** Told that a callback has returned; gives the same. */
  readonly callbackReturned: number;
  /** Loads into r0; 0 when the packet is too short, which ends the function. */
  readonly loadPacket: number;
}

const ARGUMENTS = [1, 2, 3, 4, 5];
const UNDEFINED_AT_ENTRY = [0, 6, 7, 8, 9];

/** Where operations branch to. */
export interface Labels {
  /** Behind the loop. */
  readonly stop: Label;
  /** Enters the function at I0, which returns to PC; I1 is Frame.IS_CALLBACK. */
  readonly enter: Label;
  /** Ends the function that runs. */
  readonly leave: Label;
  /** The fault of the row at PC. */
  readonly fault: Label;
}

/** Moves PC behind the row and writes where the run stands to the state. */
function writePassRow(w: LoopWriter): void {
  w.skip();
  writeSavePlace(w);
}

/** Tells the state where the loop stands and how much of its budget is left. */
export function writeSavePlace(w: LoopWriter): void {
  w.get(Local.STATE);
  w.get(Local.PC);
  w.access(W.I32_STORE, State.PC);
  w.get(Local.STATE);
  w.get(Local.LEFT);
  w.access(W.I32_STORE, State.LEFT);
}

/** Pushes a word of the machine's state. */
function writeState(w: LoopWriter, offset: number): void {
  w.get(Local.STATE);
  w.access(W.I32_LOAD, offset);
}

/** Reads what a function outside may have changed: memory may have grown. The bitmaps follow memory's data (vm/memory.ts). */
export function writeTakeMemory(w: LoopWriter): void {
  writeState(w, State.MEMORY_SIZE);
  w.tee(Local.READABLE);
  w.op(W.I64_EXTEND_I32_U);
  w.set(Local.LIMIT);
  w.get(Local.READABLE);
  w.get(Local.READABLE);
  w.i32(3);
  w.op(W.I32_SHR_U);
  w.i32(BITMAP_PADDING);
  w.op(W.I32_ADD, W.I32_ADD);
  w.set(Local.WRITABLE);
}

/** Goes on where the state says. */
export function writeTakePlace(w: LoopWriter): void {
  writeState(w, State.PC);
  w.set(Local.PC);
}

/** Goes on after a function that gave a row to enter, or 0. */
function writeEnterOrGoOn(w: LoopWriter, labels: Labels): void {
  w.tee(Local.I0);
  w.i32(CALLBACK);
  w.op(W.I32_AND);
  w.set(Local.I1);
  writeTakePlace(w);
  writeTakeMemory(w);
  w.get(Local.I0);
  w.i32(-CALLBACK - 1);
  w.op(W.I32_AND);
  w.tee(Local.I0);
  w.brIf(labels.enter);
  w.again();
}

/** A plain helper. `returns` as RETURN_CODES in calls.ts. */
export function writeCallPlain(w: LoopWriter, returns: number, imports: Imports): void {
  w.get(Local.STATE);
  w.field(W.I32_LOAD, Row.WORD1);
  writePassRow(w);
  w.call(imports.call);
  switch (returns) {
    case RETURN_CODES.int:
      w.op(W.I64_EXTEND_I32_S);
      break;
    case RETURN_CODES.ptr:
      w.op(W.I64_EXTEND_I32_U);
      break;
    case RETURN_CODES.u64:
      w.op(W.I64_EXTEND_I32_U);
      w.get(Local.STATE);
      w.access(W.I64_LOAD32_U, State.RESULT_HIGH);
      w.i64(32);
      w.op(W.I64_SHL, W.I64_OR);
      break;
    default:
      w.op(W.DROP);
      w.i64(0);
  }
  w.access(W.I64_STORE);
  writeTakeMemory(w);
  w.again();
}

/** A call that may enter a function of a program: helpers that call back, tail calls. */
export function writeCallSpecial(w: LoopWriter, imports: Imports, labels: Labels): void {
  w.field(W.I32_LOAD, Row.WORD1);
  writePassRow(w);
  w.call(imports.callSpecial);
  writeEnterOrGoOn(w, labels);
}

/** A call of the function that a register points to. */
export function writeCallRegister(w: LoopWriter, imports: Imports, labels: Labels): void {
  writePassRow(w);
  w.call(imports.callRegister);
  writeEnterOrGoOn(w, labels);
}

/** A call of a function of the program: saves the caller and takes a new frame. */
export function writeCallSubprog(w: LoopWriter, labels: Labels): void {
  w.get(Local.PC);
  w.field(W.I32_LOAD, Row.WORD2);
  w.op(W.I32_ADD);
  w.set(Local.I0);
  w.i32(0);
  w.set(Local.I1);
  w.skip();
  w.br(labels.enter);
}

/** A legacy load from the packet; it ends the program where the packet is too short. */
export function writeLoadPacket(w: LoopWriter, imports: Imports, labels: Labels): void {
  writePassRow(w);
  w.call(imports.loadPacket);
  writeTakeMemory(w);
  w.op(W.I32_EQZ);
  w.brIf(labels.leave);
  w.again();
}

/** Jumps once the budget of loops is used up. */
export function writeMayGoto(w: LoopWriter): void {
  writeState(w, State.LOOPS_LEFT);
  w.tee(Local.I0);
  w.op(W.I32_EQZ);
  w.open(W.IF);
  w.jump();
  w.end();
  w.get(Local.STATE);
  w.get(Local.I0);
  w.i32(1);
  w.op(W.I32_SUB);
  w.access(W.I32_STORE, State.LOOPS_LEFT);
  w.next();
}

/** Pushes the address of the saved caller at a depth, which is on the stack, and keeps it in FRAME. */
function writeFrameAddress(w: LoopWriter): void {
  w.i32(Frame.SIZE);
  w.op(W.I32_MUL);
  w.get(Local.STATE);
  w.op(W.I32_ADD);
  w.set(Local.FRAME);
}

/** r10 = the top of the stack frame at depth I0. */
function writeFramePointer(w: LoopWriter): void {
  w.get(Local.STATE);
  w.get(Local.I0);
  w.i32(2);
  w.op(W.I32_SHL);
  w.get(Local.STATE);
  w.op(W.I32_ADD);
  w.access(W.I64_LOAD32_U, State.STACK_TOPS);
  w.access(W.I64_STORE, State.R10);
}

/** Registers that nobody may expect anything of are zero, so that engines agree on programs that read them nevertheless. */
function writeClearRegisters(w: LoopWriter, registers: readonly number[]): void {
  for (const register of registers) {
    w.get(Local.STATE);
    w.i64(0);
    w.access(W.I64_STORE, State.REGISTERS + 8 * register);
  }
}

/** Copies a word between the state and the saved caller that FRAME is at. */
function writeSaveWord(w: LoopWriter, from: number, to: number): void {
  w.get(Local.FRAME);
  writeState(w, from);
  w.access(W.I32_STORE, State.FRAMES + to);
}

function writeRestoreWord(w: LoopWriter, from: number, to: number): void {
  w.get(Local.STATE);
  w.get(Local.FRAME);
  w.access(W.I32_LOAD, State.FRAMES + from);
  w.access(W.I32_STORE, to);
}

/** At `labels.enter`: saves what the caller keeps and gives the callee its own stack frame. */
export function writeEnter(w: LoopWriter, imports: Imports): void {
  w.get(Local.STATE);
  w.get(Local.PC);
  w.access(W.I32_STORE, State.PC);
  writeState(w, State.DEPTH);
  writeFrameAddress(w);
  writeState(w, State.DEPTH);
  w.i32(MAX_CALL_FRAMES - 1);
  w.op(W.I32_GE_U);
  w.open(W.IF);
  writeSavePlace(w);
  w.call(imports.fault);
  w.op(W.UNREACHABLE);
  w.end();
  writeSaveWord(w, State.PC, Frame.PC);
  writeSaveWord(w, State.ROWS, Frame.ROWS);
  writeSaveWord(w, State.LOOPS_LEFT, Frame.LOOPS_LEFT);
  w.get(Local.FRAME);
  w.get(Local.I1);
  w.access(W.I32_STORE, State.FRAMES + Frame.IS_CALLBACK);
  for (let offset = 0; offset < SAVED_BYTES; offset += 8) {
    w.get(Local.FRAME);
    w.get(Local.STATE);
    w.access(W.I64_LOAD, State.R6 + offset);
    w.access(W.I64_STORE, State.FRAMES + Frame.SAVED + offset);
  }
  writeClearRegisters(w, UNDEFINED_AT_ENTRY);
  w.get(Local.I0);
  w.set(Local.PC);
  w.get(Local.STATE);
  writeState(w, State.DEPTH);
  w.i32(1);
  w.op(W.I32_ADD);
  w.tee(Local.I0);
  w.access(W.I32_STORE, State.DEPTH);
  // The deepest frame so far is dirty from now on.
  w.get(Local.I0);
  writeState(w, State.DIRTY_DEPTH);
  w.op(W.I32_GT_S);
  w.open(W.IF);
  w.get(Local.STATE);
  w.get(Local.I0);
  w.access(W.I32_STORE, State.DIRTY_DEPTH);
  w.end();
  w.get(Local.STATE);
  w.i32(MAX_LOOPS);
  w.access(W.I32_STORE, State.LOOPS_LEFT);
  writeFramePointer(w);
  w.again();
}

const SAVED_BYTES = Frame.SIZE - Frame.SAVED;

/** At `labels.leave`: returns to the caller, or into the helper that called back, or ends the program with 1 in I0. */
export function writeLeave(w: LoopWriter, imports: Imports, labels: Labels): void {
  writeState(w, State.DEPTH);
  w.op(W.I32_EQZ);
  w.open(W.IF);
  w.i32(1);
  w.set(Local.I0);
  w.br(labels.stop);
  w.end();
  w.get(Local.STATE);
  writeState(w, State.DEPTH);
  w.i32(1);
  w.op(W.I32_SUB);
  w.tee(Local.I0);
  w.access(W.I32_STORE, State.DEPTH);
  w.get(Local.I0);
  writeFrameAddress(w);
  writeRestoreWord(w, Frame.ROWS, State.ROWS);
  writeRestoreWord(w, Frame.LOOPS_LEFT, State.LOOPS_LEFT);
  for (let offset = 0; offset < SAVED_BYTES; offset += 8) {
    w.get(Local.STATE);
    w.get(Local.FRAME);
    w.access(W.I64_LOAD, State.FRAMES + Frame.SAVED + offset);
    w.access(W.I64_STORE, State.R6 + offset);
  }
  writeClearRegisters(w, ARGUMENTS);
  writeFramePointer(w);
  w.get(Local.FRAME);
  w.access(W.I32_LOAD, State.FRAMES + Frame.PC);
  w.set(Local.PC);
  w.get(Local.FRAME);
  w.access(W.I32_LOAD, State.FRAMES + Frame.IS_CALLBACK);
  w.open(W.IF, Type.EMPTY);
  writeSavePlace(w);
  w.call(imports.callbackReturned);
  writeEnterOrGoOn(w, labels);
  w.end();
  w.again();
}

/** At `labels.fault`. */
export function writeFault(w: LoopWriter, imports: Imports): void {
  writePassRow(w);
  w.call(imports.fault);
  w.op(W.UNREACHABLE);
}
