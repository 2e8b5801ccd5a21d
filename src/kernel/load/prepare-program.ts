/**
 * From a program as BPF_PROG_LOAD is given it to what an engine runs: addresses in the place of descriptors and symbols
 * (resolve_pseudo_ldimm64, convert_pseudo_ld_imm64 and fixup_kfunc_call in kernel/bpf/verifier.c). Knows nothing of objects.
 */
import { Errno, errnoName, SyscallError } from '../../base/errno.ts';
import { LoadError } from '../../base/errors.ts';
import { highHalf, lowHalf } from '../../base/int64.ts';
import type { LineInfo } from '../../btf/index.ts';
import {
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  decodeProgram,
  LD_IMM64_OPCODE,
  linkFunctionPointers,
  type RawInsn,
} from '../../isa/index.ts';
import { helperName } from '../../spec/index.ts';
import type { PreparedProgram, SourceOf } from '../../vm/index.ts';
import type { LiveMap } from '../objects/live-map.ts';
import { CALL_OPCODE, type MissingPart, poisonedCall } from './missing.ts';

/** What is to be readied. */
export interface ProgramCode {
  readonly name: string;
  readonly insns: readonly RawInsn[];
  /** Its functions in order of their starts, the main program's 0 first. */
  readonly functions: readonly { readonly name: string; readonly start: number }[];
  readonly lines: readonly LineInfo[];
  /** What the verifier found, when it accepted the program; without it the program runs checked. */
  readonly verified?: { readonly probeLoads: readonly number[] };
  /** By slot, what the kernel does not have: runs that reach one of these fault with it. */
  readonly missing?: ReadonlyMap<number, MissingPart>;
}

/** What descriptors and type ids stand for. */
export interface RunTargets {
  readonly maps: ReadonlyMap<number, LiveMap>;
  /** Address of a kernel symbol, by its type; `module` counts from 1, 0 is the kernel. Undefined when nothing lies there. */
  readonly symbolAddress: (btfId: number, module: number) => bigint | undefined;
  /** Name of a kernel type, for messages. */
  readonly typeName: (btfId: number, module: number) => string;
}

/** A program that is ready for an engine. */
export interface RunnableProgram {
  readonly prepared: PreparedProgram;
  readonly missing: ReadonlyMap<number, string>;
  /** The maps that it refers to, each once. */
  readonly maps: readonly LiveMap[];
}

/** Calls of kernel functions cannot be run. */
const NO_KFUNC = 2003000000;

/**
 * Readies a program.
 * @throws SyscallError for descriptors that are no maps, or maps without direct values; LoadError for symbols without an address; IsaError
 * for malformed instructions.
 */
export function prepareProgram(code: ProgramCode, targets: RunTargets): RunnableProgram {
  const insns = linkFunctionPointers(code.insns);
  const missing = new Map([...(code.missing ?? [])].map(([slot, { reason }]) => [slot, reason]));
  const maps = new Set<LiveMap>();
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (insn.opcode === CALL_OPCODE && insn.src === BPF_PSEUDO_KFUNC_CALL) {
      const name = targets.typeName(insn.imm, insn.offset);
      insns[slot] = poisonedCall(NO_KFUNC);
      missing.set(slot, `calls of kernel functions cannot be run yet: '${name}'`);
    }
    if (insn.opcode !== LD_IMM64_OPCODE) continue;
    const address = addressOf(insn, insns[slot + 1]?.imm ?? 0, slot, code, targets, maps);
    if (address !== undefined) setImmediate64(insns, slot, address);
    slot++;
  }
  const prepared: PreparedProgram = {
    name: code.name,
    insns: decodeProgram(insns),
    subprogs: code.functions.map(({ start }) => start),
    subprogNames: code.functions.map(({ name }) => name),
    source: sourceOf(code.lines),
    helperName,
    ...(code.verified === undefined ? {} : { verified: true, probeLoads: new Set(code.verified.probeLoads) }),
  };
  return { prepared, missing, maps: [...maps] };
}

/** What a ld_imm64 gives at run time; undefined for a plain number or a function of the program. */
function addressOf(
  insn: RawInsn,
  high: number,
  slot: number,
  code: ProgramCode,
  targets: RunTargets,
  maps: Set<LiveMap>,
): bigint | undefined {
  const place = { program: code.name, insn: slot };
  switch (insn.src) {
    case BPF_PSEUDO_MAP_FD:
    case BPF_PSEUDO_MAP_VALUE: {
      const live = targets.maps.get(insn.imm);
      if (live === undefined)
        throw new SyscallError(Errno.EBADF, `descriptor ${insn.imm} is no map's`, place);
      maps.add(live);
      return insn.src === BPF_PSEUDO_MAP_FD ? BigInt(live.map.address) : directValue(live, high >>> 0, place);
    }
    case BPF_PSEUDO_BTF_ID: {
      const address = targets.symbolAddress(insn.imm, high);
      if (address !== undefined) return address;
      const symbol = targets.typeName(insn.imm, high);
      const message = `nothing lies behind the kernel symbol '${symbol}' here; give its address in the ksyms option`;
      throw new LoadError('extern-not-resolved', message, { ...place, symbol });
    }
    default:
      return undefined;
  }
}

function directValue(live: LiveMap, offset: number, place: { program: string; insn: number }): bigint {
  const address = live.map.directValue?.(offset) ?? -Errno.ENOTSUPP;
  if (address >= 0) return BigInt(address);
  const { name } = live.map.attr;
  const why = `map '${name}' gives no address for offset ${offset} (${errnoName(address)})`;
  throw new LoadError('no-direct-value', why, { ...place, map: name });
}

/** Makes a ld_imm64 load this number. */
function setImmediate64(insns: RawInsn[], slot: number, value: bigint): void {
  insns[slot] = { ...insns[slot]!, src: 0, imm: lowHalf(value) };
  const second = insns[slot + 1];
  if (second !== undefined) insns[slot + 1] = { ...second, imm: highHalf(value) };
}

/** Finds the line record of an instruction: the last one at or before it. */
function sourceOf(lines: readonly LineInfo[]): SourceOf {
  return (slot) => {
    let low = 0;
    let high = lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lines[middle]!.insn <= slot) low = middle + 1;
      else high = middle;
    }
    return lines[low - 1];
  };
}
