/**
 * What goes into a verification and what comes out: plain data in the terms of BPF_PROG_LOAD, so that a program can be checked without a
 * loader, a kernel or maps that exist.
 */
import type { Btf, FuncInfo, LineInfo } from '../btf/index.ts';
import type { RawInsn } from '../isa/index.ts';

/** A map as the verifier knows it. */
export interface MapInfo {
  /** As the kernel has it: at most 15 characters. */
  readonly name: string;
  /** BPF_MAP_TYPE_* number. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* creation flags. */
  readonly flags: number;
  /** User space cannot write it any more (BPF_MAP_FREEZE). */
  readonly frozen?: boolean;
  /** Bytes of the one value of a frozen map that programs can only read: its constants are folded. Zeros when left out. */
  readonly content?: Uint8Array;
  readonly btf?: Btf;
  /** Id of the value's type in `btf`, 0 for none. */
  readonly btfValueTypeId?: number;
  /** Map-in-map: what the inner maps are like. */
  readonly inner?: MapInfo;
  /** Kernel address that the log shows; a made-up one when left out. */
  readonly address?: bigint;
}

/** A function of the program. */
export interface FunctionInfo extends FuncInfo {
  /** A loader turns hidden global functions into static ones: true for those. */
  readonly hidden?: boolean;
}

/** The attributes of BPF_PROG_LOAD. */
export interface VerifierInput {
  readonly insns: readonly RawInsn[];
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  /** Expected attach type. */
  readonly attachType: number;
  /** BPF_F_* program flags. */
  readonly flags: number;
  readonly license: string;
  /** Maps by file descriptor: what a ld_imm64 names. */
  readonly maps: ReadonlyMap<number, MapInfo>;
  /** The program's types; needed with `functions` and `lines`. */
  readonly btf?: Btf;
  readonly functions?: readonly FunctionInfo[];
  readonly lines?: readonly LineInfo[];
  /** The kernel's types. Without them, programs that need them are refused. */
  readonly kernelBtf?: Btf;
  /** Types of kernel modules, on top of `kernelBtf`. */
  readonly moduleBtfs?: readonly Btf[];
  /** Type in `attachBtf` that the program attaches to, 0 for none. */
  readonly attachBtfId?: number;
  /** The types of the module that is attached to; `kernelBtf` when left out. */
  readonly attachBtf?: Btf;
  /** The loader has no capabilities. Not supported yet. */
  readonly unprivileged?: boolean;
  /** By slot, what a loader did not find and put a call that fails in the place of: for explanations only. */
  readonly missing?: ReadonlyMap<number, { readonly reason: string }>;
  /** The program attaches to another program (freplace, or fentry of one). */
  readonly attachProgram?: boolean;
}

/** BPF_LOG_LEVEL1: the failing path. */
export const LOG_LEVEL1 = 1;
/** BPF_LOG_LEVEL2: every path. */
export const LOG_LEVEL2 = 2;
/** BPF_LOG_STATS: time and stack depths at the end. */
export const LOG_STATS = 4;

/** The closing statistics, as the log's last line has them. */
export interface VerifierStats {
  /** Instructions that the walk looked at. */
  readonly insns: number;
  readonly maxStatesPerInsn: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Longest chain of checkpoints that one liveness mark went through. */
  readonly markRead: number;
  /** Bytes of stack of each function. */
  readonly stackDepths: readonly number[];
}

/** Why a program was rejected. */
export interface VerifierFailure {
  /** Stable, kebab-case name of the rule that was broken; `unsupported` where this verifier does not know. */
  readonly code: string;
  /** Positive errno of the system call. */
  readonly errno: number;
  /** The last line of the kernel's log ahead of the statistics; '' where the kernel says nothing. */
  readonly message: string;
  /** The instruction that was being checked, if the walk had begun. */
  readonly insn?: number;
}

/** Buffers of iterators that programs may only read or also write, and those of writable tracepoints. */
export type BufferKind = 'rdonly' | 'rdwr' | 'tracepoint';

/** What a verification came to. */
export interface VerifierResult {
  readonly verdict: 'accept' | 'reject';
  /** Present exactly if rejected. */
  readonly failure?: VerifierFailure;
  readonly stats: VerifierStats;
  /**
   * Slots of loads through pointers to kernel types, which read zeros where nothing is mapped (BPF_PROBE_MEM). Empty when rejected.
   */
  readonly probeLoads: readonly number[];
  /** Bytes of the context from its start that the program uses (max_ctx_offset); a test run must give as many. */
  readonly contextBytes: number;
  /** Bytes that it uses of the buffers that its context leads to: who attaches it sees to it that they are there. */
  readonly bufferBytes: Readonly<Record<BufferKind, number>>;
  /** The program may only be attached as it was loaded, for what it returns (enforce_expected_attach_type). */
  readonly boundToAttachType: boolean;
  /** '' without a log level. */
  readonly log: string;
  /** The log outgrew `logSize`: its end is missing. The kernel would fail with ENOSPC. */
  readonly logTruncated: boolean;
}
