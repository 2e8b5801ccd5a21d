/**
 * The shapes of the program type tables: what a program may do with its context, which helpers it may call, what it may return.
 */

/** What a load from the context gives, in the words of the verifier's log; after `trusted_ptr` stands a kernel struct's name. */
export type ContextResult =
  | 'scalar'
  | 'pkt'
  | 'pkt_meta'
  | 'pkt_end'
  | 'sock'
  | 'sock_or_null'
  | 'sock_common_or_null'
  | 'flow_keys'
  | 'tp_buffer'
  | 'trusted_ptr sk_buff'
  | 'trusted_ptr nf_hook_state';

/** Accesses of one size that give the same. */
export interface ContextAccess {
  readonly result: ContextResult;
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** Byte offsets as runs in steps of the size: `0-8 16` with size 4 stands for 0, 4, 8, 16. */
  readonly offsets: string;
}

/** One program type, or one attach type of it where that makes a difference. */
export interface ProgramTypeSpec {
  /** As in the kernel's facts, for people: `cgroup/bind4`. */
  readonly name: string;
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  /** Expected attach type. */
  readonly attachType: number;
  /** Ids of helpers as runs: `1-3 5`. */
  readonly helpers: string;
  readonly read: readonly ContextAccess[];
  /** Stores; `result` means nothing here. */
  readonly write: readonly ContextAccess[];
}

/** Least and greatest value that a program may return. */
export interface ReturnRange {
  readonly min: number;
  readonly max: number;
}
