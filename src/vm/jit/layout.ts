/**
 * Where compiled programs and the engine find each other's data in linear memory: the control block, and the stack of each level at
 * which helpers run programs inside programs.
 */
import { MAX_CALL_FRAMES, STACK_BYTES } from '../engine.ts';
import { DEFAULT_RED_ZONE } from '../memory.ts';

/** Bytes from one function's frame to that of a function it calls. */
export const FRAME_STRIDE = STACK_BYTES + DEFAULT_RED_ZONE;
/** Bytes of a whole stack; its start is a multiple of STACK_ALIGN, so that an address tells its frame. */
export const STACK_SIZE = MAX_CALL_FRAMES * FRAME_STRIDE;
export const STACK_ALIGN = 8192;
/** `frame & (STACK_ALIGN - 1)` of the last frame that there is. */
export const LAST_FRAME = (MAX_CALL_FRAMES - 1) * FRAME_STRIDE;

/** Offsets in the control block. */
export const Control = {
  /** i32: instructions that the run may still take, in this instalment. */
  BUDGET: 0,
  /** High half of the last r0. */
  R0_HIGH: 4,
  /** High half of a helper's 64-bit result. */
  HELPER_HIGH: 8,
  /** Tail calls that the run has made. */
  TAIL_CALLS: 12,
  /** i64 each: where the extent that the last access check found begins, and how long it is. */
  EXTENT_START: 16,
  EXTENT_LENGTH: 24,
  /** r1 to r5 of a callback. */
  CALLBACK_ARGS: 32,
  /** Not 0: a batch of runs is to end after this one. */
  STOP: 72,
  SIZE: 80,
} as const;
