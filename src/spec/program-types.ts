/**
 * Questions to the program type tables: which row a program has, whether it may call a helper or touch a byte of its context, what it
 * may return. Sources: *_is_valid_access and *_func_proto of net/core/filter.c, kernel/trace/bpf_trace.c, kernel/bpf/bpf_lsm.c,
 * kernel/bpf/cgroup.c; check_return_code in kernel/bpf/verifier.c (Linux 6.12).
 */
import { BpfAttachType as A, BpfProgType as P } from './enums.ts';
// Raw tracepoints may call what kprobes may.
import { KPROBE_HELPERS as RAW_TRACEPOINT_HELPERS } from './program-helper-ids.ts';
import { PROGRAM_TYPES } from './program-type-rows.ts';
import type { ContextAccess, ContextResult, ProgramTypeSpec, ReturnRange } from './program-type-shapes.ts';

export { PROGRAM_TYPES } from './program-type-rows.ts';
export type * from './program-type-shapes.ts';

/** The row of a program type, that of its attach type if there is one; undefined for types that attach through BTF. */
export function programTypeSpec(type: number, attachType: number): ProgramTypeSpec | undefined {
  return (
    PROGRAM_TYPES.find((row) => row.type === type && row.attachType === attachType) ??
    PROGRAM_TYPES.find((row) => row.type === type)
  );
}

/** The numbers in runs: `1-3 5` gives 1, 2, 3, 5; with step 4, `0-8` gives 0, 4, 8; an empty text gives none. */
export function expandRuns(runs: string, step = 1): number[] {
  const numbers: number[] = [];
  for (const run of runs === '' ? [] : runs.split(' ')) {
    const [first = '', last = first] = run.split('-');
    for (let n = Number(first); n <= Number(last); n += step) numbers.push(n);
  }
  return numbers;
}

/** Accesses of a context by offset and size. */
export type ContextTable = ReadonlyMap<number, ContextResult>;

/** The key of an access in a ContextTable. */
export function contextKey(offset: number, size: number): number {
  return offset * 16 + size;
}

const unfolded = new WeakMap<readonly ContextAccess[], ContextTable>();

/** The runs of a row, unfolded for quick questions: once for each row. */
export function contextTable(accesses: readonly ContextAccess[]): ContextTable {
  const known = unfolded.get(accesses);
  if (known !== undefined) return known;
  const table = new Map<number, ContextResult>();
  for (const { result, size, offsets } of accesses)
    for (const offset of expandRuns(offsets, size)) table.set(contextKey(offset, size), result);
  unfolded.set(accesses, table);
  return table;
}

/** Bytes of context that programs of a type may read at most; 0 for types that attach through BTF. */
export function contextBytes(type: number, attachType: number): number {
  const { read = [] } = programTypeSpec(type, attachType) ?? {};
  return Math.max(
    0,
    ...read.flatMap(({ size, offsets }) => expandRuns(offsets, size).map((at) => at + size)),
  );
}

/** What tracing programs may call beyond what raw tracepoints may (tracing_prog_func_proto). */
const TRACING_MORE = '46 107-108 111 121 136-140 147 162 178 188 196';
const ITERATOR_MORE = '126-127 150';
const TRAMPOLINE_MORE = '174 183-185';
const LSM_MORE = '145-146 159 161 193';
/** cgroup_common_func_proto and socket options, for LSM programs of a cgroup. */
const LSM_CGROUP_MORE = '81 186-187 49 57';

/** bpf_prog_has_trampoline: the program runs between entry and return of a kernel function. */
export function hasTrampoline(type: number, attachType: number): boolean {
  if (type === P.BPF_PROG_TYPE_LSM) return attachType === A.BPF_LSM_MAC;
  return (
    type === P.BPF_PROG_TYPE_TRACING &&
    (attachType === A.BPF_TRACE_FENTRY ||
      attachType === A.BPF_TRACE_FEXIT ||
      attachType === A.BPF_MODIFY_RETURN)
  );
}

/** Ids of the helpers that a program of this type may call; empty for types that no table knows. */
export function helperIdsOf(type: number, attachType: number): ReadonlySet<number> {
  if (type !== P.BPF_PROG_TYPE_TRACING && type !== P.BPF_PROG_TYPE_LSM) {
    const spec = programTypeSpec(type, attachType);
    return new Set(spec === undefined ? [] : expandRuns(spec.helpers));
  }
  const runs = [RAW_TRACEPOINT_HELPERS, TRACING_MORE];
  if (type === P.BPF_PROG_TYPE_LSM) runs.push(LSM_MORE);
  if (attachType === A.BPF_TRACE_ITER) runs.push(ITERATOR_MORE);
  if (attachType === A.BPF_LSM_CGROUP) runs.push(LSM_CGROUP_MORE);
  const ids = new Set(runs.flatMap((run) => expandRuns(run)));
  if (hasTrampoline(type, attachType)) for (const id of expandRuns(TRAMPOLINE_MORE)) ids.add(id);
  else if (attachType !== A.BPF_TRACE_RAW_TP) ids.delete(174);
  return ids;
}

const BOOLEAN: ReturnRange = { min: 0, max: 1 };
const ZERO: ReturnRange = { min: 0, max: 0 };
const ONE: ReturnRange = { min: 1, max: 1 };

const ALWAYS_BOOLEAN: readonly number[] = [
  P.BPF_PROG_TYPE_CGROUP_SOCK,
  P.BPF_PROG_TYPE_SOCK_OPS,
  P.BPF_PROG_TYPE_CGROUP_DEVICE,
  P.BPF_PROG_TYPE_CGROUP_SYSCTL,
  P.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  P.BPF_PROG_TYPE_SK_LOOKUP,
  P.BPF_PROG_TYPE_NETFILTER,
];

/** Hooks of cgroup_sock_addr that only look at an address: they cannot refuse it. */
const ONLY_ONE: readonly number[] = [
  A.BPF_CGROUP_UDP4_RECVMSG,
  A.BPF_CGROUP_UDP6_RECVMSG,
  A.BPF_CGROUP_UNIX_RECVMSG,
  A.BPF_CGROUP_INET4_GETPEERNAME,
  A.BPF_CGROUP_INET6_GETPEERNAME,
  A.BPF_CGROUP_UNIX_GETPEERNAME,
  A.BPF_CGROUP_INET4_GETSOCKNAME,
  A.BPF_CGROUP_INET6_GETSOCKNAME,
  A.BPF_CGROUP_UNIX_GETSOCKNAME,
];

/**
 * The range that a program's return value must be in, undefined for any. That of LSM programs depends on the hook and is the
 * caller's business; `attached` says whether a raw tracepoint program named a BTF type.
 */
export function returnRange(type: number, attachType: number, attached: boolean): ReturnRange | undefined {
  if (ALWAYS_BOOLEAN.includes(type)) return BOOLEAN;
  switch (type) {
    case P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
      if (ONLY_ONE.includes(attachType)) return ONE;
      return attachType === A.BPF_CGROUP_INET4_BIND || attachType === A.BPF_CGROUP_INET6_BIND
        ? { min: 0, max: 3 }
        : BOOLEAN;
    case P.BPF_PROG_TYPE_CGROUP_SKB:
      return attachType === A.BPF_CGROUP_INET_EGRESS ? { min: 0, max: 3 } : BOOLEAN;
    case P.BPF_PROG_TYPE_RAW_TRACEPOINT:
      return attached ? ZERO : undefined;
    case P.BPF_PROG_TYPE_TRACING:
      if (attachType === A.BPF_TRACE_ITER) return BOOLEAN;
      return attachType === A.BPF_TRACE_FENTRY || attachType === A.BPF_TRACE_FEXIT ? ZERO : undefined;
    case P.BPF_PROG_TYPE_KPROBE:
      return attachType === A.BPF_TRACE_KPROBE_SESSION ? BOOLEAN : undefined;
    default:
      return undefined;
  }
}
