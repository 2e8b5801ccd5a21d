/** Both engines do the same with random programs: same result, registers and memory, or the same fault at the same place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Engine,
  type HelperTable,
  InterpreterEngine,
  Memory,
  type PreparedProgram,
  VmFault,
} from '../../src/vm/index.ts';
import { JitEngine } from '../../src/vm/jit/index.ts';
import { loopHelper } from '../vm/support.ts';
import { arbitraryProgram, CONTEXT_BYTES, HELPER_IDS } from './arbitrary-programs.ts';

/** In a browser, where there is no environment to ask, a few: each is compiled. */
const { DIFFERENTIAL_RUNS, DIFFERENTIAL_SEED } = typeof process === 'undefined' ? {} : process.env;
const RUNS = Number(DIFFERENTIAL_RUNS ?? (typeof process === 'undefined' ? 200 : 1000));
/** How many programs, and from which seed on when not from any. */
const SAMPLE = {
  numRuns: RUNS,
  ...(DIFFERENTIAL_SEED === undefined ? {} : { seed: Number(DIFFERENTIAL_SEED) }),
};
/** Milliseconds for a property; long runs take a few a program. */
const TIMEOUT = 30_000 + 20 * RUNS;
const BUDGET = 2_000_000;

function makeHelpers(memory: Memory): HelperTable {
  const table: HelperTable = { high: 0, entries: [] };
  const entries: HelperTable['entries'][number][] = [];
  const add = (entry: NonNullable<HelperTable['entries'][number]>): void => {
    entries[entry.id] = entry;
  };
  add({
    id: HELPER_IDS.sum,
    name: 'sum',
    args: ['ptr', 'u32'],
    returns: 'int',
    kind: 'plain',
    call: (address, value) => (memory.view.getInt32(address >>> 0, true) + value) | 0,
  });
  add({
    id: HELPER_IDS.swap,
    name: 'swap',
    args: ['u64'],
    returns: 'u64',
    kind: 'plain',
    call: (lo, hi) => {
      table.high = lo!;
      return hi;
    },
  });
  add({
    id: HELPER_IDS.wide,
    name: 'wide',
    args: [],
    returns: 'u64',
    kind: 'plain',
    call: () => (table.high = -7),
  });
  add({
    id: HELPER_IDS.element,
    name: 'element',
    args: ['u64', 'u32'],
    returns: 'ptr',
    kind: 'plain',
    call: (lo, hi, flags) => (lo ^ hi ^ flags) | 0,
  });
  add(loopHelper(HELPER_IDS.loop, (lo) => (lo & 7) === 1));
  return Object.assign(table, { entries });
}

interface Outcome {
  readonly r0?: readonly [number, number];
  readonly fault?: unknown;
  readonly memory: string;
}

/** Random programs go less than 64 bytes beyond a frame. */
function isNearStack(memory: Memory, address: bigint | undefined): boolean {
  return memory
    .regions()
    .some(
      (region) =>
        region.kind === 'stack' &&
        address !== undefined &&
        address > region.address - 64 &&
        address < region.address + region.size + 64,
    );
}

class Bench {
  readonly memory = new Memory({ maxBytes: 1 << 22 });
  /** Far from everything else, as programs miss it by up to 32 KiB. */
  readonly context = this.memory.allocate({
    size: CONTEXT_BYTES,
    kind: 'ctx',
    name: 'context',
    redZone: 1 << 17,
  });
  private readonly engine: Engine;

  constructor(make: (memory: Memory, helpers: HelperTable) => Engine) {
    this.engine = make(this.memory, makeHelpers(this.memory));
  }

  run(program: PreparedProgram): Outcome {
    for (let i = 0; i < CONTEXT_BYTES; i++) this.memory.u8[this.context + i] = (i * 37) & 0xff;
    // Unchecked code finds on its stack what the last run left there; verified programs do not look.
    for (const { kind, address, size } of this.memory.regions()) {
      if (kind === 'stack') this.memory.u8.fill(0, address, address + size);
    }
    try {
      const low = this.engine.execute(program, this.context);
      return { r0: [low, this.engine.r0High], memory: this.contents() };
    } catch (error) {
      if (!(error instanceof VmFault)) throw error;
      const { code, frames, instruction, access } = error;
      // Each engine has its stack where it wants.
      const isStack = isNearStack(this.memory, access?.address);
      const at = isStack ? 'stack' : access?.address;
      const isLost = !isStack && (access?.region?.kind === 'stack' || access?.region?.kind === 'kernel');
      // Which of an engine's own regions a wild pointer comes closest to is of no interest.
      const message = error.message.replace(isStack ? /0x[\da-f]+/ : isLost ? /: .*/ : '', '');
      const place = access === undefined ? [] : [String(at), access.size, access.write];
      return { fault: { code, message, frames, instruction, place }, memory: this.contents() };
    }
  }

  private contents(): string {
    return this.memory.readBytes(this.context, CONTEXT_BYTES).join();
  }
}

describe('the interpreter and the compiler to WebAssembly', () => {
  it(
    'agree on checked programs, faults included',
    () => {
      const interpreter = new Bench(
        (memory, helpers) => new InterpreterEngine(memory, helpers, { budget: BUDGET }),
      );
      const jit = new Bench(
        (memory, helpers) => new JitEngine(memory, helpers, { checked: true, budget: BUDGET }),
      );
      expect(jit.context).toBe(interpreter.context);
      fc.assert(
        fc.property(arbitraryProgram, (program) => {
          expect(jit.run(program)).toEqual(interpreter.run(program));
        }),
        SAMPLE,
      );
    },
    TIMEOUT,
  );

  it(
    'agree on programs that do not fault when accesses are not checked',
    () => {
      const interpreter = new Bench(
        (memory, helpers) => new InterpreterEngine(memory, helpers, { budget: BUDGET }),
      );
      const unchecked = new Bench((memory, helpers) => new JitEngine(memory, helpers));
      // As the kernel runs verified programs.
      const counted = new Bench(
        (memory, helpers) => new JitEngine(memory, helpers, { checked: true, budget: BUDGET }),
      );
      fc.assert(
        fc.property(arbitraryProgram, (program) => {
          const expected = interpreter.run(program);
          fc.pre(expected.fault === undefined && expected.r0 !== undefined);
          expect(unchecked.run(program)).toEqual(expected);
          expect(counted.run({ ...program, verified: true })).toEqual(expected);
        }),
        SAMPLE,
      );
    },
    TIMEOUT,
  );
});
