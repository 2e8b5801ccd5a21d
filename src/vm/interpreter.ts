/**
 * The interpreter as others see it: start a program, run it for some instructions or to its end, look at it in between. The checked
 * engine: every access is held against what memory allows. One object runs one program at a time; InterpreterEngine runs programs
 * inside programs.
 */
import type { HelperTable, PreparedProgram } from './abi.ts';
import { type FaultFrame, VmFault } from './fault.ts';
import { Machine } from './machine.ts';
import type { Memory } from './memory.ts';

/** How a call of `run` ended. `paused`: the budget is used up and `run` may be called again. */
export type RunStatus =
  | { readonly kind: 'exited'; readonly r0Low: number; readonly r0High: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'faulted'; readonly fault: VmFault };

/** How a run is limited and watched. */
export interface InterpreterOptions {
  /** Called before every instruction. Runs are several times slower with it, and not slower without. */
  readonly onInsn?: (interpreter: Interpreter) => void;
}

/** Instructions that one call of the loop runs. Not all at once, so that a long run soon meets a newly compiled loop. */
const CHUNK = 16384;

/** `running`: between `start` and the end of the program, paused or not. */
type State = 'idle' | 'running' | 'over';

/** One run that can be stepped, paused and looked into. */
export class Interpreter {
  /** r0 when the last run ended. */
  r0Low = 0;
  r0High = 0;
  private readonly options: InterpreterOptions;
  private readonly machine: Machine;
  private state: State = 'idle';
  private count = 0;

  constructor(memory: Memory, helpers: HelperTable, options: InterpreterOptions = {}) {
    this.options = options;
    this.machine = new Machine(memory, helpers);
  }

  /** Checks and packs a program ahead of its first run. */
  prepare(program: PreparedProgram): void {
    this.machine.link(program);
  }

  /**
   * Readies a run with r1 and r2 (32-bit numbers, zero-extended), all other registers and the stack zero. Ends any run before.
   * @throws IsaError when the program is malformed.
   */
  start(program: PreparedProgram, r1 = 0, r2 = 0): void {
    this.machine.reset(program, r1, r2);
    this.count = 0;
    this.state = 'running';
  }

  /** Runs on for at most `budget` instructions. Exceptions that are no faults are bugs of a helper. */
  run(budget = Number.POSITIVE_INFINITY): RunStatus {
    try {
      if (!this.advance(budget)) return { kind: 'paused' };
    } catch (error) {
      if (error instanceof VmFault) return { kind: 'faulted', fault: error };
      throw error;
    }
    return { kind: 'exited', r0Low: this.r0Low, r0High: this.r0High };
  }

  /** Runs to the end, leaving the result in `r0Low` and `r0High`. Throws VmFault, `budget-exhausted` after `budget` instructions. */
  finish(budget: number): void {
    if (this.advance(budget)) return;
    this.state = 'over';
    const { machine } = this;
    machine.slot++;
    throw machine.fault('budget-exhausted', `the program did not end within ${budget} instructions`);
  }

  /** r0 to r10 as low and high halves at 2n and 2n + 1. Valid until the next call; writes go to the machine. */
  get registers(): Int32Array {
    return this.machine.regs.subarray(0, 22);
  }

  /** Instructions run since `start`. */
  get executed(): number {
    return this.count;
  }

  /** The program that runs now; a tail call changes it. */
  get program(): PreparedProgram {
    return this.machine.linked.program;
  }

  /** The slot that runs next. */
  get slot(): number {
    return this.machine.slot;
  }

  /** Functions on the call stack, 1 in the program itself. */
  get depth(): number {
    return this.machine.depth + 1;
  }

  /** The call stack from the innermost function outwards, for a run that is paused. */
  callStack(): FaultFrame[] {
    return this.machine.callStack(this.slot);
  }

  /** Frees the stack. */
  dispose(): void {
    this.state = 'over';
    this.machine.dispose();
  }

  /** True when the program has ended, false when the budget is used up. Throws the program's VmFault. */
  private advance(budget: number): boolean {
    const { onInsn } = this.options;
    for (let left = budget; left > 0 && this.state === 'running'; ) {
      onInsn?.(this);
      const chunk = onInsn === undefined ? Math.min(left, CHUNK) : 1;
      if (this.runChunk(chunk)) this.end();
      left -= chunk;
    }
    return this.state !== 'running';
  }

  private runChunk(chunk: number): boolean {
    const { machine } = this;
    try {
      return machine.run(chunk);
    } catch (error) {
      this.state = 'over';
      throw error;
    } finally {
      this.count += chunk - machine.left;
    }
  }

  private end(): void {
    this.state = 'over';
    this.r0Low = this.machine.regs[0]!;
    this.r0High = this.machine.regs[1]!;
  }
}
