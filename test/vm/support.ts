/** What the tests of the vm share: programs from assembly text, small helper tables, and one call to run a program to its end. */
import { i64FromHalves, u64FromHalves } from '../../src/base/int64.ts';
import {
  assembleProgram,
  decodeProgram,
  type Insn,
  linkFunctionPointers,
  subprogStarts,
} from '../../src/isa/index.ts';
import {
  type HelperEntry,
  type HelperTable,
  Interpreter,
  Memory,
  type PreparedProgram,
  VmFault,
} from '../../src/vm/index.ts';

/** A program of assembly text. Labels in front of functions name the subprograms; helpers are called by their names in `helpers`. */
export function program(text: string, helpers: HelperTable = helperTable()): PreparedProgram {
  const { raws, labels } = assembleProgram(text, {
    resolveCall: (name) => {
      const entry = helpers.entries.find((candidate) => candidate?.name === name);
      return entry === undefined ? undefined : { kind: 'call-helper', id: entry.id };
    },
  });
  const insns = decodeProgram(linkFunctionPointers(raws));
  const subprogs = subprogStarts(insns);
  const nameAt = new Map([...labels].map(([name, slot]) => [slot, name]));
  return {
    name: 'test',
    insns,
    subprogs,
    subprogNames: subprogs.map((slot) => nameAt.get(slot) ?? (slot === 0 ? 'test' : `subprog_${slot}`)),
  };
}

/** A program of one instruction list without subprograms. */
export function programOf(insns: readonly (Insn | undefined)[]): PreparedProgram {
  return { name: 'test', insns, subprogs: [0], subprogNames: ['test'] };
}

/** A helper table of these entries. */
export function helperTable(...entries: HelperEntry[]): HelperTable {
  const byId: (HelperEntry | undefined)[] = [];
  for (const entry of entries) byId[entry.id] = entry;
  return { entries: byId, high: 0 };
}

/** The helper `tail_call(ctx, map, index)`, which goes on with the program that `target` gives. */
export function tailCallHelper(
  target: (map: number, index: number) => PreparedProgram | undefined,
): HelperEntry {
  return {
    id: 12,
    name: 'tail_call',
    args: ['ptr', 'ptr', 'u32'],
    returns: 'int',
    kind: 'tail-call',
    target,
  };
}

/** A helper `lookup(map, key)` whose work compiled programs do in line as `inline` says; called, it answers `called`. */
export function lookupHelper(inline: HelperEntry['inline'], called = -1): HelperEntry {
  return {
    id: 1,
    name: 'lookup',
    args: ['ptr', 'ptr'],
    returns: 'ptr',
    kind: 'plain',
    call: () => called,
    ...(inline === undefined ? {} : { inline }),
  };
}

/**
 * A helper `loop(count, callback, context, flags)`: calls back with the index and the context, until `ends` says so of what the callback
 * returned. Returns the number of calls.
 */
export function loopHelper(id: number, ends: (lo: number) => boolean = (lo) => lo !== 0): HelperEntry {
  return {
    id,
    name: 'loop',
    args: ['u32', 'ptr', 'ptr', 'u64'],
    returns: 'int',
    kind: 'callback',
    start: (count, callback, context) => {
      let index = 0;
      let stopped = false;
      return {
        callback,
        next: (args) => {
          if (stopped || index >= count) return false;
          args.fill(0);
          args[0] = index++;
          args[2] = context;
          return true;
        },
        returned: (lo) => {
          stopped = ends(lo);
        },
        result: () => index,
      };
    },
  };
}

export interface Setup {
  readonly memory?: Memory;
  readonly helpers?: HelperTable;
  readonly r1?: number;
  readonly r2?: number;
}

/** Runs a program to its end and gives r0 as an unsigned 64-bit number. A fault is thrown. */
export function run(prepared: PreparedProgram, setup: Setup = {}): bigint {
  const interpreter = new Interpreter(setup.memory ?? new Memory(), setup.helpers ?? helperTable());
  interpreter.start(prepared, setup.r1 ?? 0, setup.r2 ?? 0);
  const status = interpreter.run();
  interpreter.dispose();
  switch (status.kind) {
    case 'exited':
      return u64FromHalves(status.r0Low, status.r0High);
    case 'faulted':
      throw status.fault;
    case 'paused':
      throw new Error('an unlimited run paused');
  }
}

/** Runs assembly text; r0 as a signed 64-bit number. */
export function runText(text: string, setup: Setup = {}): bigint {
  return BigInt.asIntN(64, run(program(text, setup.helpers), setup));
}

/** The fault that running the text ends with. */
export function faultOf(text: string, setup: Setup = {}): VmFault {
  try {
    runText(text, setup);
  } catch (error) {
    if (error instanceof VmFault) return error;
    throw error;
  }
  throw new Error('the program did not fault');
}

/** A register of a paused interpreter as a signed 64-bit number. */
export function register(interpreter: Interpreter, number: number): bigint {
  const regs = interpreter.registers;
  return i64FromHalves(regs[2 * number]!, regs[2 * number + 1]!);
}
