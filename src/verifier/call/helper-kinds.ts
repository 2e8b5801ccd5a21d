/**
 * What is special about single helpers: which call back, which give or take references, which cast, which move the packet.
 * Sources: is_acquire_function, is_ptr_cast_function, is_sync_callback_calling_function … in kernel/bpf/verifier.c;
 * bpf_helper_changes_pkt_data in net/core/filter.c.
 */
import { helperByName, BpfMapType as M } from '../../spec/index.ts';

function id(name: string): number {
  return helperByName(name)!.id;
}

function ids(...names: readonly string[]): ReadonlySet<number> {
  return new Set(names.map(id));
}

const MAP_LOOKUP = id('map_lookup_elem');
export const MAP_UPDATE = id('map_update_elem');
export const MAP_DELETE = id('map_delete_elem');
export const MAP_PUSH = id('map_push_elem');
export const MAP_POP = id('map_pop_elem');
export const MAP_PEEK = id('map_peek_elem');
export const TAIL_CALL = id('tail_call');
export const SPIN_LOCK = id('spin_lock');
export const SPIN_UNLOCK = id('spin_unlock');
export const TIMER_SET_CALLBACK = id('timer_set_callback');
export const FOR_EACH_MAP_ELEM = id('for_each_map_elem');
export const FIND_VMA = id('find_vma');
export const LOOP = id('loop');
export const USER_RINGBUF_DRAIN = id('user_ringbuf_drain');
export const SNPRINTF = id('snprintf');
export const SET_RETVAL = id('set_retval');
export const GET_LOCAL_STORAGE = id('get_local_storage');
export const GET_FUNC_IP = id('get_func_ip');
export const SK_RELEASE = id('sk_release');
export const GET_SMP_PROCESSOR_ID = id('get_smp_processor_id');

const SYNC_CALLBACKS = ids('for_each_map_elem', 'find_vma', 'loop', 'user_ringbuf_drain');

/** The helper calls a function of the program before it returns. */
export function isSyncCallbackHelper(helper: number): boolean {
  return SYNC_CALLBACKS.has(helper);
}

const CASTS = ids(
  'tcp_sock',
  'sk_fullsock',
  'skc_to_tcp_sock',
  'skc_to_tcp6_sock',
  'skc_to_udp6_sock',
  'skc_to_mptcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
);

/** The result is another view of the argument, and shares its reference. */
export function isCast(helper: number): boolean {
  return CASTS.has(helper);
}

const ACQUIRES = ids('sk_lookup_tcp', 'sk_lookup_udp', 'skc_lookup_tcp', 'ringbuf_reserve', 'kptr_xchg');

/** The result holds a reference that the program must give back. */
export function isAcquire(helper: number, mapType: number): boolean {
  if (ACQUIRES.has(helper)) return true;
  return helper === MAP_LOOKUP && (mapType === M.BPF_MAP_TYPE_SOCKMAP || mapType === M.BPF_MAP_TYPE_SOCKHASH);
}

const CHANGES_PACKET = ids(
  'clone_redirect',
  'l3_csum_replace',
  'l4_csum_replace',
  'lwt_push_encap',
  'lwt_seg6_action',
  'lwt_seg6_adjust_srh',
  'lwt_seg6_store_bytes',
  'msg_pop_data',
  'msg_pull_data',
  'msg_push_data',
  'skb_adjust_room',
  'skb_change_head',
  'skb_change_proto',
  'skb_change_tail',
  'skb_pull_data',
  'skb_store_bytes',
  'skb_vlan_pop',
  'skb_vlan_push',
  'store_hdr_opt',
  'xdp_adjust_head',
  'xdp_adjust_meta',
  'xdp_adjust_tail',
  'tail_call',
);

/** The packet may be somewhere else afterwards: pointers into it are no longer good. */
export function changesPacketData(helper: number): boolean {
  return CHANGES_PACKET.has(helper);
}

const READS_STRING = ids(
  'get_stack',
  'get_task_stack',
  'probe_read_str',
  'probe_read_kernel_str',
  'probe_read_user_str',
);

/** The result is a negative error, or at most the size that was asked for. */
export function returnsLength(helper: number): boolean {
  return READS_STRING.has(helper);
}

const RECORDS_MAP = ids(
  'tail_call',
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'for_each_map_elem',
  'redirect_map',
  'map_lookup_percpu_elem',
);

/** The map argument of this helper is remembered with the instruction (record_func_map). */
export function recordsMap(helper: number): boolean {
  return RECORDS_MAP.has(helper);
}
