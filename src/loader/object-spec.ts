/**
 * What an object file says, as plain data: the same on every machine, printable, without side effects. The loader
 * produces it, `kernel.load` turns it into live maps and programs.
 */
import type { ByteOrder } from '../base/bytes.ts';
import type { Place } from '../base/errors.ts';
import type { Btf, CoreReloc, FuncInfo, LineInfo } from '../btf/index.ts';
import type { RawInsn } from '../isa/index.ts';

/** One BPF object file. */
export interface ObjectSpec {
  /** As bpf_object__name: the file's base name up to the first dot, at most 15 characters. */
  readonly name: string;
  readonly byteOrder: ByteOrder;
  /** Content of the `license` section, '' when absent. */
  readonly license: string;
  /** Number from the `version` section, 0 when absent. */
  readonly kernelVersion: number;
  /** Maps in libbpf's order: explicitly defined ones, then data sections in section order. */
  readonly maps: readonly MapSpec[];
  readonly programs: readonly ProgramSpec[];
  readonly externs: readonly ExternSpec[];
  readonly btf?: Btf;
  /** Section headers, symbols and relocations, for `inspect`. */
  readonly sections: readonly SectionSummary[];
  /** What a reader may want to know but which is no error: unknown sections, ignored symbols. */
  readonly notes: readonly string[];
}

/** A section of the file. */
export interface SectionSummary {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly relocations: number;
}

/** How a map came to be: which section kind it was declared in. */
export type MapOrigin = 'legacy' | 'btf' | 'data' | 'rodata' | 'bss' | 'kconfig' | 'struct_ops';

/** A map as the file defines it. */
export interface MapSpec {
  /** As bpf_map__name; the kernel is given the first 15 characters. Two maps can have one name. */
  readonly name: string;
  readonly origin: MapOrigin;
  /** ELF section that declares it; `.kconfig` for that map, which no section declares. */
  readonly section: string;
  /** BPF_MAP_TYPE_* number. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** 0 where the file leaves it open (PERF_EVENT_ARRAY: number of CPUs at load). */
  readonly maxEntries: number;
  readonly flags: number;
  readonly mapExtra: bigint;
  readonly numaNode: number;
  /** LIBBPF_PIN_NONE 0 or LIBBPF_PIN_BY_NAME 1. */
  readonly pinning: number;
  /**
   * BTF type ids in the object's BTF; 0 where there is none. A data section's value is its DATASEC, a struct_ops map's the
   * struct that the program declares (the kernel's own is found at load).
   */
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  /** Not to be created unless asked for (SEC("?.struct_ops")); true when left out. */
  readonly autocreate?: boolean;
  /** Map-in-map: the template of the inner maps. */
  readonly inner?: MapSpec;
  /**
   * Statically declared slots of `values` in order of index: maps (map-in-map) or programs (prog array) by slot; of a
   * struct_ops map, the programs by index of the struct's member.
   */
  readonly values: readonly MapSlot[];
  /**
   * Data sections: initial content, zeros for .bss and .kconfig (see `kconfigContent`). Arenas: content of the arena's
   * variables, when there are any. struct_ops: the struct's bytes as declared, function pointers zero.
   */
  readonly initial?: Uint8Array;
  /** Data sections: the variables in it, from BTF DATASEC and the symbol table. */
  readonly variables: readonly VariableSpec[];
}

/** A statically declared entry of a map. */
export interface MapSlot {
  readonly index: number;
  readonly kind: 'map' | 'program';
  readonly name: string;
}

/** A global variable in a data section. */
export interface VariableSpec {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** Type of the variable (not of its declaration); 0 without BTF. */
  readonly btfTypeId: number;
  /** A hidden global counts as static, as for the verifier. */
  readonly linkage: 'static' | 'global' | 'weak';
}

/** A kernel symbol or config option the object asks for. */
export interface ExternSpec {
  readonly name: string;
  readonly kind: 'kconfig' | 'ksym-var' | 'ksym-func';
  readonly weak: boolean;
  /**
   * What it is declared as, in the object's BTF. kconfig: type of the variable. ksym-var: type of the variable without
   * modifiers; 0 (void) for an address that is looked up by name alone. ksym-func: its func_proto.
   */
  readonly btfTypeId: number;
  /** kconfig: place in the .kconfig map's value; 0 otherwise. */
  readonly offset: number;
  readonly size: number;
  /** kconfig: how values are written to the variable, see `kconfigContent`. */
  readonly kconfig?: KconfigType;
}

/** Type of a kconfig variable; `tristate` is enum libbpf_tristate, `string` a char array. */
export interface KconfigType {
  readonly kind: 'bool' | 'char' | 'int' | 'tristate' | 'string';
  readonly signed: boolean;
}

/**
 * What an instruction refers to that only a live kernel can resolve, by slot of the linked program. The fields that the
 * kernel fills in are zero, the others stand already as libbpf leaves them:
 * - `map`: a ld_imm64 with src BPF_PSEUDO_MAP_FD; imm becomes the map's fd.
 * - `map-value`: a ld_imm64 with src BPF_PSEUDO_MAP_VALUE and the offset in the second slot's imm; the first slot's
 *   becomes the map's fd. Variables in data sections, in arenas, and .kconfig options (of the map of origin `kconfig`).
 * - `extern`: of a ksym-var, a ld_imm64 with src 0, which becomes BPF_PSEUDO_BTF_ID with the variable's BTF id, or the
 *   address where the extern has no type (0 when weak and unknown); of a ksym-func, a call with src
 *   BPF_PSEUDO_KFUNC_CALL whose imm becomes the function's BTF id (and offset the module's index), or a ld_imm64 of its
 *   address.
 * References to functions of the object are not listed, they are linked: bpf-to-bpf calls hold the distance to the
 * callee; a ld_imm64 of a function has src BPF_PSEUDO_FUNC and the distance from the next slot to it in imm.
 */
export type Reference =
  | ({ readonly kind: 'map' } & MapReference)
  | ({ readonly kind: 'map-value'; readonly offset: number } & MapReference)
  | { readonly kind: 'extern'; readonly insn: number; readonly name: string };

/** Where an instruction names a map. */
export interface MapReference {
  readonly insn: number;
  readonly map: string;
  /** Index in `maps`. Decides, since two maps can have one name. */
  readonly mapIndex: number;
}

/** A program as the file defines it, its subprograms linked behind it. */
export interface ProgramSpec {
  /** Name of the entry function. */
  readonly name: string;
  /** Section name as in the file, with its `?`. */
  readonly section: string;
  /** BPF_PROG_TYPE_* number, 0 (UNSPEC) when the section name is not known to libbpf. */
  readonly type: number;
  /**
   * Expected BPF_* attach type number, 0 by default. As it is at load: BPF_TRACE_UPROBE_MULTI for usdt. That of a
   * struct_ops program is the member's index in the kernel's struct, found at load.
   */
  readonly attachType: number;
  /** What the section name says about where to attach, e.g. `sys_clone`, `syscalls/sys_enter_getuid`; '' when nothing. */
  readonly attachTarget: string;
  /** BPF_F_* program load flags that the section name implies (sleepable, xdp frags). */
  readonly flags: number;
  /** Not to be loaded unless asked for (SEC("?…")). */
  readonly autoload: boolean;
  /** Entry program first, then every subprogram it reaches, calls and function references already linked. */
  readonly insns: readonly RawInsn[];
  /** The functions in `insns` in their order, the entry program first; `global` as for the verifier (not hidden). */
  readonly subprogs: readonly { readonly name: string; readonly start: number; readonly global: boolean }[];
  /** In order of position. */
  readonly references: readonly Reference[];
  /** .BTF.ext records of this program, positions in slots of `insns`. */
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
  readonly coreRelocs: readonly CoreReloc[];
  /**
   * Why the program cannot be linked. libbpf opens such an object and fails when it loads the program; so loading throws a
   * LoadError of this. `insns` then holds the entry function alone, as in the file.
   */
  readonly linkError?: LinkError;
}

/** What a LoadError is made of, as data. */
export interface LinkError {
  readonly code: string;
  readonly message: string;
  readonly place: Place;
}
