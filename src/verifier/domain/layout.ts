/**
 * The layout of a register record: REG_WORDS 32-bit words at some offset of an Int32Array. This folder owns the first
 * SCALAR_WORDS, what is known about the register's number; src/verifier/state names and owns the rest (type, ids, liveness …).
 * Source: struct bpf_reg_state, include/linux/bpf_verifier.h.
 *
 * For a scalar the number is its value; for a pointer it is the variable part of the offset from what it points to. The
 * same number is known in five ways at once, each with strengths of its own:
 *
 *   var_off       which bits are known (a tnum): good for masks, shifts, alignment
 *   smin, smax    range as a signed 64-bit number
 *   umin, umax    range as an unsigned 64-bit number
 *   s32, u32      ranges of the low 32 bits, signed and unsigned
 *
 * The true number satisfies all five. sync.ts carries knowledge from each to the others.
 *
 * 64-bit fields are two words, low half first. Every word holds a signed 32-bit number, also where the field is unsigned:
 * compare with `>>> 0`.
 */

/** Known bits: value (1 where a bit is known to be 1), then mask (1 where a bit is unknown); no bit is in both. */
export const VAR_VALUE_LO = 0;
export const VAR_VALUE_HI = 1;
export const VAR_MASK_LO = 2;
export const VAR_MASK_HI = 3;
/** Least and greatest value as a signed 64-bit number. */
export const SMIN_LO = 4;
export const SMIN_HI = 5;
export const SMAX_LO = 6;
export const SMAX_HI = 7;
/** Least and greatest value as an unsigned 64-bit number. */
export const UMIN_LO = 8;
export const UMIN_HI = 9;
export const UMAX_LO = 10;
export const UMAX_HI = 11;
/** Least and greatest value of the low 32 bits as a signed number. */
export const S32_MIN = 12;
export const S32_MAX = 13;
/** Least and greatest value of the low 32 bits as an unsigned number. */
export const U32_MIN = 14;
export const U32_MAX = 15;

/** Words of the scalar part; nothing in this folder touches a word beyond it. */
export const SCALAR_WORDS = 16;

/**
 * Words of a whole register record, the stride of pooled registers. Words SCALAR_WORDS … are
 * for src/verifier/state. Nothing in this folder depends on it, so it may grow.
 */
export const REG_WORDS = 24;
