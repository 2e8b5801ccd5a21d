/**
 * Kernel structs that programs see: which fields of trusted structs are trusted themselves, what maps are to programs that read them
 * as structs, and the fixed views of sockets. Sources: BTF_TYPE_SAFE_* in kernel/bpf/verifier.c, map_btf_id of the map types,
 * bpf_sock_is_valid_access and its kin in net/core/filter.c (Linux 6.12).
 */
import { BpfMapType as M } from './enums.ts';

/** How far a pointer that was read from a trusted pointer's struct can be trusted. */
export type FieldTrust = 'rcu' | 'rcu_or_null' | 'trusted' | 'trusted_or_null';

/** By trust, struct and field. Pointers that are not here cannot be trusted, unless a tag on their type says so. */
export const SAFE_FIELDS: Readonly<Record<FieldTrust, Readonly<Record<string, readonly string[]>>>> = {
  rcu: {
    task_struct: ['cpus_ptr', 'cgroups', 'real_parent', 'group_leader'],
    cgroup: ['kn'],
    css_set: ['dfl_cgrp'],
  },
  rcu_or_null: { mm_struct: ['exe_file'], sk_buff: ['sk'], request_sock: ['sk'] },
  trusted: {
    bpf_iter_meta: ['seq'],
    bpf_iter__task: ['meta', 'task'],
    linux_binprm: ['file'],
    file: ['f_inode'],
    dentry: ['d_inode'],
  },
  trusted_or_null: { socket: ['sk'] },
};

const LOCAL_STORAGE = 'bpf_local_storage_map';

/** Structs whose objects live on until the RCU read section ends (rcu_protected_types). */
export const RCU_PROTECTED_STRUCTS: readonly string[] = [
  'prog_test_ref_kfunc',
  'cgroup',
  'bpf_cpumask',
  'task_struct',
  'bpf_crypto_ctx',
];

/** The kernel's struct of each map type. */
export const MAP_STRUCTS: Readonly<Record<number, string>> = {
  [M.BPF_MAP_TYPE_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PROG_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PERCPU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_PERCPU_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_STACK_TRACE]: 'bpf_stack_map',
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_LRU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_LRU_PERCPU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_LPM_TRIE]: 'lpm_trie',
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: 'bpf_array',
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: 'bpf_htab',
  [M.BPF_MAP_TYPE_DEVMAP]: 'bpf_dtab',
  [M.BPF_MAP_TYPE_SOCKMAP]: 'bpf_stab',
  [M.BPF_MAP_TYPE_CPUMAP]: 'bpf_cpu_map',
  [M.BPF_MAP_TYPE_XSKMAP]: 'xsk_map',
  [M.BPF_MAP_TYPE_SOCKHASH]: 'bpf_shtab',
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: 'bpf_cgroup_storage_map',
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: 'reuseport_array',
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: 'bpf_cgroup_storage_map',
  [M.BPF_MAP_TYPE_QUEUE]: 'bpf_queue_stack',
  [M.BPF_MAP_TYPE_STACK]: 'bpf_queue_stack',
  [M.BPF_MAP_TYPE_SK_STORAGE]: LOCAL_STORAGE,
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: 'bpf_dtab',
  [M.BPF_MAP_TYPE_STRUCT_OPS]: 'bpf_struct_ops_map',
  [M.BPF_MAP_TYPE_RINGBUF]: 'bpf_ringbuf_map',
  [M.BPF_MAP_TYPE_INODE_STORAGE]: LOCAL_STORAGE,
  [M.BPF_MAP_TYPE_TASK_STORAGE]: LOCAL_STORAGE,
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: 'bpf_bloom_filter',
  [M.BPF_MAP_TYPE_USER_RINGBUF]: 'bpf_ringbuf_map',
  [M.BPF_MAP_TYPE_CGRP_STORAGE]: LOCAL_STORAGE,
  [M.BPF_MAP_TYPE_ARENA]: 'bpf_arena',
};

/** Offsets from `from` up to, without, `to` at which aligned loads of these sizes are allowed. */
export interface ViewRange {
  readonly from: number;
  readonly to: number;
  readonly sizes: readonly number[];
}

/** Fields of struct bpf_sock of which parts may be read: addresses at every byte, others at their start only. */
const SOCK_PARTS: readonly ViewRange[] = [
  { from: 4, to: 5, sizes: [1, 2] },
  { from: 24, to: 45, sizes: [1, 2] },
  { from: 48, to: 50, sizes: [1, 2] },
  { from: 52, to: 73, sizes: [1, 2] },
  { from: 76, to: 77, sizes: [1, 2] },
];

/** Readable parts of struct bpf_sock_common, bpf_sock, bpf_tcp_sock and bpf_xdp_sock. */
export const SOCKET_VIEWS: Readonly<
  Record<'sock_common' | 'sock' | 'tcp_sock' | 'xdp_sock', readonly ViewRange[]>
> = {
  sock_common: [{ from: 0, to: 8, sizes: [4] }, { from: 24, to: 80, sizes: [4] }, ...SOCK_PARTS],
  sock: [
    { from: 0, to: 80, sizes: [4] },
    { from: 8, to: 9, sizes: [1, 2] },
    { from: 12, to: 13, sizes: [1, 2] },
    ...SOCK_PARTS,
  ],
  tcp_sock: [
    { from: 0, to: 80, sizes: [4] },
    { from: 80, to: 96, sizes: [8] },
    { from: 96, to: 112, sizes: [4] },
  ],
  xdp_sock: [{ from: 0, to: 4, sizes: [4] }],
};

/** Bytes of struct bpf_flow_keys. */
export const FLOW_KEYS_SIZE = 56;
