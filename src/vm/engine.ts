/**
 * What every engine offers to the kernel, so that the interpreter and the compiler to WebAssembly can take each other's place.
 */
import { BpfError } from '../base/errors.ts';
import type { PreparedProgram } from './abi.ts';

/** How deep calls may nest, the program itself counted: MAX_CALL_FRAMES in include/linux/bpf_verifier.h. */
export const MAX_CALL_FRAMES = 8;
/** Bytes of stack of each function: MAX_BPF_STACK in include/linux/filter.h. */
export const STACK_BYTES = 512;
/** Tail calls that one run may make: MAX_TAIL_CALL_CNT in include/linux/bpf.h. */
export const MAX_TAIL_CALLS = 33;
/** Times that the may_goto instructions of one function call fall through: BPF_MAX_LOOPS in include/linux/bpf.h. */
export const MAX_LOOPS = 8 * 1024 * 1024;

/** Runs inside runs: helpers may run programs, each with a stack of its own. */
const MAX_RUN_LEVELS = 32;

/** @throws BpfError `runs-too-deep` when so many runs are under way that no further one may begin. */
export function checkRunLevel(level: number): void {
  if (level < MAX_RUN_LEVELS) return;
  throw new BpfError('runs-too-deep', `programs may run ${MAX_RUN_LEVELS} others inside each other, no more`);
}

/** Runs programs to their end. A helper may run another program through the same engine. */
export interface Engine {
  readonly name: 'interpreter' | 'jit' | 'auto';
  /**
   * Does ahead of time what the first run would do. Engines keep the result for as long as the program object lives.
   * @throws IsaError when the program is malformed.
   */
  prepare(program: PreparedProgram): void;
  /**
   * Runs a program with r1 (and r2) set to addresses or other 32-bit numbers, zero-extended. Returns the low half of r0; the high
   * half is in `r0High` until the next run.
   * @throws VmFault when the program faults or uses up the engine's budget.
   */
  execute(program: PreparedProgram, r1: number, r2?: number): number;
  readonly r0High: number;
  /** Releases the engine's linear memory (stacks). */
  dispose(): void;
}
