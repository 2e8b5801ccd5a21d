/**
 * What an object file says, as plain data: the same on every machine, printable, without side effects. The loader
 * produces it, `kernel.load` turns it into live maps and programs.
 */
import type { ByteOrder } from '../base/bytes.ts';
import type { Btf, CoreReloc, FuncInfo, LineInfo } from '../btf/index.ts';
import type { RawInsn } from '../isa/index.ts';

/** One BPF object file. */
export interface ObjectSpec {
  /** Name for messages and `bpf_object__name`: the file's base name up to the first dot. */
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

export interface MapSpec {
  readonly name: string;
  readonly origin: MapOrigin;
  /** ELF section that declares it. */
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
  /** BTF type ids in the object's BTF; 0 where there is none. */
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  /** Map-in-map: the template of the inner maps. */
  readonly inner?: MapSpec;
  /** Statically declared slots of `values`: maps (map-in-map) or programs (prog array) by slot. */
  readonly values: readonly {
    readonly index: number;
    readonly kind: 'map' | 'program';
    readonly name: string;
  }[];
  /** Data sections: initial content (zeros for .bss). */
  readonly initial?: Uint8Array;
  /** Data sections: the variables in it, from BTF DATASEC and the symbol table. */
  readonly variables: readonly VariableSpec[];
}

/** A global variable in a data section. */
export interface VariableSpec {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** 0 without BTF. */
  readonly btfTypeId: number;
  readonly linkage: 'static' | 'global' | 'weak';
}

/** A kernel symbol or config option the object asks for. */
export interface ExternSpec {
  readonly name: string;
  readonly kind: 'kconfig' | 'ksym-var' | 'ksym-func';
  readonly weak: boolean;
  readonly btfTypeId: number;
  /** kconfig: place in the .kconfig map's value. */
  readonly offset: number;
  readonly size: number;
}

/**
 * What an instruction refers to that only a live kernel can resolve. The instruction at `insn` is a ld_imm64 (map,
 * map-value, func, ksym, kconfig) or a call (kfunc), its immediate holds the addend.
 */
export type Reference =
  | { readonly kind: 'map'; readonly insn: number; readonly map: string }
  | { readonly kind: 'map-value'; readonly insn: number; readonly map: string; readonly offset: number }
  | { readonly kind: 'extern'; readonly insn: number; readonly name: string };

export interface ProgramSpec {
  /** Name of the entry function. */
  readonly name: string;
  /** Section name as in the file. */
  readonly section: string;
  /** BPF_PROG_TYPE_* number, 0 (UNSPEC) when the section name is not known to libbpf. */
  readonly type: number;
  /** Expected BPF_* attach type number, 0 by default. */
  readonly attachType: number;
  /** What the section name says about where to attach, e.g. `sys_clone`, `syscalls/sys_enter_getuid`; '' when nothing. */
  readonly attachTarget: string;
  /** BPF_F_* program load flags that the section name implies (sleepable, xdp frags). */
  readonly flags: number;
  /** Not to be loaded unless asked for (SEC("?…")). */
  readonly autoload: boolean;
  /** Entry program first, then every subprogram it reaches, calls and function references already linked. */
  readonly insns: readonly RawInsn[];
  readonly subprogs: readonly { readonly name: string; readonly start: number; readonly global: boolean }[];
  readonly references: readonly Reference[];
  /** .BTF.ext records of this program, positions in slots of `insns`. */
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
  readonly coreRelocs: readonly CoreReloc[];
}
