/** One compiled program in one engine: the instance of its module, and the functions that it imports. */
import { u64FromHalves } from '../../base/int64.ts';
import type { HelperEntry, HelperFn, HelperTable, PreparedProgram } from '../abi.ts';
import { MAX_TAIL_CALLS } from '../engine.ts';
import type { Memory } from '../memory.ts';
import { slotOfCodePointer } from '../pack.ts';
import { LAST_FRAME, STACK_ALIGN } from '../stack.ts';
import { type WasmModule, wasm } from '../wasm/platform.ts';
import type { CompiledCode } from './compile.ts';
import { extentAround } from './extent.ts';
import type { Faults } from './faults.ts';
import { Control } from './layout.ts';
import type { TailTable, TailTarget } from './tail-table.ts';

/** What changes from run to run. */
export interface Run {
  /** Runs inside each other; 0 when none is under way. */
  level: number;
  /** The program that the innermost run began with. */
  first: LoadedProgram | undefined;
  /** Instructions that the run may take beyond those in the control block. */
  budgetLeft: number;
  /** Programs that tail calls of these runs went to. */
  readonly tailed: LoadedProgram[];
}

/** What an engine gives its programs. */
export interface Host {
  readonly memory: Memory;
  readonly helpers: HelperTable;
  readonly faults: Faults;
  readonly tails: TailTable;
  readonly control: number;
  readonly run: Run;
  readonly budget: number;
  /** The program is checked: it was not verified. */
  readonly checked: boolean;
  programOf(program: PreparedProgram): LoadedProgram;
}

type Callback = Extract<HelperEntry, { kind: 'callback' }>;

const MAX_INSTALMENT = 1 << 30;

/** An InputBatch in the order of the parameters in entries.ts. */
type BatchAddresses = [
  inputs: number,
  lengths: number,
  results: number,
  count: number,
  target: number,
  context: number,
  template: number,
  templateBytes: number,
  endAt: number,
];

/** What a module offers to JavaScript (entries.ts), and its first BPF function. */
interface Exports {
  /** (r1, r2, frame): the low half of r0. */
  readonly run: (r1: number, r2: number, frame: number) => number;
  /** (r1, r2, frame, count): the low half of the last r0. */
  readonly repeat: (r1: number, r2: number, frame: number, count: number) => number;
  /** (frame, the addresses of a batch …): how many runs were made. */
  readonly batch: (frame: number, ...addresses: BatchAddresses) => number;
  /** (function, caller's frame): the low half of the callback's r0. */
  readonly invoke: (index: number, frame: number) => number;
  readonly main: unknown;
}

/** A program that is ready to run. */
export class LoadedProgram implements TailTarget {
  readonly program: PreparedProgram;
  readonly code: CompiledCode;
  readonly run: Exports['run'];
  readonly repeat: Exports['repeat'];
  readonly batch: Exports['batch'];
  readonly checked: boolean;
  tableIndex = -1;
  private readonly invoke: Exports['invoke'];
  readonly main: unknown;
  private readonly host: Host;
  private readonly callbackArgs = new Int32Array(10);

  constructor(program: PreparedProgram, code: CompiledCode, module: WasmModule, host: Host) {
    this.program = program;
    this.code = code;
    this.host = host;
    this.checked = host.checked;
    const imports = {
      e: { memory: host.memory.wasm, table: host.tails.table },
      f: { ...this.engineImports(), ...this.outsideImports() },
    };
    const exports = new wasm.Instance(module, imports).exports as unknown as Exports;
    this.run = exports.run;
    this.repeat = exports.repeat;
    this.batch = exports.batch;
    this.invoke = exports.invoke;
    this.main = exports.main;
  }

  /** The functions of ENGINE_IMPORTS in context.ts. */
  private engineImports(): Record<string, HelperFn> {
    const { host } = this;
    const { memory, faults, run, helpers } = host;
    return {
      fault: (which, slot, lo, hi) => {
        throw faults.numbered({ culprit: this, run, slot }, which, u64FromHalves(lo, hi));
      },
      check: (lo, hi, access, slot) => this.check(lo, hi, access, slot),
      refill: (slot) => this.refill(slot),
      tail: (map, index, call) => this.tailCall(map >>> 0, index >>> 0, call),
      probe: (lo, hi, size) => (hi === 0 && memory.isReadable(lo >>> 0, size) ? 1 : 0),
      packet: (ctx, offset, size) => helpers.loadPacket?.(ctx >>> 0, offset, size as 1 | 2 | 4) ?? -1,
    };
  }

  private outsideImports(): Record<string, HelperFn> {
    const imports: Record<string, HelperFn> = {};
    this.code.calls.forEach(({ entry }, number) => {
      if (entry?.kind === 'callback') imports[`c${number}`] = this.withHigh(entry, this.driver(entry));
      else if (entry?.kind === 'plain') {
        const call = this.checked ? entry.call : (entry.unchecked ?? entry.call);
        imports[`c${number}`] = this.withHigh(entry, call);
      }
    });
    this.code.finders.forEach((find, index) => {
      imports[`m${index}`] = find;
    });
    return imports;
  }

  /** Compiled code takes the high half of a 64-bit result from the control block. */
  private withHigh(entry: HelperEntry, call: HelperFn): HelperFn {
    if (entry.returns !== 'u64') return call;
    const { memory, helpers, control } = this.host;
    const at = (control + Control.HELPER_HIGH) >> 2;
    const finish = (low: number): number => {
      memory.i32[at] = helpers.high;
      return low;
    };
    // One function a number of words: a list of arguments costs more than most helpers do.
    const words = entry.args.length + entry.args.filter((pass) => pass === 'u64').length;
    switch (entry.kind === 'plain' ? words : Number.NaN) {
      case 0:
        return () => finish(call());
      case 1:
        return (a) => finish(call(a));
      case 2:
        return (a, b) => finish(call(a, b));
      case 3:
        return (a, b, c) => finish(call(a, b, c));
      default:
        return (...all) => finish(call(...all));
    }
  }

  /** A helper that calls back: drives it to its end. The last word is the caller's frame. */
  private driver(entry: Callback): HelperFn {
    return (...words) => {
      const frame = words.pop()!;
      const started = entry.start(...words);
      if (typeof started === 'number') return started;
      const { faults, run, memory, control } = this.host;
      const slot = slotOfCodePointer(this.program, started.callback, 0);
      if (slot === undefined) {
        const value = (started.callback >>> 0).toString(16);
        const message = `0x${value} is no function of this program to call back`;
        throw faults.at({ culprit: this, run }, 'bad-function-pointer', message);
      }
      const index = this.program.subprogs.indexOf(slot);
      const firstArg = (control + Control.CALLBACK_ARGS) >> 2;
      while (started.next(this.callbackArgs)) {
        if ((frame & (STACK_ALIGN - 1)) === LAST_FRAME) throw faults.tooDeep({ culprit: this, run });
        // Not with `set`, which costs more for ten words than a small callback does.
        for (let i = 0; i < 10; i++) memory.i32[firstArg + i] = this.callbackArgs[i]!;
        const low = this.invoke(index, frame);
        started.returned(low, memory.i32[(control + Control.R0_HIGH) >> 2]!);
      }
      return started.result();
    };
  }

  private check(lo: number, hi: number, access: number, slot: number): number {
    const { memory, faults, run, control } = this.host;
    const size = access & 15;
    const write = access > 15;
    const address = lo >>> 0;
    const allowed = hi === 0 && (write ? memory.isWritable(address, size) : memory.isReadable(address, size));
    if (!allowed) {
      const access = { address: u64FromHalves(lo, hi), size, write };
      throw faults.access({ culprit: this, run, slot }, access);
    }
    extentAround(memory, write, address, (control + Control.EXTENT_START) >> 2);
    return 0;
  }

  private refill(slot: number): number {
    const { run, faults, budget } = this.host;
    if (run.budgetLeft <= 0) {
      const message = `the program did not end within ${budget} instructions`;
      throw faults.at({ culprit: this, run, slot }, 'budget-exhausted', message);
    }
    const instalment = Math.min(run.budgetLeft, MAX_INSTALMENT);
    run.budgetLeft -= instalment;
    return instalment;
  }

  private tailCall(map: number, index: number, call: number): number {
    const { memory, control, run } = this.host;
    const entry = this.code.calls[call]?.entry;
    const counter = (control + Control.TAIL_CALLS) >> 2;
    const made = memory.i32[counter]!;
    const target =
      entry?.kind === 'tail-call' && made < MAX_TAIL_CALLS ? entry.target(map, index) : undefined;
    if (target === undefined) return -1;
    memory.i32[counter] = made + 1;
    const loaded = this.host.programOf(target);
    if (!run.tailed.includes(loaded)) run.tailed.push(loaded);
    return this.host.tails.indexOf(loaded);
  }
}
