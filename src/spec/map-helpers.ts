/**
 * Which helpers fit which map types, both ways round: some maps are for a few helpers only, some helpers for a few maps only.
 * Source: check_map_func_compatibility in kernel/bpf/verifier.c (Linux 6.12).
 */
import { BpfMapType as M } from './enums.ts';

const RINGBUF = [
  'bpf_ringbuf_output',
  'bpf_ringbuf_reserve',
  'bpf_ringbuf_query',
  'bpf_ringbuf_reserve_dynptr',
  'bpf_ringbuf_submit_dynptr',
  'bpf_ringbuf_discard_dynptr',
];
const PERF = [
  'bpf_perf_event_read',
  'bpf_perf_event_output',
  'bpf_skb_output',
  'bpf_perf_event_read_value',
  'bpf_xdp_output',
];
const CGROUP = ['bpf_skb_under_cgroup', 'bpf_current_task_under_cgroup'];
const LOOKUP = 'bpf_map_lookup_elem';
const QUEUE = ['bpf_map_peek_elem', 'bpf_map_pop_elem', 'bpf_map_push_elem'];
const SELECT = 'bpf_sk_select_reuseport';

function storage(kind: string): readonly string[] {
  return [`bpf_${kind}_storage_get`, `bpf_${kind}_storage_delete`, 'bpf_kptr_xchg'];
}

/** By map type, the only helpers that take it. Map types that are not here take any, as far as the second table allows. */
export const HELPERS_OF_MAP: Readonly<Record<number, readonly string[]>> = {
  [M.BPF_MAP_TYPE_PROG_ARRAY]: ['bpf_tail_call'],
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: PERF,
  [M.BPF_MAP_TYPE_RINGBUF]: RINGBUF,
  [M.BPF_MAP_TYPE_USER_RINGBUF]: ['bpf_user_ringbuf_drain'],
  [M.BPF_MAP_TYPE_STACK_TRACE]: ['bpf_get_stackid'],
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: CGROUP,
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: ['bpf_get_local_storage'],
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: ['bpf_get_local_storage'],
  [M.BPF_MAP_TYPE_DEVMAP]: ['bpf_redirect_map', LOOKUP],
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: ['bpf_redirect_map', LOOKUP],
  [M.BPF_MAP_TYPE_CPUMAP]: ['bpf_redirect_map'],
  [M.BPF_MAP_TYPE_XSKMAP]: ['bpf_redirect_map', LOOKUP],
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: [LOOKUP],
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: [LOOKUP],
  // bpf_map_update_elem and bpf_map_delete_elem too, in some programs: mayUpdateSockmap.
  [M.BPF_MAP_TYPE_SOCKMAP]: [
    'bpf_sk_redirect_map',
    'bpf_sock_map_update',
    'bpf_msg_redirect_map',
    SELECT,
    LOOKUP,
  ],
  [M.BPF_MAP_TYPE_SOCKHASH]: [
    'bpf_sk_redirect_hash',
    'bpf_sock_hash_update',
    'bpf_msg_redirect_hash',
    SELECT,
    LOOKUP,
  ],
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: [SELECT],
  [M.BPF_MAP_TYPE_QUEUE]: QUEUE,
  [M.BPF_MAP_TYPE_STACK]: QUEUE,
  [M.BPF_MAP_TYPE_SK_STORAGE]: storage('sk'),
  [M.BPF_MAP_TYPE_INODE_STORAGE]: storage('inode'),
  [M.BPF_MAP_TYPE_TASK_STORAGE]: storage('task'),
  [M.BPF_MAP_TYPE_CGRP_STORAGE]: storage('cgrp'),
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: ['bpf_map_peek_elem', 'bpf_map_push_elem'],
};

function all(helpers: readonly string[], ...maps: readonly number[]): Record<string, readonly number[]> {
  return Object.fromEntries(helpers.map((helper) => [helper, maps]));
}

/** By helper, the only map types that it takes. */
export const MAPS_OF_HELPER: Readonly<Record<string, readonly number[]>> = {
  ...all(['bpf_tail_call'], M.BPF_MAP_TYPE_PROG_ARRAY),
  ...all(PERF, M.BPF_MAP_TYPE_PERF_EVENT_ARRAY),
  ...all(RINGBUF, M.BPF_MAP_TYPE_RINGBUF),
  ...all(['bpf_user_ringbuf_drain'], M.BPF_MAP_TYPE_USER_RINGBUF),
  ...all(['bpf_get_stackid'], M.BPF_MAP_TYPE_STACK_TRACE),
  ...all(CGROUP, M.BPF_MAP_TYPE_CGROUP_ARRAY),
  ...all(
    ['bpf_redirect_map'],
    M.BPF_MAP_TYPE_DEVMAP,
    M.BPF_MAP_TYPE_DEVMAP_HASH,
    M.BPF_MAP_TYPE_CPUMAP,
    M.BPF_MAP_TYPE_XSKMAP,
  ),
  ...all(['bpf_sk_redirect_map', 'bpf_msg_redirect_map', 'bpf_sock_map_update'], M.BPF_MAP_TYPE_SOCKMAP),
  ...all(['bpf_sk_redirect_hash', 'bpf_msg_redirect_hash', 'bpf_sock_hash_update'], M.BPF_MAP_TYPE_SOCKHASH),
  ...all(['bpf_get_local_storage'], M.BPF_MAP_TYPE_CGROUP_STORAGE, M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE),
  ...all([SELECT], M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, M.BPF_MAP_TYPE_SOCKMAP, M.BPF_MAP_TYPE_SOCKHASH),
  ...all(['bpf_map_pop_elem'], M.BPF_MAP_TYPE_QUEUE, M.BPF_MAP_TYPE_STACK),
  ...all(
    ['bpf_map_peek_elem', 'bpf_map_push_elem'],
    M.BPF_MAP_TYPE_QUEUE,
    M.BPF_MAP_TYPE_STACK,
    M.BPF_MAP_TYPE_BLOOM_FILTER,
  ),
  ...all(
    ['bpf_map_lookup_percpu_elem'],
    M.BPF_MAP_TYPE_PERCPU_ARRAY,
    M.BPF_MAP_TYPE_PERCPU_HASH,
    M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  ),
  ...all(['bpf_sk_storage_get', 'bpf_sk_storage_delete'], M.BPF_MAP_TYPE_SK_STORAGE),
  ...all(['bpf_inode_storage_get', 'bpf_inode_storage_delete'], M.BPF_MAP_TYPE_INODE_STORAGE),
  ...all(['bpf_task_storage_get', 'bpf_task_storage_delete'], M.BPF_MAP_TYPE_TASK_STORAGE),
  ...all(['bpf_cgrp_storage_get', 'bpf_cgrp_storage_delete'], M.BPF_MAP_TYPE_CGRP_STORAGE),
};

/** Map types whose elements bpf_for_each_map_elem visits. */
export const ITERABLE_MAPS: readonly number[] = [
  M.BPF_MAP_TYPE_HASH,
  M.BPF_MAP_TYPE_ARRAY,
  M.BPF_MAP_TYPE_PERCPU_HASH,
  M.BPF_MAP_TYPE_PERCPU_ARRAY,
  M.BPF_MAP_TYPE_LRU_HASH,
  M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
];
