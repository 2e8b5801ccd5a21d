/**
 * The interpreter behind the interface of all engines. Keeps one interpreter for each level at which helpers run programs inside
 * programs.
 */
import type { HelperTable, PreparedProgram } from './abi.ts';
import { checkRunLevel, type Engine } from './engine.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';
import type { Memory } from './memory.ts';

/** How the engine is made. */
export interface InterpreterEngineOptions extends InterpreterOptions {
  /** Instructions that one run may take before it faults with `budget-exhausted`; unlimited by default. */
  readonly budget?: number;
}

/** Interprets every program, checked. */
export class InterpreterEngine implements Engine {
  readonly name = 'interpreter';
  r0High = 0;
  private readonly memory: Memory;
  private readonly helpers: HelperTable;
  private readonly options: InterpreterEngineOptions;
  private readonly budget: number;
  private readonly levels: Interpreter[] = [];
  /** Runs that are under way. */
  private active = 0;

  constructor(memory: Memory, helpers: HelperTable, options: InterpreterEngineOptions = {}) {
    this.memory = memory;
    this.helpers = helpers;
    this.options = options;
    this.budget = options.budget ?? Number.POSITIVE_INFINITY;
  }

  prepare(program: PreparedProgram): void {
    this.level(this.active).prepare(program);
  }

  execute(program: PreparedProgram, r1: number, r2 = 0): number {
    checkRunLevel(this.active);
    const interpreter = this.level(this.active);
    this.active++;
    try {
      interpreter.start(program, r1, r2);
      interpreter.finish(this.budget);
    } finally {
      this.active--;
    }
    this.r0High = interpreter.r0High;
    return interpreter.r0Low;
  }

  dispose(): void {
    for (const interpreter of this.levels.splice(0)) interpreter.dispose();
  }

  private level(index: number): Interpreter {
    let interpreter = this.levels[index];
    if (interpreter === undefined) {
      interpreter = new Interpreter(this.memory, this.helpers, this.options);
      this.levels[index] = interpreter;
    }
    return interpreter;
  }
}
