/**
 * Turns what went wrong in compiled code into the faults that every engine throws. A fault is made either while the program is still on the
 * stack, by a function that it calls, or afterwards, from the error that WebAssembly or a helper threw.
 */
import { BpfError } from '../../base/errors.ts';
import type { Insn } from '../../isa/index.ts';
import type { HelperEntry } from '../abi.ts';
import { MAX_CALL_FRAMES } from '../engine.ts';
import { describeAccess, type FaultAccess, type FaultCode, frameAt, makeFault, VmFault } from '../fault.ts';
import type { Memory } from '../memory.ts';
import { wasm } from '../wasm/platform.ts';
import { FaultNumber } from './context.ts';
import { type Traced, traceOf } from './positions.ts';

/** The run in which something went wrong. */
export interface FaultyRun {
  /** How many runs it is inside of, itself counted. */
  readonly level: number;
  /** The program that was started. */
  readonly first: Traced | undefined;
  /** Programs that tail calls went to, of outer runs too. */
  readonly tailed: readonly Traced[];
}

/** Where a fault is made while its program is on the stack. */
export interface FaultSite {
  readonly culprit: Traced;
  readonly run: FaultyRun;
  /** The instruction; by default the one at which the program stands by the platform's stack. */
  readonly slot?: number;
}

interface Origin {
  /** Level of the run that it belongs to. */
  readonly level: number;
  /** That run's frames are on the fault's own stack. */
  readonly duringRun: boolean;
}

interface More {
  readonly access?: FaultAccess;
  readonly cause?: unknown;
}

/** Makes the faults of one engine. */
export class Faults {
  private readonly memory: Memory;
  private readonly origins = new WeakMap<VmFault, Origin>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A fault of the program that calls this. */
  at({ culprit, run, slot }: FaultSite, code: FaultCode, message: string, more: More = {}): VmFault {
    const { frames } = traceOf(new Error('trace'), [run.first ?? culprit, ...run.tailed], 0);
    if (slot !== undefined) frames[0] = frameAt(culprit.program, slot);
    if (frames.length === 0) frames.push(frameAt(culprit.program, 0));
    const fault = makeFault(code, message, culprit.program, frames, more);
    this.origins.set(fault, { level: run.level, duringRun: true });
    return fault;
  }

  /** The fault that compiled code reports by number, with a register in the upper bits, and what that register holds. */
  numbered(site: FaultSite & { readonly slot: number }, which: number, value: bigint): VmFault {
    const reg = which >> 8;
    const { culprit, slot } = site;
    const insn = culprit.program.insns[slot];
    const text = `0x${value.toString(16)}`;
    switch (which & 0xff) {
      case FaultNumber.TOO_DEEP:
        return this.tooDeep(site);
      case FaultNumber.UNKNOWN_CALL:
        return this.at(site, 'unknown-helper', `there is no ${nameOfCall(insn)}`);
      case FaultNumber.FUNCTION_POINTER:
        return this.at(site, 'bad-function-pointer', `${text} in r${reg} is no function of this program`);
      case FaultNumber.POINTER: {
        const name = calledEntry(culprit, insn)?.name ?? 'the helper';
        return this.at(site, 'invalid-pointer', `r${reg} of ${name} is ${text}, which is no pointer`);
      }
      case FaultNumber.NO_PACKET:
        return this.at(site, 'no-packet', 'there is no packet for legacy packet access here');
      default:
        return this.at(site, 'fell-off-end', 'the program runs past its last instruction');
    }
  }

  tooDeep(site: FaultSite): VmFault {
    return this.at(site, 'call-too-deep', `calls nest deeper than ${MAX_CALL_FRAMES} functions`);
  }

  /** The fault of an access that memory does not allow. */
  access(site: FaultSite, { address, size, write }: Omit<FaultAccess, 'region'>): VmFault {
    const { message, access } = describeAccess(this.memory, address, size, write);
    return this.at(site, write ? 'invalid-write' : 'invalid-read', message, { access });
  }

  /** What a run throws for an error that ended it: the error itself when it is this run's fault already or a bug. */
  ofRun(error: unknown, { level, first, tailed }: FaultyRun): unknown {
    const origin = error instanceof VmFault ? this.origins.get(error) : undefined;
    if (origin?.level === level || first === undefined) return error;
    const skipRuns = origin?.duringRun === true ? 1 : 0;
    const { frames, innermost: culprit = first } = traceOf(error, [first, ...tailed], skipRuns);
    if (frames.length === 0) frames.push(frameAt(culprit.program, 0));
    const described = describe(error, culprit, culprit.program.insns[frames[0]!.slot]);
    if (described === undefined) return error;
    const fault = makeFault(described.code, described.message, culprit.program, frames, { cause: error });
    this.origins.set(fault, { level, duringRun: false });
    return fault;
  }
}

/** Code and message for what a helper or WebAssembly threw; undefined for bugs. */
function describe(
  error: unknown,
  culprit: Traced,
  insn: Insn | undefined,
): { readonly code: FaultCode; readonly message: string } | undefined {
  if (error instanceof BpfError) {
    const name = calledEntry(culprit, insn)?.name ?? 'the helper';
    return { code: 'helper-failed', message: `${name}: ${error.message}` };
  }
  if (error instanceof RangeError)
    return { code: 'call-too-deep', message: 'calls use up the stack of the platform' };
  if (!(error instanceof wasm.RuntimeError)) return undefined;
  if (insn?.kind === 'store' || insn?.kind === 'atomic') {
    return { code: 'invalid-write', message: `invalid write of ${insn.size} bytes outside memory` };
  }
  const size = insn?.kind === 'load' ? `${insn.size} bytes ` : '';
  return { code: 'invalid-read', message: `invalid read of ${size}outside memory` };
}

/** The table entry that a call instruction calls. */
function calledEntry({ code }: Traced, insn: Insn | undefined): HelperEntry | undefined {
  return code.calls.find(({ target }) =>
    insn?.kind === 'call-helper'
      ? target.kind === 'helper' && target.id === insn.id
      : insn?.kind === 'call-kfunc' &&
        target.kind === 'kfunc' &&
        target.btfId === insn.btfId &&
        target.module === insn.module,
  )?.entry;
}

function nameOfCall(insn: Insn | undefined): string {
  if (insn?.kind === 'call-kfunc') return `kernel function with BTF id ${insn.btfId}`;
  return `helper ${insn?.kind === 'call-helper' ? insn.id : '?'}`;
}
