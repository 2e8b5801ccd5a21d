/** Where compiled programs and the engine find each other's data in linear memory. */

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
