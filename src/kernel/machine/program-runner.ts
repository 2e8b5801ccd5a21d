/**
 * Runs programs on the machine's engine: once, many times, on a batch of packets; knows which one is running, counts runs when somebody asked
 * for it (BPF_ENABLE_STATS), and keeps what has to wait until no program runs. In which circumstances they run is the machine's.
 */
import type { RepeatingEngine } from '../../vm/engines.ts';
import { type InputBatch, VmFault } from '../../vm/index.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Clock } from './clock.ts';

/** What a run gave back: r0 in full. */
export interface RunResult {
  readonly r0: bigint;
  /** r0 as the C int that most program types return. */
  readonly retval: number;
}

/** Runs the programs of one machine. */
export class ProgramRunner {
  /** How many ask for runs to be counted. */
  statsUsers = 0;
  private readonly engine: RepeatingEngine;
  private readonly clock: Clock;
  private running: LoadedProgram | undefined;
  /** Programs under way, one inside the other. */
  private runs = 0;
  private readonly postponed: (() => void)[] = [];

  constructor(engine: RepeatingEngine, clock: Clock) {
    this.engine = engine;
    this.clock = clock;
  }

  /** The program that runs now. */
  get program(): LoadedProgram | undefined {
    return this.running;
  }

  /**
   * Runs a program on a context, once or several times.
   * @returns what the last run gave
   * @throws VmFault when it faults.
   */
  run(program: LoadedProgram, context: number, times = 1): RunResult {
    const low = this.runForRetval(program, context, times);
    return { r0: (BigInt(this.engine.r0High >>> 0) << 32n) | BigInt(low >>> 0), retval: low | 0 };
  }

  /** The same without allocating: the low half of r0. */
  runForRetval(program: LoadedProgram, context: number, times = 1): number {
    const before = this.begin(program);
    try {
      if (this.statsUsers > 0) return this.runCounted(program, context, times);
      if (times > 1 && this.engine.repeat !== undefined)
        return this.engine.repeat(program.prepared, times, context);
      for (let i = 1; i < times; i++) this.engine.execute(program.prepared, context);
      return this.engine.execute(program.prepared, context);
    } catch (error) {
      throw explained(error, program);
    } finally {
      this.ended(before);
    }
  }

  /** Does something that counts as a run of a program, such as running a part of it. */
  runInside(program: LoadedProgram, action: () => void): void {
    const before = this.begin(program);
    try {
      action();
    } finally {
      this.ended(before);
    }
  }

  /** A run begins; gives the program that it interrupts. */
  private begin(program: LoadedProgram): LoadedProgram | undefined {
    const before = this.running;
    this.running = program;
    this.runs++;
    return before;
  }

  /** A run has ended; the program that it interrupted goes on. */
  private ended(before: LoadedProgram | undefined): void {
    this.running = before;
    this.runs--;
    if (this.postponed.length > 0 && this.runs === 0) this.doPostponed();
  }

  /**
   * Runs a program once for each of `count` inputs, for which `ready` fills its context, and keeps the low halves of r0. Allocates nothing.
   * @throws VmFault when a run faults; earlier ones have been done then.
   */
  runEach(
    program: LoadedProgram,
    context: number,
    count: number,
    ready: (index: number) => void,
    results: Int32Array,
  ): void {
    if (this.statsUsers > 0 || this.engine.runEach === undefined) {
      for (let i = 0; i < count; i++) {
        ready(i);
        results[i] = this.runForRetval(program, context);
      }
      return;
    }
    const before = this.begin(program);
    const readyNext = (index: number): void => {
      if (this.postponed.length > 0 && this.runs === 1) this.doBetweenRuns();
      ready(index);
    };
    try {
      this.engine.runEach(program.prepared, context, { count, ready: readyNext, results });
    } catch (error) {
      throw explained(error, program);
    } finally {
      this.ended(before);
    }
  }

  /**
   * Runs a verified program on a batch of inputs. Gives the number of runs made: fewer than asked for when something waited for a run to end, none
   * when it cannot be done in this way.
   * @throws VmFault when a run faults; earlier ones have been done then.
   */
  runBatch(program: LoadedProgram, batch: InputBatch): number {
    if (this.statsUsers > 0 || this.engine.runBatch === undefined) return 0;
    const before = this.begin(program);
    try {
      return this.engine.runBatch(program.prepared, batch);
    } catch (error) {
      throw explained(error, program);
    } finally {
      this.ended(before);
    }
  }

  private doBetweenRuns(): void {
    this.runs--;
    this.doPostponed();
    this.runs++;
  }

  /** What waited for programs to end, in order; what that postpones in turn is done at once. */
  private doPostponed(): void {
    for (const action of this.postponed.splice(0)) action();
  }

  /** Runs a program while runs are counted. */
  private runCounted(program: LoadedProgram, context: number, times: number): number {
    let low = 0;
    for (let i = 0; i < times; i++) {
      const started = this.clock.now();
      try {
        low = this.engine.execute(program.prepared, context);
      } finally {
        program.count(this.clock.now() - started);
      }
    }
    return low;
  }

  /** Does something once no program runs: at once, or when the outermost has ended. */
  afterRun(action: () => void): void {
    if (this.runs === 0) {
      action();
      return;
    }
    this.postponed.push(action);
    this.engine.stopBatch?.();
  }
}

/** What a run throws: a fault at an instruction that stands for something the kernel does not have says what that is. */
function explained(error: unknown, program: LoadedProgram): unknown {
  if (!(error instanceof VmFault)) return error;
  const { insn } = error.place;
  const missing =
    insn === undefined || error.place.program !== program.name ? undefined : program.missing.get(insn);
  if (error.code !== 'unknown-helper' || missing === undefined) return error;
  const { frames, instruction, sourceText, cause } = error;
  return new VmFault('unknown-helper', missing, {
    frames,
    instruction,
    ...(sourceText === undefined ? {} : { sourceText }),
    cause,
  });
}
