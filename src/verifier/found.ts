/**
 * What the structure checks find out about a program: its functions, its maps, what it attaches to. Plain data; `Env` holds it.
 * Source: struct bpf_subprog_info, bpf_func_info_aux, bpf_insn_aux_data in include/linux/bpf_verifier.h.
 */
import type { BtfFuncProto } from '../btf/index.ts';
import type { MapInfo } from './input.ts';
import type { ValueFields } from './values/fields.ts';

/** An argument of a global function (struct bpf_subprog_arg_info). */
export interface SubprogArg {
  /** ARG_* with modifiers. */
  readonly type: number;
  readonly memSize: number;
  readonly btfId: number;
}

/** A function of the program (struct bpf_subprog_info). */
export interface Subprog {
  readonly start: number;
  /** Bytes of stack in use, in steps of 8. */
  stackDepth: number;
  hasTailCall: boolean;
  tailCallReachable: boolean;
  hasLdAbs: boolean;
  /** Helpers call it. */
  isCallback: boolean;
  /** It, or what it calls, may move the packet. */
  changesPacketData: boolean;
  /** Below this offset the stack belongs to bpf_fastcall spills. */
  fastcallStackOff: number;
  keepFastcallStack: boolean;
  /** Inlined calls whose spills can be removed. */
  readonly fastcallCalls: number[];
  /** Arguments, once they were found out. */
  args: readonly SubprogArg[] | undefined;
}

/** What is known of a function from BTF (struct bpf_func_info_aux). */
export interface FunctionAux {
  readonly global: boolean;
  /** Its arguments could not be matched with its type once. */
  unreliable: boolean;
  /** Some path calls it. */
  called: boolean;
  verified: boolean;
}

/** What a ld_imm64 of a kernel variable or function gives. */
export interface BtfVariable {
  readonly regType: number;
  /** Index of the BTF (1-based) and type; or bytes of memory. */
  readonly btf: number;
  readonly btfId: number;
  readonly memSize: number;
}

/** What a program attaches to through BTF. */
export interface AttachTarget {
  /** Index of the BTF, 1-based. */
  readonly btf: number;
  readonly name: string;
  readonly proto: BtfFuncProto;
  /** Raw tracepoint: the first parameter of `proto` is not the program's. */
  readonly rawTracepoint: boolean;
}

/** A map in use. `index` is what registers hold to name it. */
export interface UsedMap {
  readonly index: number;
  readonly info: MapInfo;
  /** Creation flags, with what the kernel adds for maps of this type. */
  readonly flags: number;
  readonly fields: ValueFields;
  readonly inner: UsedMap | undefined;
  readonly address: bigint;
}
