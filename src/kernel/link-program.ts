/**
 * From a program's spec to what an engine runs: CO-RE against the kernel's types, then map addresses, symbols and options in the
 * place of references (bpf_object__relocate and bpf_object__resolve_externs in tools/lib/bpf/libbpf.c).
 */
import { Errno, errnoName } from '../base/errno.ts';
import { BpfError, LoadError } from '../base/errors.ts';
import { highHalf, lowHalf } from '../base/int64.ts';
import { type Btf, CoreRelocator } from '../btf/index.ts';
import { decodeProgram, linkFunctionPointers, type RawInsn } from '../isa/index.ts';
import type { ExternSpec, ObjectSpec, ProgramSpec, Reference } from '../loader/index.ts';
import type { PreparedProgram, SourceOf } from '../vm/index.ts';
import type { LiveMap } from './live-map.ts';

/** What references resolve to. */
export interface LinkEnvironment {
  /** The object's maps, in the order of its spec. */
  readonly maps: readonly LiveMap[];
  /** Addresses of kernel symbols by name, for `.ksyms` externs. */
  readonly ksyms: Readonly<Record<string, bigint>>;
  /** The kernel's types, then those of its modules. */
  readonly kernelTypes: readonly Btf[];
}

/** A program that is ready for an engine. */
export interface LinkedProgram {
  readonly prepared: PreparedProgram;
  /** By slot, what the kernel does not have: a run that reaches one of these instructions faults. */
  readonly missing: ReadonlyMap<number, string>;
  /** The maps that it refers to, each once. */
  readonly maps: readonly LiveMap[];
}

/** BPF_JMP | BPF_CALL. */
const CALL = 0x85;

/** The helper number that stands for a weak kernel function that is not there: POISON_CALL_KFUNC_BASE of libbpf. */
const UNRESOLVED_KFUNC = 2002000000;

/** Links the programs of one object. */
export class ProgramLinker {
  private readonly object: ObjectSpec;
  private readonly env: LinkEnvironment;
  /** One for all programs of an object: it narrows down candidates from record to record. */
  private readonly relocator: CoreRelocator | undefined;

  constructor(object: ObjectSpec, env: LinkEnvironment) {
    this.object = object;
    this.env = env;
    this.relocator = object.btf === undefined ? undefined : new CoreRelocator(object.btf, env.kernelTypes);
  }

  /**
   * @throws LoadError when something is missing; BtfError for malformed CO-RE records; IsaError for malformed instructions. All name
   * the program.
   */
  link(spec: ProgramSpec): LinkedProgram {
    if (spec.linkError !== undefined) {
      const { code, message, place } = spec.linkError;
      throw new LoadError(code, message, place);
    }
    try {
      const missing = new Map<number, string>();
      const insns = this.relocate(spec, missing);
      for (const reference of spec.references) this.resolve(spec, reference, insns, missing);
      const prepared: PreparedProgram = {
        name: spec.name,
        insns: decodeProgram(linkFunctionPointers(insns)),
        subprogs: spec.subprogs.map((subprog) => subprog.start),
        subprogNames: spec.subprogs.map((subprog) => subprog.name),
        source: sourceOf(spec),
      };
      return { prepared, missing, maps: this.mapsOf(spec) };
    } catch (error) {
      throw error instanceof BpfError ? withProgram(error, spec.name) : error;
    }
  }

  private mapsOf(spec: ProgramSpec): LiveMap[] {
    const indices = spec.references.flatMap((reference) =>
      reference.kind === 'extern' ? [] : [reference.mapIndex],
    );
    return [...new Set(indices)].map((index) => this.env.maps[index]!);
  }

  private relocate(spec: ProgramSpec, missing: Map<number, string>): RawInsn[] {
    if (this.relocator === undefined || spec.coreRelocs.length === 0) return spec.insns.slice();
    const { insns, poisoned } = this.relocator.apply(spec.insns, spec.coreRelocs);
    for (const { insn, missing: what } of poisoned) {
      missing.set(
        insn,
        `the kernel's types have no match for ${what}; ask for it with bpf_core_field_exists first`,
      );
    }
    return insns.slice();
  }

  /** Puts what a reference stands for into its instruction. */
  private resolve(
    spec: ProgramSpec,
    reference: Reference,
    insns: RawInsn[],
    missing: Map<number, string>,
  ): void {
    switch (reference.kind) {
      case 'map':
        setImmediate64(insns, reference.insn, BigInt(this.env.maps[reference.mapIndex]!.map.address));
        return;
      case 'map-value': {
        const { map, mapIndex, offset, insn } = reference;
        const address = this.env.maps[mapIndex]!.map.directValue?.(offset) ?? -Errno.ENOTSUPP;
        if (address < 0) {
          const why = `map '${map}' gives no address for offset ${offset} (${errnoName(address)})`;
          throw new LoadError('no-direct-value', why, { program: spec.name, map, insn });
        }
        setImmediate64(insns, insn, BigInt(address));
        return;
      }
      case 'extern': {
        const extern = this.object.externs.find((candidate) => candidate.name === reference.name);
        this.resolveExtern(spec, reference.insn, reference.name, extern, insns, missing);
      }
    }
  }

  private resolveExtern(
    spec: ProgramSpec,
    slot: number,
    name: string,
    extern: ExternSpec | undefined,
    insns: RawInsn[],
    missing: Map<number, string>,
  ): void {
    const place = { program: spec.name, insn: slot, symbol: name };
    const { ksyms } = this.env;
    const known = Object.hasOwn(ksyms, name) ? ksyms[name] : undefined;
    const weak = extern?.weak === true;
    if (insns[slot]?.opcode === CALL) {
      if (!weak)
        throw new LoadError('unsupported-kfunc', `this kernel has no kernel function '${name}'`, place);
      // As libbpf leaves it: the call may stand there, but must not be reached.
      insns[slot] = { ...insns[slot], src: 0, offset: 0, imm: UNRESOLVED_KFUNC };
      missing.set(
        slot,
        `this kernel has no kernel function '${name}', which is __weak; test its address first`,
      );
      return;
    }
    if (known === undefined && !weak) {
      const hint = 'give its address in the ksyms option, or declare it __weak';
      throw new LoadError('extern-not-resolved', `this kernel has no symbol '${name}'; ${hint}`, place);
    }
    setImmediate64(insns, slot, known ?? 0n);
  }
}

/** Makes a ld_imm64 load this number. */
function setImmediate64(insns: RawInsn[], slot: number, value: bigint): void {
  insns[slot] = { ...insns[slot]!, src: 0, imm: lowHalf(value) };
  insns[slot + 1] = { ...insns[slot + 1]!, imm: highHalf(value) };
}

/** The same error, naming the program too. */
function withProgram(error: BpfError, program: string): BpfError {
  const Kind = error.constructor as new (code: string, message: string, place: BpfError['place']) => BpfError;
  return new Kind(error.code, error.message, { program, ...error.place });
}

/** Finds the line record of an instruction: the last one at or before it. */
function sourceOf(spec: ProgramSpec): SourceOf {
  const { lineInfo } = spec;
  return (slot) => {
    let low = 0;
    let high = lineInfo.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lineInfo[middle]!.insn <= slot) low = middle + 1;
      else high = middle;
    }
    return lineInfo[low - 1];
  };
}
