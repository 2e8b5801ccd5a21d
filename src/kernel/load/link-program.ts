/**
 * libbpf's part of a load, for one program: CO-RE against the kernel's types, then descriptors, symbols and type ids in the place of
 * references (bpf_object__relocate, bpf_object__relocate_data and libbpf_prepare_prog_load in tools/lib/bpf/libbpf.c). What comes out
 * is what BPF_PROG_LOAD is given; prepare-program.ts readies it for an engine.
 */
import { BpfError, LoadError } from '../../base/errors.ts';
import { highHalf, lowHalf } from '../../base/int64.ts';
import { CoreRelocator } from '../../btf/index.ts';
import { BPF_PSEUDO_BTF_ID, BPF_PSEUDO_KFUNC_CALL, type RawInsn } from '../../isa/index.ts';
import {
  nearestSectionName,
  type ObjectSpec,
  type ProgramSpec,
  programMeaning,
  type Reference,
} from '../../loader/index.ts';
import { BpfProgType as P } from '../../spec/index.ts';
import {
  type ExternTarget,
  findAttachTarget,
  type KernelType,
  resolveExtern,
  type SymbolSources,
} from './kernel-symbols.ts';
import { CALL_OPCODE, type MissingPart, missingField, missingKfunc, missingMap } from './missing.ts';
import { structOpsTarget } from './struct-ops-target.ts';

/** What references resolve to. */
export interface LinkEnvironment extends SymbolSources {
  /** The object's own types stand in for those that the kernel's lack: for kernels that have but a few. */
  readonly ownTypes: boolean;
}

/** What a program attaches to, in the terms of BPF_PROG_LOAD. */
export interface AttachAttributes {
  readonly attachType: number;
  /** The type that it attaches to; undefined for programs that attach otherwise. */
  readonly target?: KernelType;
  /** It attaches to another program. */
  readonly attachProgram?: boolean;
}

/** A program as BPF_PROG_LOAD is given it. Map references name descriptors: `mapFd(index)`. */
export interface LinkedProgram {
  readonly insns: readonly RawInsn[];
  /** By slot, what the kernel does not have: calls of helpers that do not exist stand there. */
  readonly missing: ReadonlyMap<number, MissingPart>;
}

/** The first descriptor that a process gets beside its standard streams. */
const FIRST_FD = 3;

/** The descriptor that stands for a map, by its index in the object's `maps`. */
export function mapFd(mapIndex: number): number {
  return FIRST_FD + mapIndex;
}

/** Links the programs of one object. */
export class ProgramLinker {
  private readonly object: ObjectSpec;
  private readonly env: LinkEnvironment;
  /** One for all programs of an object: it narrows down candidates from record to record. */
  private readonly relocator: CoreRelocator | undefined;
  private readonly externs = new Map<string, ExternTarget>();

  constructor(object: ObjectSpec, env: LinkEnvironment) {
    this.object = object;
    this.env = env;
    const { btf } = object;
    if (btf !== undefined)
      this.relocator = new CoreRelocator(btf, env.ownTypes ? [...env.kernelTypes, btf] : env.kernelTypes);
  }

  /**
   * @throws LoadError when something is missing; BtfError for malformed CO-RE records; IsaError for malformed instructions. All name
   * the program.
   */
  link(spec: ProgramSpec): LinkedProgram {
    checkByteOrder(this.object);
    if (spec.linkError !== undefined) {
      const { code, message, place } = spec.linkError;
      throw new LoadError(code, message, place);
    }
    try {
      const missing = new Map<number, MissingPart>();
      const insns = this.relocate(spec, missing);
      for (const reference of spec.references) this.resolve(reference, insns, missing);
      return { insns, missing };
    } catch (error) {
      throw error instanceof BpfError ? withProgram(error, spec.name) : error;
    }
  }

  /**
   * What the section name, or a struct_ops variable, says about where to attach (libbpf_prepare_prog_load).
   * @throws LoadError when that says too little, or the kernel's types do not have it.
   */
  attachment(spec: ProgramSpec): AttachAttributes {
    try {
      return this.findAttachment(spec);
    } catch (error) {
      throw error instanceof BpfError ? withProgram(error, spec.name) : error;
    }
  }

  private relocate(spec: ProgramSpec, missing: Map<number, MissingPart>): RawInsn[] {
    if (this.relocator === undefined || spec.coreRelocs.length === 0) return spec.insns.slice();
    const { insns, poisoned } = this.relocator.apply(spec.insns, spec.coreRelocs);
    for (const { insn, missing: what } of poisoned) missing.set(insn, missingField(what));
    return insns.slice();
  }

  /** Puts what a reference stands for into its instruction. */
  private resolve(reference: Reference, insns: RawInsn[], missing: Map<number, MissingPart>): void {
    if (reference.kind === 'extern') {
      this.resolveSymbol(reference.insn, reference.name, insns, missing);
      return;
    }
    const { insn, mapIndex, map } = reference;
    if (this.object.maps[mapIndex]?.autocreate !== false) {
      insns[insn] = { ...insns[insn]!, imm: mapFd(mapIndex) };
      return;
    }
    const { insn: poison, part } = missingMap(mapIndex, map);
    for (const slot of [insn, insn + 1]) {
      insns[slot] = poison;
      missing.set(slot, part);
    }
  }

  private resolveSymbol(
    slot: number,
    name: string,
    insns: RawInsn[],
    missing: Map<number, MissingPart>,
  ): void {
    const index = this.object.externs.findIndex((extern) => extern.name === name);
    const target = this.externTarget(index, name, slot);
    if (insns[slot]?.opcode !== CALL_OPCODE) {
      setImmediate(insns, slot, target);
      return;
    }
    if (target.kind === 'btf') {
      const { id, module } = target.type;
      insns[slot] = { ...insns[slot], src: BPF_PSEUDO_KFUNC_CALL, imm: id, offset: module };
      return;
    }
    // The call may stand there, but must not be reached.
    const { insn, part } = missingKfunc(index, name);
    insns[slot] = insn;
    missing.set(slot, part);
  }

  private externTarget(index: number, name: string, slot: number): ExternTarget {
    const known = this.externs.get(name);
    if (known !== undefined) return known;
    const extern = this.object.externs[index];
    if (extern === undefined)
      throw new LoadError('extern-not-resolved', `nothing declares '${name}'`, { symbol: name, insn: slot });
    try {
      const target = resolveExtern(this.object.btf, extern, index, this.env);
      this.externs.set(name, target);
      return target;
    } catch (error) {
      throw error instanceof LoadError
        ? new LoadError(error.code, error.message, { insn: slot, ...error.place })
        : error;
    }
  }

  private findAttachment(spec: ProgramSpec): AttachAttributes {
    const { attachType, attachTarget } = spec;
    if (spec.type === P.BPF_PROG_TYPE_UNSPEC) {
      const meant = nearestSectionName(spec.section);
      const hint =
        meant === undefined
          ? 'name it as libbpf knows it, such as SEC("xdp")'
          : `did you mean SEC("${meant}")?`;
      throw new LoadError(
        'no-program-type',
        `section '${spec.section}' does not say of which type the program is; ${hint}`,
        { section: spec.section },
      );
    }
    if (spec.type === P.BPF_PROG_TYPE_STRUCT_OPS) {
      const { struct, member } = structOpsTarget(this.object, spec, this.env.kernelTypes);
      return { attachType: member, target: struct };
    }
    if (spec.type === P.BPF_PROG_TYPE_EXT) return { attachType, attachProgram: true };
    if (programMeaning(spec.section)?.attachesByBtf !== true) return { attachType };
    if (attachTarget === '')
      throw new LoadError(
        'no-attach-target',
        `section '${spec.section}' does not say what to attach to: name a kernel function or tracepoint, as in SEC("fentry/do_unlinkat")`,
        { section: spec.section },
      );
    const target = findAttachTarget(this.env.kernelTypes, attachType, attachTarget);
    if (target !== undefined) return { attachType, target };
    const hint = this.env.ownTypes
      ? "; give the BTF of a kernel that has it (--btf, the kernel's btf option)"
      : '';
    throw new LoadError(
      'attach-target-missing',
      `the kernel's types have no '${attachTarget}' to attach to${hint}`,
      { section: spec.section },
    );
  }
}

/** @throws LoadError for objects of the other byte order, as libbpf on the reference machine. */
export function checkByteOrder(object: ObjectSpec): void {
  if (object.byteOrder === 'little') return;
  throw new LoadError(
    'wrong-byte-order',
    `${object.name} is a big-endian object and this kernel is little-endian: compile it with --target=bpf or bpfel to run it`,
  );
}

/** Makes a ld_imm64 give a kernel symbol: by its type, by its address, or as 0. */
function setImmediate(insns: RawInsn[], slot: number, target: ExternTarget): void {
  const [first, second] = [insns[slot]!, insns[slot + 1]!];
  if (target.kind === 'btf') {
    const { id, module } = target.type;
    insns[slot] = { ...first, src: BPF_PSEUDO_BTF_ID, imm: id };
    insns[slot + 1] = { ...second, imm: module };
    return;
  }
  const address = target.kind === 'address' ? target.address : 0n;
  insns[slot] = { ...first, src: 0, imm: lowHalf(address) };
  insns[slot + 1] = { ...second, imm: highHalf(address) };
}

/** The same error, naming the program too. */
function withProgram(error: BpfError, program: string): BpfError {
  const Kind = error.constructor as new (code: string, message: string, place: BpfError['place']) => BpfError;
  return new Kind(error.code, error.message, { program, ...error.place });
}
