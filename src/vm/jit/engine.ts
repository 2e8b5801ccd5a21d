/**
 * The engine that runs programs as WebAssembly. Owns the control block, the stacks, and the table that tail calls go through; compiles each
 * program once. Levels: a helper may run a program while another one runs, which then has a stack of its own.
 */
import { BpfError } from '../../base/errors.ts';
import type { HelperTable, InputBatch, PreparedProgram } from '../abi.ts';
import { checkRunLevel, type Engine, STACK_BYTES } from '../engine.ts';
import type { Memory } from '../memory.ts';
import { allocateStack, FIRST_FRAME, FRAMES_BYTES } from '../stack.ts';
import { wasm } from '../wasm/platform.ts';
import { type CompiledCode, compile } from './compile.ts';
import { Faults } from './faults.ts';
import { Control } from './layout.ts';
import { LoadedProgram, type Run } from './loaded-program.ts';
import { moduleOf } from './module-cache.ts';
import { deepenTraces, restoreTraces } from './positions.ts';
import { TailTable } from './tail-table.ts';

/** How the engine is made. */
export interface JitEngineOptions {
  /** About how many instructions one run may take before it faults with `budget-exhausted`; unlimited, and not counted, by default. */
  readonly budget?: number;
  /** Fault exactly where the interpreter would, in programs that were not verified. Costs a check for each access. */
  readonly checked?: boolean;
  /**
   * Told the number of slots before a program is compiled. A platform may choose its compiler here: Node.js can make V8 optimize at
   * once (cli), so that a long first run is not stuck in unoptimized code.
   */
  readonly beforeCompile?: (slots: number) => void;
}

/** Largest instalment of the budget: a positive i32 that no loop's cost overflows. */
const INSTALMENT = 1 << 30;

/** Targets of tail calls that are kept, though nobody may use them any more. */
const MAX_TAIL_TARGETS = 256;

const BUDGET_WORD = Control.BUDGET >> 2;
const TAIL_CALLS_WORD = Control.TAIL_CALLS >> 2;

/** Many runs of one program on one context, which `ready` fills before each. */
export interface RunEach {
  readonly count: number;
  readonly ready: (index: number) => void;
  /** Takes the low half of each r0. */
  readonly results: Int32Array;
}

/** Compiles every program before its first run. */
export class JitEngine implements Engine {
  readonly name = 'jit';
  private readonly memory: Memory;
  private readonly helpers: HelperTable;
  private readonly options: JitEngineOptions;
  private readonly faults: Faults;
  private readonly tails = new TailTable();
  private readonly control: number;
  private readonly stacks: number[] = [];
  private readonly loaded = new WeakMap<PreparedProgram, LoadedProgram>();
  private readonly run: Run = { level: 0, first: undefined, budgetLeft: 0, tailed: [] };
  private lastProgram: PreparedProgram | undefined;
  private last: LoadedProgram | undefined;

  constructor(memory: Memory, helpers: HelperTable, options: JitEngineOptions = {}) {
    this.memory = memory;
    this.helpers = helpers;
    this.options = options;
    this.faults = new Faults(memory);
    this.control = memory.allocate({ size: Control.SIZE, kind: 'kernel', name: 'jit control block' });
    memory.setAccess(this.control, Control.SIZE, 'none');
  }

  get r0High(): number {
    return this.memory.i32[(this.control + Control.R0_HIGH) >> 2]!;
  }

  /** @throws IsaError when the program is malformed; BpfError `program-too-large` when the platform refuses its code. */
  prepare(program: PreparedProgram): void {
    this.programOf(program);
  }

  execute(program: PreparedProgram, r1: number, r2 = 0): number {
    return this.enter(program, r1, r2, 0);
  }

  /** Runs a program on one input after another, each with a full budget. Ends with the first fault; earlier results are there then. */
  runEach(program: PreparedProgram, r1: number, each: RunEach): void {
    this.enter(program, r1, 0, 0, each);
  }

  /** Runs a program several times with the same arguments, each with a full budget, without leaving WebAssembly in between. */
  repeat(program: PreparedProgram, count: number, r1: number, r2 = 0): number {
    if (!(count >= 1 && count <= 0x7fffffff))
      throw new BpfError('bad-count', 'a program runs 1 to 2^31 - 1 times');
    if ((this.options.budget ?? 0) <= INSTALMENT) return this.enter(program, r1, r2, count);
    let low = 0;
    for (let i = 0; i < count; i++) low = this.enter(program, r1, r2, 0);
    return low;
  }

  /**
   * Runs a verified program on a batch of inputs, each with a full budget, without leaving WebAssembly in between. Gives the number of runs made:
   * fewer than asked for after `stopBatch`, none when this engine would check the program.
   */
  runBatch(program: PreparedProgram, batch: InputBatch): number {
    const counts = (this.options.budget ?? 0) <= INSTALMENT;
    if (!counts || this.isChecked(program)) return 0;
    this.memory.i32[(this.control + Control.STOP) >> 2] = 0;
    return this.enter(program, 0, 0, 0, batch);
  }

  /** Ends a batch that is under way after the run that is. */
  stopBatch(): void {
    this.memory.i32[(this.control + Control.STOP) >> 2] = 1;
  }

  /** The program's WebAssembly, for those who want to look at it. */
  bytesOf(program: PreparedProgram): Uint8Array<ArrayBuffer> {
    return this.compile(program).bytes;
  }

  dispose(): void {
    for (const stack of this.stacks.splice(0)) this.memory.free(stack);
    this.memory.free(this.control);
  }

  private enter(
    program: PreparedProgram,
    r1: number,
    r2: number,
    count: number,
    many?: RunEach | InputBatch,
  ): number {
    const { run } = this;
    const loaded = program === this.lastProgram ? this.last! : this.programOf(program);
    const { level, first, budgetLeft } = run;
    checkRunLevel(level);
    const tailed = run.tailed.length;
    const { i32 } = this.memory;
    const control = this.control >> 2;
    const savedBudget = i32[control + BUDGET_WORD]!;
    const savedTailCalls = i32[control + TAIL_CALLS_WORD]!;
    const frame = this.beginRun(level, loaded);
    run.level = level + 1;
    run.first = loaded;
    const traces = level === 0 ? deepenTraces() : undefined;
    try {
      if (many !== undefined)
        return 'ready' in many ? this.enterEach(loaded, r1, level, many) : enterBatch(loaded, frame, many);
      return count === 0 ? loaded.run(r1, r2, frame) : loaded.repeat(r1, r2, frame, count);
    } catch (error) {
      throw this.faults.ofRun(error, run);
    } finally {
      restoreTraces(traces);
      run.level = level;
      run.first = first;
      run.budgetLeft = budgetLeft;
      // Setting a length costs more than a short run does.
      if (run.tailed.length !== tailed) run.tailed.length = tailed;
      if (level > 0) {
        this.memory.i32[control + BUDGET_WORD] = savedBudget;
        this.memory.i32[control + TAIL_CALLS_WORD] = savedTailCalls;
      }
    }
  }

  private enterEach(loaded: LoadedProgram, r1: number, level: number, each: RunEach): number {
    const { count, ready, results } = each;
    for (let i = 0; i < count; i++) {
      ready(i);
      results[i] = loaded.run(r1, 0, this.beginRun(level, loaded));
    }
    return 0;
  }

  /** Readies the stack of a level, tail calls and budget; returns the first frame. */
  private beginRun(level: number, loaded: LoadedProgram): number {
    const frame = (this.stacks[level] ?? this.addStack()) + FIRST_FRAME;
    const { i32, u8 } = this.memory;
    const { budget } = this.options;
    const control = this.control >> 2;
    i32[control + TAIL_CALLS_WORD] = 0;
    if (loaded.checked) u8.fill(0, frame, frame + (loaded.code.usesOneFrame ? STACK_BYTES : FRAMES_BYTES));
    if (budget !== undefined) {
      const instalment = Math.min(budget, INSTALMENT);
      this.run.budgetLeft = budget - instalment;
      i32[control + BUDGET_WORD] = instalment;
    }
    return frame;
  }

  private programOf(program: PreparedProgram): LoadedProgram {
    let loaded = this.loaded.get(program);
    if (loaded === undefined) {
      loaded = this.load(program);
      this.loaded.set(program, loaded);
    }
    this.lastProgram = program;
    this.last = loaded;
    return loaded;
  }

  private load(program: PreparedProgram): LoadedProgram {
    if (this.run.level === 0) this.tails.trim(MAX_TAIL_TARGETS);
    const code = this.compile(program);
    this.options.beforeCompile?.(program.insns.length);
    try {
      return new LoadedProgram(program, code, moduleOf(code), {
        memory: this.memory,
        helpers: this.helpers,
        faults: this.faults,
        tails: this.tails,
        control: this.control,
        run: this.run,
        checked: this.isChecked(program),
        budget: this.options.budget ?? Number.POSITIVE_INFINITY,
        programOf: (target) => this.programOf(target),
      });
    } catch (error) {
      if (!(error instanceof wasm.CompileError)) throw error;
      throw new BpfError('program-too-large', `the platform refuses the program's code: ${error.message}`, {
        program: program.name,
      });
    }
  }

  private compile(program: PreparedProgram): CompiledCode {
    const { budget } = this.options;
    return compile(program, this.helpers, {
      checked: this.isChecked(program),
      instalment: budget === undefined ? undefined : Math.min(budget, INSTALMENT),
      control: this.control,
    });
  }

  private isChecked(program: PreparedProgram): boolean {
    return this.options.checked === true && program.verified !== true;
  }

  private addStack(): number {
    const stack = allocateStack(this.memory);
    this.stacks.push(stack);
    return stack;
  }
}

function enterBatch(loaded: LoadedProgram, frame: number, batch: InputBatch): number {
  const { inputs, lengths, results, count, target, context, template, templateBytes, endAt } = batch;
  return loaded.batch(
    frame,
    inputs,
    lengths,
    results,
    count,
    target,
    context,
    template,
    templateBytes,
    endAt,
  );
}
