/**
 * What a run that went wrong says: which instruction, how the program came there, and what the address it used belongs to or
 * missed.
 */
import { BpfError } from '../base/errors.ts';
import { disassembleInsn, encodeInsn } from '../isa/index.ts';
import type { PreparedProgram } from './abi.ts';
import { FIRST_ADDRESS, type Memory } from './memory.ts';
import { describeRegion, describeRelation, isWithin, type Region } from './regions.ts';

/** Kinds of faults; stable. */
export type FaultCode =
  | 'invalid-read'
  | 'invalid-write'
  | 'invalid-pointer'
  | 'call-too-deep'
  | 'bad-function-pointer'
  | 'unknown-helper'
  | 'helper-failed'
  | 'no-packet'
  | 'bad-instruction'
  | 'fell-off-end'
  | 'budget-exhausted';

/** One function on the call stack. */
export interface FaultFrame {
  readonly program: string;
  readonly subprog: string;
  /** Slot of the instruction that was running: the faulting one, or the call. */
  readonly slot: number;
  readonly source?: string;
}

/** The memory access that a fault is about. */
export interface FaultAccess {
  /** All 64 bits of the address. */
  readonly address: bigint;
  readonly size: number;
  readonly write: boolean;
  /** The region that holds the address or lies closest to it; none for addresses that no region is near: NULL, beyond memory. */
  readonly region?: Region;
}

/** What a fault knows beside its message. */
export interface FaultDetails {
  /** From the faulting function outwards to the program's entry. */
  readonly frames: readonly FaultFrame[];
  /** The instruction as the kernel's log prints it. */
  readonly instruction: string;
  readonly sourceText?: string;
  readonly access?: FaultAccess;
  readonly cause?: unknown;
}

/** A program did what it must not do. The run is over. */
export class VmFault extends BpfError {
  declare readonly code: FaultCode;
  readonly frames: readonly FaultFrame[];
  readonly instruction: string;
  /** The source line, when the program has line information. */
  readonly sourceText: string | undefined;
  readonly access: FaultAccess | undefined;

  constructor(code: FaultCode, message: string, details: FaultDetails) {
    const top = details.frames[0];
    super(code, message, {
      ...(top === undefined ? {} : { program: top.program, insn: top.slot }),
      ...(top?.source === undefined ? {} : { source: top.source }),
    });
    if (details.cause !== undefined) this.cause = details.cause;
    this.frames = details.frames;
    this.instruction = details.instruction;
    this.sourceText = details.sourceText;
    this.access = details.access;
  }

  /** Several lines for people: place and message, the instruction, its source, who called. */
  report(): string {
    const lines = [this.describe(), `  ${this.place.insn ?? 0}: ${this.instruction}`];
    if (this.sourceText !== undefined) lines.push(`  ; ${this.sourceText.trim()}`);
    for (const frame of this.frames) {
      const source = frame.source === undefined ? '' : ` (${frame.source})`;
      lines.push(`  in ${frame.subprog} at insn ${frame.slot}${source}`);
    }
    return lines.join('\n');
  }
}

/** Makes the fault of the instruction at the innermost frame's slot. */
export function makeFault(
  code: FaultCode,
  message: string,
  program: PreparedProgram,
  frames: readonly FaultFrame[],
  more: Pick<FaultDetails, 'access' | 'cause'>,
): VmFault {
  const slot = frames[0]?.slot ?? 0;
  const text = program.source?.(slot)?.text;
  const instruction = instructionText(program, slot);
  return new VmFault(code, message, {
    frames,
    instruction,
    ...(text === undefined ? {} : { sourceText: text }),
    ...more,
  });
}

/** The frame entry for one function of a program. */
export function frameAt(program: PreparedProgram, slot: number): FaultFrame {
  let index = 0;
  while (index + 1 < program.subprogs.length && program.subprogs[index + 1]! <= slot) index++;
  const line = program.source?.(slot);
  return {
    program: program.name,
    subprog: program.subprogNames[index] ?? program.name,
    slot,
    ...(line === undefined ? {} : { source: `${line.file}:${line.line}` }),
  };
}

/** The instruction at a slot as the kernel's log prints it. */
function instructionText(program: PreparedProgram, slot: number): string {
  const insn = program.insns[slot];
  if (insn === undefined) return 'no instruction';
  const { helperName } = program;
  const names = helperName === undefined ? {} : { names: { helper: helperName } };
  return disassembleInsn(encodeInsn(insn), 0, names);
}

/** Describes an access that memory does not allow. */
export function describeAccess(
  memory: Memory,
  address: bigint,
  size: number,
  write: boolean,
): { readonly message: string; readonly access: FaultAccess } {
  const where = Number(address);
  const isInside = address >= BigInt(FIRST_ADDRESS) && address < BigInt(memory.size);
  const region = isInside ? memory.nearestRegion(where) : undefined;
  const access = { address, size, write, ...(region === undefined ? {} : { region }) };
  const what = `invalid ${write ? 'write' : 'read'} of ${size} byte${size === 1 ? '' : 's'} at 0x${address.toString(16)}`;
  return { message: `${what}: ${reasonOf(memory, address, size, write, region)}`, access };
}

function reasonOf(
  memory: Memory,
  address: bigint,
  size: number,
  write: boolean,
  region: Region | undefined,
): string {
  if (address < BigInt(FIRST_ADDRESS)) {
    return address === 0n ? 'a NULL pointer' : `${address} bytes from a NULL pointer`;
  }
  if (address >= BigInt(memory.size)) return 'no pointer; memory ends before it';
  const at = Number(address);
  if (region === undefined) return 'nothing is mapped there';
  if (!isWithin(at, size, region)) return describeRelation(at, size, region);
  if (write && memory.isReadable(at, size)) return `${describeRegion(region)} is read-only here`;
  return `${describeRelation(at, size, region)}, a part that is not in use`;
}
