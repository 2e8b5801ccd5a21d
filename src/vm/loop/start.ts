/** The function that readies a run of a machine: its place, registers, and the stack frames that the last run used. */
import { MAX_LOOPS, STACK_BYTES } from '../engine.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { State } from './state.ts';
import { LoopWriter } from './writer.ts';

/** Parameters: the address of the state, that of the first row, r1 and r2 as i32. Then locals. */
const Local = { STATE: 0, ROWS: 1, R1: 2, R2: 3, DEPTH: 4 } as const;

export const START_PARAMS: readonly number[] = [Type.I32, Type.I32, Type.I32, Type.I32];

/** Index of the memory. */
const MEMORY = 0;

const INITIAL_WORDS: readonly (readonly [offset: number, value: number])[] = [
  [State.DEPTH, 0],
  [State.DIRTY_DEPTH, 0],
  [State.LOOPS_LEFT, MAX_LOOPS],
];

/** The function's code. */
export function startCode(): Uint8Array {
  const w = new LoopWriter([1, 1, Type.I32]);
  writeClearStack(w);
  writeRegisters(w);
  for (const offset of [State.PC, State.ROWS]) {
    w.get(Local.STATE);
    w.get(Local.ROWS);
    w.access(W.I32_STORE, offset);
  }
  for (const [offset, value] of INITIAL_WORDS) {
    w.get(Local.STATE);
    w.i32(value);
    w.access(W.I32_STORE, offset);
  }
  w.op(W.END);
  return w.code.written();
}

function writeClearStack(w: LoopWriter): void {
  w.get(Local.STATE);
  w.access(W.I32_LOAD, State.DIRTY_DEPTH);
  w.set(Local.DEPTH);
  const again = w.open(W.LOOP);
  w.get(Local.STATE);
  w.get(Local.DEPTH);
  w.i32(2);
  w.op(W.I32_SHL, W.I32_ADD);
  w.access(W.I32_LOAD, State.STACK_TOPS);
  w.i32(STACK_BYTES);
  w.op(W.I32_SUB);
  w.i32(0);
  w.i32(STACK_BYTES);
  w.op(W.PREFIX, W.MEMORY_FILL, MEMORY);
  w.get(Local.DEPTH);
  w.i32(1);
  w.op(W.I32_SUB);
  w.tee(Local.DEPTH);
  w.i32(0);
  w.op(W.I32_GE_S);
  w.brIf(again);
  w.end();
}

/** All zero but r1, r2 and the frame pointer. */
function writeRegisters(w: LoopWriter): void {
  for (let reg = 0; reg < 10; reg++) {
    w.get(Local.STATE);
    if (reg === 1 || reg === 2) {
      w.get(reg === 1 ? Local.R1 : Local.R2);
      w.op(W.I64_EXTEND_I32_U);
    } else w.i64(0);
    w.access(W.I64_STORE, State.REGISTERS + 8 * reg);
  }
  w.get(Local.STATE);
  w.get(Local.STATE);
  w.access(W.I64_LOAD32_U, State.STACK_TOPS);
  w.access(W.I64_STORE, State.R10);
}
