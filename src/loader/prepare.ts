/**
 * What has to be linked in one function, whichever program it ends up in: which functions its calls and address loads name,
 * what its other references are, which .BTF.ext records are its own. Rules: bpf_object__reloc_code and
 * adjust_prog_btf_ext_info in tools/lib/bpf/libbpf.c.
 */
import type { BtfExtSection } from '../btf/index.ts';
import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, LD_IMM64_OPCODE, type RawInsn, SLOT_BYTES } from '../isa/index.ts';
import type { OpenFile } from './context.ts';
import type { FunctionCode, Functions } from './functions.ts';
import type { LinkError } from './object-spec.ts';
import {
  CALL_OPCODE,
  type CodeReference,
  type CodeReferences,
  type FunctionReference,
  type KernelReference,
} from './relocations.ts';

/** A call or address load of a function of the file. Places count from the start of the function that holds it. */
export interface FunctionSite {
  readonly at: number;
  readonly target: FunctionCode;
}

/** A reference to something that only a kernel has. */
export interface ReferenceSite {
  readonly at: number;
  readonly to: KernelReference;
}

/** What has to be linked in a function. */
export interface Prepared {
  readonly functions: readonly FunctionSite[];
  readonly references: readonly ReferenceSite[];
  /** Records with positions in the section. */
  readonly ext: BtfExtSection;
}

const NO_RECORDS: BtfExtSection = { funcInfo: [], lineInfo: [], coreRelocs: [] };

/** Prepares functions, each once. */
export class Preparer {
  private readonly functions: Functions;
  private readonly references: CodeReferences;
  private readonly text: number;
  private readonly prepared = new Map<FunctionCode, Prepared | LinkError>();
  /** Records by index of the code section, in order of their places. */
  private readonly records = new Map<number, BtfExtSection>();

  constructor(file: OpenFile, functions: Functions, references: CodeReferences) {
    this.functions = functions;
    this.references = references;
    this.text = file.roles.text?.index ?? 0;
    for (const [name, records] of file.ext) {
      const section = file.sections.get(name);
      if (section !== undefined) this.records.set(section.index, sorted(records));
    }
  }

  prepare(code: FunctionCode): Prepared | LinkError {
    let prepared = this.prepared.get(code);
    if (prepared === undefined) {
      prepared = this.scan(code);
      this.prepared.set(code, prepared);
    }
    return prepared;
  }

  private scan(code: FunctionCode): Prepared | LinkError {
    const functions: FunctionSite[] = [];
    const references: ReferenceSite[] = [];
    const found = this.references.get(code.section.index);
    for (let slot = code.start; slot < code.start + code.count; slot++) {
      const insn = code.sectionInsns[slot];
      const reference = found?.get(slot);
      if (insn === undefined) break;
      const at = slot - code.start;
      if (reference !== undefined && isKernelReference(reference)) {
        if (namesFunction(insn) && (insn.opcode === LD_IMM64_OPCODE || reference.kind !== 'extern'))
          return this.error(
            'link-reference',
            `a function is expected here, not a ${reference.kind}`,
            code,
            at,
          );
        references.push({ at, to: reference });
      } else if (reference !== undefined || namesFunction(insn)) {
        const target = this.targetOf(slot, insn, reference);
        if (typeof target === 'string') return this.error('link-target', target, code, at);
        functions.push({ at, target });
      }
    }
    return { functions, references, ext: this.recordsOf(code) };
  }

  /** The function that a call or address load names, or why there is none. */
  private targetOf(
    slot: number,
    insn: RawInsn,
    reference: FunctionReference | undefined,
  ): FunctionCode | string {
    if (reference === undefined && insn.opcode === LD_IMM64_OPCODE)
      return 'the address of a function is loaded, but no relocation says of which';
    if (reference?.kind === 'call' && !namesFunction(insn))
      return 'the call has fields set that calls of functions do not use';
    // Calls of static functions in the same section come without a relocation: the distance is already there.
    const target =
      reference === undefined
        ? slot + insn.imm + 1
        : reference.kind === 'call'
          ? reference.symbolOffset / SLOT_BYTES + insn.imm + 1
          : (reference.symbolOffset + insn.imm) / SLOT_BYTES;
    const code = this.functions.at(this.text, target);
    if (code === undefined)
      return `no function lies at instruction ${target} of .text; functions that are called must lie there`;
    return code.start === target ? code : `instruction ${target} of .text lies inside of '${code.name}'`;
  }

  private recordsOf(code: FunctionCode): BtfExtSection {
    const records = this.records.get(code.section.index);
    if (records === undefined) return NO_RECORDS;
    const end = code.start + code.count;
    return {
      funcInfo: range(records.funcInfo, code.start, end),
      lineInfo: range(records.lineInfo, code.start, end),
      coreRelocs: range(records.coreRelocs, code.start, end),
    };
  }

  private error(code: string, message: string, where: FunctionCode, at: number): LinkError {
    return { code, message, place: { section: where.section.name, symbol: where.name, insn: at } };
  }
}

function isKernelReference(reference: CodeReference): reference is KernelReference {
  return reference.kind !== 'call' && reference.kind !== 'func';
}

/** Whether an instruction is a bpf-to-bpf call, or marked as loading the address of a function. */
function namesFunction(insn: RawInsn): boolean {
  if (insn.opcode === LD_IMM64_OPCODE) return insn.src === BPF_PSEUDO_FUNC;
  return insn.opcode === CALL_OPCODE && insn.src === BPF_PSEUDO_CALL && insn.dst === 0 && insn.offset === 0;
}

interface Positioned {
  readonly insn: number;
}

function sorted({ funcInfo, lineInfo, coreRelocs }: BtfExtSection): BtfExtSection {
  return { funcInfo: byPlace(funcInfo), lineInfo: byPlace(lineInfo), coreRelocs: byPlace(coreRelocs) };
}

function byPlace<T extends Positioned>(records: readonly T[]): readonly T[] {
  return records.every((record, i) => i === 0 || (records[i - 1]?.insn ?? 0) <= record.insn)
    ? records
    : [...records].sort((a, b) => a.insn - b.insn);
}

/** The records of slots [start, end), by halving: functions are many. */
function range<T extends Positioned>(records: readonly T[], start: number, end: number): T[] {
  return records.slice(firstFrom(records, start), firstFrom(records, end));
}

function firstFrom(records: readonly Positioned[], slot: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle]?.insn ?? 0) < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}
