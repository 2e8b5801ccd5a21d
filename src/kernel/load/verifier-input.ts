/**
 * What the verifier is given for the programs of an object: what libbpf 1.5 would give to BPF_PROG_LOAD on Linux 6.12, for a privileged
 * user. No map is made for it. Sources: bpf_object_load_prog, bpf_object__create_map, bpf_object__populate_internal_map in
 * tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../../base/errors.ts';
import { MAX_OBJ_NAME } from '../../base/limits.ts';
import type { Btf } from '../../btf/index.ts';
import { type KconfigValue, kconfigContent, type MapSpec, type ProgramSpec } from '../../loader/index.ts';
import { acceptsTypes } from '../../maps/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { FunctionInfo, MapInfo, VerifierInput } from '../../verifier/index.ts';
import type { BpfObject } from '../object.ts';
import { fixedAttachType, isProgramType, mayLoadWith } from '../syscall/program-kinds.ts';
import { kernelTakesBtf } from './accepted-btf.ts';
import { takesTypes } from './create-map.ts';
import { extensionKind } from './extension-kind.ts';
import { DEFAULT_KCONFIG } from './kconfig-defaults.ts';
import { builtinKernelTypes } from './kernel-types.ts';
import { type LinkedProgram, mapFd, ProgramLinker } from './link-program.ts';
import type { MissingPart } from './missing.ts';

/** Kinds without a number of entries. */
const SIZELESS: readonly number[] = [
  BpfMapType.BPF_MAP_TYPE_SK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_INODE_STORAGE,
  BpfMapType.BPF_MAP_TYPE_TASK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_CGRP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_CGROUP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
];

/** What the inputs depend on beside the object. */
export interface VerifierEnvironment {
  /**
   * The kernel's types, then those of its modules (each parsed with the kernel's as its base). Left out or empty: the few types that bpflab
   * brings along, and the object's own stand in for CO-RE.
   */
  readonly kernelTypes?: readonly Btf[];
  /** Values of `.kconfig` externs; these come before the defaults, which are the reference kernel's. */
  readonly kconfig?: Readonly<Record<string, KconfigValue>>;
  /** Addresses of kernel symbols; left out, every strong symbol without a type is believed to exist. */
  readonly ksyms?: Readonly<Record<string, bigint>>;
  /** CPUs of the kernel, 2 by default: slots of a perf event array that does not say how many it has. */
  readonly cpus?: number;
}

/** A program's input, with what only an error message needs. */
export interface ObjectVerifierInput extends VerifierInput {
  /** By slot, what the kernel does not have of what the program asks for; `showMissing` tells it in a result. */
  readonly missing: ReadonlyMap<number, MissingPart>;
}

/** The inputs of one object's programs; the object's variables and map sizes are read when a program is asked for. */
export class VerifierInputs {
  private readonly object: BpfObject;
  private readonly kernelTypes: readonly Btf[];
  private readonly kconfig: Readonly<Record<string, KconfigValue>>;
  private readonly cpus: number;
  private readonly linker: ProgramLinker;
  private readonly maps = new Map<number, MapInfo>();
  /** The object's types, if the kernel takes them. */
  private readonly btf: Btf | undefined;

  constructor(object: BpfObject, env: VerifierEnvironment = {}) {
    const given = env.kernelTypes ?? [];
    const { btf } = object.spec;
    this.object = object;
    this.btf = btf !== undefined && kernelTakesBtf(btf) ? btf : undefined;
    this.kernelTypes = given.length > 0 ? given : [builtinKernelTypes()];
    this.kconfig = { ...DEFAULT_KCONFIG, ...env.kconfig };
    this.cpus = env.cpus ?? 2;
    this.linker = new ProgramLinker(object.spec, {
      kernelTypes: this.kernelTypes,
      ksyms: env.ksyms,
      ownTypes: given.length === 0,
    });
  }

  /**
   * The input of one program. An extension program is described as one of the kind that has its context.
   * @param options `flags`: BPF_F_* beside those that the section name implies.
   * @throws LoadError where libbpf would refuse to load it; BtfError for malformed CO-RE records; both name the program.
   */
  of(program: ProgramSpec, options: { readonly flags?: number } = {}): ObjectVerifierInput {
    return this.fromLinked(program, this.linker.link(program), options.flags);
  }

  /**
   * The program's instructions alone.
   * @throws LoadError for what they refer to and the kernel does not have; BtfError as `of`.
   */
  link(program: ProgramSpec): LinkedProgram {
    return this.linker.link(program);
  }

  /**
   * The input of a program that was linked already.
   * @throws LoadError when the kernel has no such type of program or attachment, when it cannot attach, or a `.kconfig` option has no value.
   */
  fromLinked(program: ProgramSpec, linked: LinkedProgram, flags = 0): ObjectVerifierInput {
    const attach = this.linker.attachment(program);
    const { target, attachProgram } = attach;
    checkKind(program, attach.attachType);
    const { btf } = this;
    const kind = attachProgram === true ? extensionKind(btf, program) : undefined;
    const [kernelBtf, ...moduleBtfs] = this.kernelTypes;
    const maps = new Map<number, MapInfo>();
    for (const reference of program.references)
      if (reference.kind !== 'extern') maps.set(mapFd(reference.mapIndex), this.mapInfo(reference.mapIndex));
    return {
      insns: linked.insns,
      type: kind?.type ?? program.type,
      attachType: kind?.attachType ?? attach.attachType,
      flags: program.flags | flags,
      license: this.object.spec.license,
      maps,
      ...(btf === undefined ? {} : { btf }),
      functions: btf === undefined ? [] : functionsOf(program),
      lines: btf === undefined ? [] : program.lineInfo,
      ...(kernelBtf === undefined ? {} : { kernelBtf }),
      moduleBtfs,
      attachBtfId: target?.id ?? 0,
      ...(target === undefined || target.module === 0 ? {} : { attachBtf: target.btf }),
      ...(attachProgram === true && kind === undefined ? { attachProgram } : {}),
      missing: linked.missing,
    };
  }

  private mapInfo(index: number): MapInfo {
    let info = this.maps.get(index);
    if (info === undefined) {
      info = this.describe(this.object.spec.maps[index]!, index);
      this.maps.set(index, info);
    }
    return info;
  }

  private describe(spec: MapSpec, index: number): MapInfo {
    const frozen = spec.origin === 'rodata' || spec.origin === 'kconfig';
    const content = frozen ? this.contentOf(spec, index) : undefined;
    return {
      ...this.attributes(spec, this.object.mapList[index]?.maxEntries ?? spec.maxEntries),
      frozen,
      ...(content === undefined ? {} : { content }),
    };
  }

  /** What BPF_MAP_CREATE is given. */
  private attributes(spec: MapSpec, maxEntries: number): MapInfo {
    const { btf } = this;
    const info: MapInfo = {
      name: spec.name.slice(0, MAX_OBJ_NAME),
      type: spec.type,
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: maxEntries === 0 ? this.openSize(spec.type) : maxEntries,
      flags: spec.flags,
      ...(spec.inner === undefined ? {} : { inner: this.attributes(spec.inner, spec.inner.maxEntries) }),
    };
    if (btf === undefined || !takesTypes(spec)) return info;
    const { btfKeyTypeId, btfValueTypeId } = spec;
    // Where the kernel does not take the types, libbpf makes the map without them.
    return acceptsTypes({ ...info, btf, btfKeyTypeId, btfValueTypeId })
      ? { ...info, btf, btfValueTypeId }
      : info;
  }

  /** Entries of a map whose size the file leaves open: those that libbpf sets, or the least that its user must. */
  private openSize(type: number): number {
    if (type === BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY) return this.cpus;
    if (SIZELESS.includes(type)) return 0;
    return type === BpfMapType.BPF_MAP_TYPE_RINGBUF || type === BpfMapType.BPF_MAP_TYPE_USER_RINGBUF
      ? PAGE_BYTES
      : 1;
  }

  /** The bytes that are frozen, with the variables as the user set them. */
  private contentOf(spec: MapSpec, index: number): Uint8Array | undefined {
    return spec.origin === 'kconfig'
      ? kconfigContent(this.object.spec, this.kconfig)
      : (this.object.sections[index]?.bytes() ?? spec.initial);
  }
}

/** Function records, with the functions that libbpf turns into static ones before it loads the BTF. */
function functionsOf(program: ProgramSpec): FunctionInfo[] {
  const global = new Map(program.subprogs.map((subprog) => [subprog.start, subprog.global]));
  return program.funcInfo.map((record) =>
    global.get(record.insn) === false ? { ...record, hidden: true } : record,
  );
}

/** What bpf_prog_load refuses with EINVAL ahead of the verifier. */
function checkKind({ name, section, type }: ProgramSpec, attachType: number): void {
  if (isProgramType(type) && mayLoadWith(type, fixedAttachType(type, attachType))) return;
  const what = isProgramType(type) ? `with attach type ${attachType}` : 'at all';
  const message = `Linux 6.12 as it is modelled loads no programs of type ${type} ${what}`;
  throw new LoadError('bad-load-attributes', message, { program: name, section });
}
