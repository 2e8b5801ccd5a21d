/** Limits of the verifier that decide verdicts. Sources: kernel/bpf/verifier.c, include/linux/bpf_verifier.h, include/linux/filter.h. */
import { MapFlag } from '../spec/index.ts';

/** Instructions that a walk may look at (BPF_COMPLEXITY_LIMIT_INSNS). */
export const MAX_PROCESSED = 1_000_000;
/** States that may wait to be explored (BPF_COMPLEXITY_LIMIT_JMP_SEQ). */
export const MAX_PENDING = 8192;
/** Frames of a call chain. */
export const MAX_CALL_FRAMES = 8;
/** Bytes of stack of a call chain. */
export const MAX_STACK = 512;
/** Bytes of stack that callers of a function with a tail call may use. */
export const MAX_STACK_BEFORE_TAIL_CALL = 256;
/** Functions in a program (BPF_MAX_SUBPROGS). */
export const MAX_SUBPROGS = 256;
/** Offsets of pointers stay below this, either way (BPF_MAX_VAR_OFF). */
export const MAX_VAR_OFF = 2 ** 29;
/** Sizes that are passed to helpers stay below this (BPF_MAX_VAR_SIZ). */
export const MAX_VAR_SIZE = 2 ** 29;
/** Offsets from a packet pointer that ranges are kept for. */
export const MAX_PACKET_OFF = 0xffff;
/** Greatest error number that a kernel function returns. */
export const MAX_ERRNO = 4095;

// Limits of our own, on what the kernel leaves to the patience and the memory of the machine. The largest of the kernel's own test
// programs come to a quarter of the first and a tenth of the second.
/** Instructions that backtracking for precision may look at in all: a few seconds. */
export const MAX_BACKTRACKED = 64 * 1024 * 1024;
/** Bytes of registers and stack slots in all states of a walk together. */
export const MAX_STATE_BYTES = 1024 * 1024 * 1024;

/** Creation flags of maps that programs only read, and that they only write. */
export const { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } = MapFlag;
