/**
 * Turns what went wrong in compiled code into the faults that every engine throws. A fault is made either while the program is still on the
 * stack, by a function that it calls, or afterwards, from the error that WebAssembly or a helper threw.
 */
import { BpfError } from '../../base/errors.ts';
import { u64FromHalves } from '../../base/int64.ts';
import type { Insn } from '../../isa/index.ts';
import type { HelperEntry } from '../abi.ts';
import { MAX_CALL_FRAMES } from '../engine.ts';
import { describeAccess, type FaultAccess, type FaultCode, frameAt, makeFault, VmFault } from '../fault.ts';
import type { Memory } from '../memory.ts';
import { wasm } from '../wasm/platform.ts';
import type { CompiledCode } from './compile.ts';
import { FaultNumber } from './context.ts';
import { framesOf, type Traced, traceHere } from './positions.ts';

/** A program whose runs may fault. */
export interface Culprit extends Traced {
  readonly code: CompiledCode;
}

interface Origin {
  /** Which run it belongs to. */
  readonly run: number;
  /** That run's frames are on the fault's own stack. */
  readonly duringRun: boolean;
}

interface More {
  readonly access?: FaultAccess;
  readonly cause?: unknown;
}

export class Faults {
  private readonly memory: Memory;
  private readonly origins = new WeakMap<VmFault, Origin>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A fault of the program that calls this, at a slot. */
  at(
    culprit: Culprit,
    run: number,
    slot: number | undefined,
    code: FaultCode,
    message: string,
    more: More = {},
  ): VmFault {
    const frames = framesOf(traceHere(), [culprit], 0);
    if (slot !== undefined) frames[0] = frameAt(culprit.program, slot);
    if (frames.length === 0) frames.push(frameAt(culprit.program, 0));
    const fault = makeFault(code, message, culprit.program, frames, more);
    this.origins.set(fault, { run, duringRun: true });
    return fault;
  }

  /** The fault that compiled code reports by number, with a register in the upper bits. */
  numbered(culprit: Culprit, run: number, which: number, slot: number, lo: number, hi: number): VmFault {
    const reg = which >> 8;
    const insn = culprit.program.insns[slot];
    const value = `0x${u64FromHalves(lo, hi).toString(16)}`;
    switch (which & 0xff) {
      case FaultNumber.TOO_DEEP:
        return this.tooDeep(culprit, run, slot);
      case FaultNumber.UNKNOWN_CALL:
        return this.at(culprit, run, slot, 'unknown-helper', `there is no ${nameOfCall(insn)}`);
      case FaultNumber.FUNCTION_POINTER:
        return this.at(
          culprit,
          run,
          slot,
          'bad-function-pointer',
          `${value} in r${reg} is no function of this program`,
        );
      case FaultNumber.POINTER: {
        const name = calledEntry(culprit, insn)?.name ?? 'the helper';
        return this.at(
          culprit,
          run,
          slot,
          'invalid-pointer',
          `r${reg} of ${name} is ${value}, which is no pointer`,
        );
      }
      case FaultNumber.NO_PACKET:
        return this.at(culprit, run, slot, 'no-packet', 'there is no packet for legacy packet access here');
      default:
        return this.at(culprit, run, slot, 'fell-off-end', 'the program runs past its last instruction');
    }
  }

  tooDeep(culprit: Culprit, run: number, slot?: number): VmFault {
    return this.at(
      culprit,
      run,
      slot,
      'call-too-deep',
      `calls nest deeper than ${MAX_CALL_FRAMES} functions`,
    );
  }

  access(
    culprit: Culprit,
    run: number,
    slot: number,
    address: bigint,
    size: number,
    write: boolean,
  ): VmFault {
    const { message, access } = describeAccess(this.memory, address, size, write);
    return this.at(culprit, run, slot, write ? 'invalid-write' : 'invalid-read', message, { access });
  }

  /**
   * What a run throws for an error that ended it: the error itself when it is this run's fault already or a bug. `culprits`: the programs
   * that the run went through.
   */
  ofRun(error: unknown, culprits: readonly Culprit[], run: number): unknown {
    const origin = error instanceof VmFault ? this.origins.get(error) : undefined;
    if (origin?.run === run) return error;
    const skipRuns = origin?.duringRun === true ? 1 : 0;
    const frames = framesOf(error, culprits, skipRuns);
    const culprit = culprits.find(({ program }) => program.name === frames[0]?.program) ?? culprits[0];
    if (culprit === undefined) return error;
    if (frames.length === 0) frames.push(frameAt(culprit.program, 0));
    const described = this.describe(error, culprit, culprit.program.insns[frames[0]!.slot]);
    if (described === undefined) return error;
    const fault = makeFault(described.code, described.message, culprit.program, frames, { cause: error });
    this.origins.set(fault, { run, duringRun: false });
    return fault;
  }

  private describe(
    error: unknown,
    culprit: Culprit,
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
}

/** The table entry that a call instruction calls. */
function calledEntry(culprit: Culprit, insn: Insn | undefined): HelperEntry | undefined {
  return culprit.code.calls.find(({ target }) =>
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
