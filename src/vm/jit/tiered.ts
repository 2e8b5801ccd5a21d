/**
 * The engine that chooses: a program that can run long is compiled before its first run, because neither engine can take over a run of
 * the other; one that cannot is interpreted until it has proven worth compiling.
 */

import { BpfError } from '../../base/errors.ts';
import { jumpTarget } from '../../cfg/index.ts';
import type { HelperTable, InputBatch, PreparedProgram } from '../abi.ts';
import type { Engine } from '../engine.ts';
import { InterpreterEngine } from '../interpreter-engine.ts';
import type { Memory } from '../memory.ts';
import { JitEngine, type JitEngineOptions, type RunEach } from './engine.ts';

/**
 * Runs before a program without loops is compiled: a run of 1,000 instructions takes microseconds, their compilation a millisecond, but who
 * runs a program three times runs it often.
 */
const INTERPRETED_RUNS = 2;

/** What compiled code cannot do; the interpreter can. */
const NOT_COMPILABLE: ReadonlySet<string> = new Set(['functions-overlap', 'program-too-large']);

interface Choice {
  runs: number;
  engine: Engine;
}

/** Interprets and compiles, each program as suits it. */
export class TieredEngine implements Engine {
  readonly name = 'auto';
  r0High = 0;
  private readonly helpers: HelperTable;
  private readonly interpreter: InterpreterEngine;
  private readonly jit: JitEngine;
  private readonly choices = new WeakMap<PreparedProgram, Choice>();

  constructor(memory: Memory, helpers: HelperTable, options: JitEngineOptions = {}) {
    this.helpers = helpers;
    const { budget } = options;
    this.interpreter = new InterpreterEngine(memory, helpers, budget === undefined ? {} : { budget });
    this.jit = new JitEngine(memory, helpers, options);
  }

  prepare(program: PreparedProgram): void {
    this.choiceFor(program).engine.prepare(program);
  }

  execute(program: PreparedProgram, r1: number, r2 = 0): number {
    const choice = this.choiceFor(program);
    if (choice.runs === INTERPRETED_RUNS) choice.engine = this.compiled(program);
    choice.runs++;
    const { engine } = choice;
    const low = engine.execute(program, r1, r2);
    this.r0High = engine.r0High;
    return low;
  }

  /** Runs a program several times with the same arguments. */
  repeat(program: PreparedProgram, count: number, r1: number, r2 = 0): number {
    const choice = this.choiceFor(program);
    if (choice.engine !== this.jit) choice.engine = this.compiled(program);
    choice.runs = INTERPRETED_RUNS + 1;
    if (choice.engine === this.jit) {
      const low = this.jit.repeat(program, count, r1, r2);
      this.r0High = this.jit.r0High;
      return low;
    }
    let low = 0;
    for (let i = 0; i < count; i++) low = this.execute(program, r1, r2);
    return low;
  }

  /** As JitEngine.runEach. */
  runEach(program: PreparedProgram, r1: number, each: RunEach): void {
    const choice = this.choiceFor(program);
    choice.runs += each.count;
    if (choice.runs > INTERPRETED_RUNS && choice.engine !== this.jit) choice.engine = this.compiled(program);
    const { engine } = choice;
    if (engine === this.jit) {
      this.jit.runEach(program, r1, each);
      return;
    }
    for (let i = 0; i < each.count; i++) {
      each.ready(i);
      each.results[i] = engine.execute(program, r1);
    }
  }

  /** As JitEngine.runBatch; a program that is interpreted runs in none. */
  runBatch(program: PreparedProgram, batch: InputBatch): number {
    const choice = this.choiceFor(program);
    if (choice.runs + batch.count > INTERPRETED_RUNS && choice.engine !== this.jit)
      choice.engine = this.compiled(program);
    if (choice.engine !== this.jit) return 0;
    choice.runs += batch.count;
    return this.jit.runBatch(program, batch);
  }

  stopBatch(): void {
    this.jit.stopBatch();
  }

  dispose(): void {
    this.interpreter.dispose();
    this.jit.dispose();
  }

  private choiceFor(program: PreparedProgram): Choice {
    let choice = this.choices.get(program);
    if (choice === undefined) {
      const long = canRunLong(program, this.helpers);
      choice = {
        runs: long ? INTERPRETED_RUNS + 1 : 0,
        engine: long ? this.compiled(program) : this.interpreter,
      };
      this.choices.set(program, choice);
    }
    return choice;
  }

  /** The compiler, if it can compile the program. */
  private compiled(program: PreparedProgram): Engine {
    try {
      this.jit.prepare(program);
      return this.jit;
    } catch (error) {
      if (error instanceof BpfError && NOT_COMPILABLE.has(error.code)) return this.interpreter;
      throw error;
    }
  }
}

/** Whether a run may take more steps than the program has instructions: it jumps backwards, calls functions, or is called back. */
function canRunLong(program: PreparedProgram, helpers: HelperTable): boolean {
  return program.insns.some((insn, slot) => {
    if (insn === undefined) return false;
    const target = jumpTarget(insn, slot);
    if (target !== undefined) return target <= slot;
    if (insn.kind === 'call-helper') return helpers.entries[insn.id]?.kind === 'callback';
    return insn.kind === 'call-subprog' || insn.kind === 'callx' || insn.kind === 'call-kfunc';
  });
}
