/**
 * What programs call their context in BTF. Source: include/linux/bpf_types.h; btf_is_projection_of, btf_validate_prog_ctx_type in
 * kernel/bpf/btf.c.
 */
import type { BtfType } from '../../btf/index.ts';
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';

const SKB = ['__sk_buff', 'sk_buff'];

/** By program type, names of the context's struct: the one that is expected first. Types without any have no struct. */
export const CONTEXT_STRUCTS: Readonly<Record<number, readonly string[]>> = {
  [P.BPF_PROG_TYPE_SOCKET_FILTER]: SKB,
  [P.BPF_PROG_TYPE_SCHED_CLS]: SKB,
  [P.BPF_PROG_TYPE_SCHED_ACT]: SKB,
  [P.BPF_PROG_TYPE_XDP]: ['xdp_md', 'xdp_buff'],
  [P.BPF_PROG_TYPE_CGROUP_SKB]: SKB,
  [P.BPF_PROG_TYPE_CGROUP_SOCK]: ['bpf_sock'],
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: ['bpf_sock_addr'],
  [P.BPF_PROG_TYPE_LWT_IN]: SKB,
  [P.BPF_PROG_TYPE_LWT_OUT]: SKB,
  [P.BPF_PROG_TYPE_LWT_XMIT]: SKB,
  [P.BPF_PROG_TYPE_LWT_SEG6LOCAL]: SKB,
  [P.BPF_PROG_TYPE_SOCK_OPS]: ['bpf_sock_ops'],
  [P.BPF_PROG_TYPE_SK_SKB]: SKB,
  [P.BPF_PROG_TYPE_SK_MSG]: ['sk_msg_md'],
  [P.BPF_PROG_TYPE_FLOW_DISSECTOR]: SKB,
  [P.BPF_PROG_TYPE_KPROBE]: ['pt_regs', 'bpf_user_pt_regs_t'],
  [P.BPF_PROG_TYPE_PERF_EVENT]: ['bpf_perf_event_data'],
  [P.BPF_PROG_TYPE_RAW_TRACEPOINT]: ['bpf_raw_tracepoint_args'],
  [P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE]: ['bpf_raw_tracepoint_args'],
  [P.BPF_PROG_TYPE_CGROUP_DEVICE]: ['bpf_cgroup_dev_ctx'],
  [P.BPF_PROG_TYPE_CGROUP_SYSCTL]: ['bpf_sysctl'],
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT]: ['bpf_sockopt'],
  [P.BPF_PROG_TYPE_SK_REUSEPORT]: ['sk_reuseport_md'],
  [P.BPF_PROG_TYPE_SK_LOOKUP]: ['bpf_sk_lookup'],
  [P.BPF_PROG_TYPE_NETFILTER]: ['bpf_nf_ctx'],
};

/** Whether an argument with the tag of a context may be declared so, beyond the context's own struct. */
export function acceptsAsContext(type: number, attachType: number, target: BtfType): boolean {
  const wide = target.kind === 'int' && target.size === 8;
  const struct = target.kind === 'struct' ? target.name : '';
  switch (type) {
    case P.BPF_PROG_TYPE_KPROBE:
    case P.BPF_PROG_TYPE_PERF_EVENT:
      return struct === 'pt_regs';
    case P.BPF_PROG_TYPE_RAW_TRACEPOINT:
    case P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
    case P.BPF_PROG_TYPE_LSM:
    case P.BPF_PROG_TYPE_STRUCT_OPS:
      return wide;
    case P.BPF_PROG_TYPE_TRACING:
      if (attachType === A.BPF_TRACE_RAW_TP) return wide || struct === 'bpf_raw_tracepoint_args';
      return attachType === A.BPF_TRACE_ITER ? struct.startsWith('bpf_iter__') : wide;
    case P.BPF_PROG_TYPE_TRACEPOINT:
    case P.BPF_PROG_TYPE_SYSCALL:
    case P.BPF_PROG_TYPE_EXT:
      return true;
    default:
      return false;
  }
}
