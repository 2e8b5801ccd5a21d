/**
 * The state of one machine in linear memory, where the interpreter's loop and the machine (vm/machine.ts) both work on it: registers, where
 * the run stands, the saved callers. Offsets in bytes.
 */
import { MAX_CALL_FRAMES } from '../engine.ts';

/** Offsets in the state of a machine. */
export const State = {
  /** r0 to r10, 8 bytes each,. */
  REGISTERS: 0,
  R6: 48,
  R10: 80,
  /** Address of the row that runs next. Where JavaScript is called, the row behind the one that calls. */
  PC: 96,
  /** Instructions that the current call of the loop may still run. */
  LEFT: 100,
  /** Callers that are waiting. */
  DEPTH: 104,
  /** Deepest frame whose stack this run may have written. */
  DIRTY_DEPTH: 108,
  /** Times that may_goto may still fall through in this function call. */
  LOOPS_LEFT: 112,
  /** Address of the program's first row. */
  ROWS: 116,
  /** `Memory.size`, up to date whenever the loop is entered. */
  MEMORY_SIZE: 120,
  /** High half of the 64-bit number that a helper returned. */
  RESULT_HIGH: 124,
  /** Address behind the stack frame of each depth. */
  STACK_TOPS: 128,
  /** Saved callers. */
  FRAMES: 128 + 4 * MAX_CALL_FRAMES,
} as const;

/** Offsets in a saved caller. */
export const Frame = {
  /** PC, ROWS and LOOPS_LEFT of the caller. */
  PC: 0,
  ROWS: 4,
  LOOPS_LEFT: 8,
  /** CALLBACK when the callee is one, 0 when the program called it. */
  IS_CALLBACK: 12,
  /** r6 to r9. */
  SAVED: 16,
  SIZE: 48,
} as const;

/** Added to the address of a row, which is even, when it is a callback of the innermost helper that calls back. */
export const CALLBACK = 1;

/** Bytes of the whole state. */
export const STATE_BYTES = State.FRAMES + MAX_CALL_FRAMES * Frame.SIZE;

/** Words of the registers as 32-bit halves: r0 to r10 at 2n and 2n + 1,. */
export const REGISTER_WORDS = 24;
