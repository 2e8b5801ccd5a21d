/**
 * What each program type may read and write of its context: by result type and access size, the byte offsets as runs in steps of
 * the size (`48-56` with size 8 stands for 48 and 56). Facts, found by loading one small program for each access on Linux 6.12.
 */
import type { ContextAccess } from './program-type-shapes.ts';

export const SOCKET_FILTER_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-71 84-87 164-167 176-179' },
  { result: 'scalar', size: 2, offsets: '0-70 84-86 164-166 176-178' },
  { result: 'scalar', size: 4, offsets: '0-68 84 164 176' },
  { result: 'scalar', size: 8, offsets: '48-56' },
  { result: 'sock_common_or_null', size: 8, offsets: '168' },
];

export const SOCKET_FILTER_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '48-67' },
  { result: 'scalar', size: 2, offsets: '48-66' },
  { result: 'scalar', size: 4, offsets: '48-64' },
  { result: 'scalar', size: 8, offsets: '48-56' },
];

export const KPROBE_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-167' },
  { result: 'scalar', size: 2, offsets: '0-166' },
  { result: 'scalar', size: 4, offsets: '0-164' },
  { result: 'scalar', size: 8, offsets: '0-160' },
];

export const SCHED_CLS_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-75 84-87 160-167 176-180' },
  { result: 'scalar', size: 2, offsets: '0-74 84-86 160-166 176-178' },
  { result: 'scalar', size: 4, offsets: '0-72 84 160-164 176' },
  { result: 'scalar', size: 8, offsets: '48-56 152 184' },
  { result: 'pkt', size: 4, offsets: '76' },
  { result: 'pkt_end', size: 4, offsets: '80' },
  { result: 'pkt_meta', size: 4, offsets: '140' },
  { result: 'sock_common_or_null', size: 8, offsets: '168' },
];

export const SCHED_CLS_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '48-67' },
  { result: 'scalar', size: 2, offsets: '48-66' },
  { result: 'scalar', size: 4, offsets: '8-12 32 44-64 72' },
  { result: 'scalar', size: 8, offsets: '48-56 152' },
];

export const TRACEPOINT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '8-263' },
  { result: 'scalar', size: 2, offsets: '8-262' },
  { result: 'scalar', size: 4, offsets: '8-260' },
  { result: 'scalar', size: 8, offsets: '8-256' },
];

export const XDP_READ: readonly ContextAccess[] = [
  { result: 'pkt', size: 4, offsets: '0' },
  { result: 'pkt_end', size: 4, offsets: '4' },
  { result: 'pkt_meta', size: 4, offsets: '8' },
  { result: 'scalar', size: 4, offsets: '12-16' },
];

export const PERF_EVENT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '168-183' },
  { result: 'scalar', size: 2, offsets: '168-182' },
  { result: 'scalar', size: 4, offsets: '168-180' },
  { result: 'scalar', size: 8, offsets: '0-176' },
];

export const CGROUP_SKB_INGRESS_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-71 84-91 132-139 164-167 176-179' },
  { result: 'scalar', size: 2, offsets: '0-70 84-90 132-138 164-166 176-178' },
  { result: 'scalar', size: 4, offsets: '0-68 84-136 164 176' },
  { result: 'scalar', size: 8, offsets: '48-56 152 184' },
  { result: 'pkt', size: 4, offsets: '76' },
  { result: 'pkt_end', size: 4, offsets: '80' },
  { result: 'sock_common_or_null', size: 8, offsets: '168' },
];

export const CGROUP_SKB_INGRESS_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '48-67' },
  { result: 'scalar', size: 2, offsets: '48-66' },
  { result: 'scalar', size: 4, offsets: '8 32 48-64' },
  { result: 'scalar', size: 8, offsets: '48-56 152' },
];

export const CGROUP_SOCK_CREATE_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '4 8 12 48-49 52-72 76' },
  { result: 'scalar', size: 2, offsets: '4 8 12 48 52-72 76' },
  { result: 'scalar', size: 4, offsets: '0-20 48-76' },
];

export const CGROUP_SOCK_CREATE_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '0 16-20' },
];

export const CGROUP_POST_BIND4_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '4 8 12 24-27 44 48-49 52-72 76' },
  { result: 'scalar', size: 2, offsets: '4 8 12 24-26 44 48 52-72 76' },
  { result: 'scalar', size: 4, offsets: '4-12 24 44-76' },
];

export const CGROUP_POST_BIND6_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '4 8 12 28-44 48-49 52-72 76' },
  { result: 'scalar', size: 2, offsets: '4 8 12 28-44 48 52-72 76' },
  { result: 'scalar', size: 4, offsets: '4-12 28-76' },
];

export const LWT_IN_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-71 84-87 164-167 176-179' },
  { result: 'scalar', size: 2, offsets: '0-70 84-86 164-166 176-178' },
  { result: 'scalar', size: 4, offsets: '0-68 84 164 176' },
  { result: 'scalar', size: 8, offsets: '48-56' },
  { result: 'pkt', size: 4, offsets: '76' },
  { result: 'pkt_end', size: 4, offsets: '80' },
  { result: 'sock_common_or_null', size: 8, offsets: '168' },
];

export const LWT_IN_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '48-67' },
  { result: 'scalar', size: 2, offsets: '48-66' },
  { result: 'scalar', size: 4, offsets: '8 32 48-64' },
  { result: 'scalar', size: 8, offsets: '48-56' },
];

export const SOCKOPS_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '212' },
  { result: 'scalar', size: 2, offsets: '212' },
  { result: 'scalar', size: 4, offsets: '0-164 208-212' },
  { result: 'scalar', size: 8, offsets: '168-176 216' },
  { result: 'sock_or_null', size: 8, offsets: '184' },
  { result: 'pkt', size: 8, offsets: '192' },
  { result: 'pkt_end', size: 8, offsets: '200' },
];

export const SOCKOPS_WRITE: readonly ContextAccess[] = [{ result: 'scalar', size: 4, offsets: '4 164' }];

export const SK_SKB_STREAM_PARSER_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-7 12-71 84-91 132-139 164-167 176-179' },
  { result: 'scalar', size: 2, offsets: '0-6 12-70 84-90 132-138 164-166 176-178' },
  { result: 'scalar', size: 4, offsets: '0-4 12-68 84-136 164 176' },
  { result: 'scalar', size: 8, offsets: '48-56' },
  { result: 'pkt', size: 4, offsets: '76' },
  { result: 'pkt_end', size: 4, offsets: '80' },
  { result: 'sock_common_or_null', size: 8, offsets: '168' },
];

export const SK_SKB_STREAM_PARSER_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '32 44' },
];

export const CGROUP_DEV_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-3' },
  { result: 'scalar', size: 2, offsets: '0-2' },
  { result: 'scalar', size: 4, offsets: '0-8' },
];

export const SK_MSG_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '16-68' },
  { result: 'pkt', size: 8, offsets: '0' },
  { result: 'pkt_end', size: 8, offsets: '8' },
  { result: 'sock', size: 8, offsets: '72' },
];

export const RAW_TRACEPOINT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-95' },
  { result: 'scalar', size: 2, offsets: '0-94' },
  { result: 'scalar', size: 4, offsets: '0-92' },
  { result: 'scalar', size: 8, offsets: '0-88' },
];

export const CGROUP_BIND4_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '4-7 24-27' },
  { result: 'scalar', size: 2, offsets: '4-6 24-26' },
  { result: 'scalar', size: 4, offsets: '0-4 24-36' },
  { result: 'sock', size: 8, offsets: '64' },
];

export const CGROUP_BIND4_WRITE: readonly ContextAccess[] = [{ result: 'scalar', size: 4, offsets: '4 24' }];

export const CGROUP_BIND6_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '8-27' },
  { result: 'scalar', size: 2, offsets: '8-26' },
  { result: 'scalar', size: 4, offsets: '0 8-36' },
  { result: 'scalar', size: 8, offsets: '8-16' },
  { result: 'sock', size: 8, offsets: '64' },
];

export const CGROUP_BIND6_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '8-24' },
  { result: 'scalar', size: 8, offsets: '8-16' },
];

export const CGROUP_SENDMSG4_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '4-7 24-27 40-43' },
  { result: 'scalar', size: 2, offsets: '4-6 24-26 40-42' },
  { result: 'scalar', size: 4, offsets: '0-4 24-40' },
  { result: 'sock', size: 8, offsets: '64' },
];

export const CGROUP_SENDMSG4_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '4 24 40' },
];

export const CGROUP_SENDMSG6_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '8-27 44-59' },
  { result: 'scalar', size: 2, offsets: '8-26 44-58' },
  { result: 'scalar', size: 4, offsets: '0 8-36 44-56' },
  { result: 'scalar', size: 8, offsets: '8-16 48' },
  { result: 'sock', size: 8, offsets: '64' },
];

export const CGROUP_SENDMSG6_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '8-24 44-56' },
  { result: 'scalar', size: 8, offsets: '8-16 48' },
];

export const CGROUP_CONNECT_UNIX_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '24-27' },
  { result: 'scalar', size: 2, offsets: '24-26' },
  { result: 'scalar', size: 4, offsets: '0 24-36' },
  { result: 'sock', size: 8, offsets: '64' },
];

export const CGROUP_CONNECT_UNIX_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '24' },
];

export const SK_REUSEPORT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '16-19 24-31' },
  { result: 'scalar', size: 2, offsets: '16-30' },
  { result: 'scalar', size: 4, offsets: '16-32' },
  { result: 'pkt', size: 8, offsets: '0' },
  { result: 'pkt_end', size: 8, offsets: '8' },
  { result: 'sock', size: 8, offsets: '40' },
  { result: 'sock_common_or_null', size: 8, offsets: '48' },
];

export const FLOW_DISSECTOR_READ: readonly ContextAccess[] = [
  { result: 'pkt', size: 4, offsets: '76' },
  { result: 'pkt_end', size: 4, offsets: '80' },
  { result: 'flow_keys', size: 8, offsets: '144' },
];

export const CGROUP_SYSCTL_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-7' },
  { result: 'scalar', size: 2, offsets: '0-6' },
  { result: 'scalar', size: 4, offsets: '0-4' },
];

export const CGROUP_SYSCTL_WRITE: readonly ContextAccess[] = [{ result: 'scalar', size: 4, offsets: '4' }];

export const RAW_TRACEPOINT_W_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '1-95' },
  { result: 'scalar', size: 2, offsets: '2-94' },
  { result: 'scalar', size: 4, offsets: '4-92' },
  { result: 'scalar', size: 8, offsets: '8-88' },
  { result: 'tp_buffer', size: 8, offsets: '0' },
];

export const CGROUP_GETSOCKOPT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '24-36' },
  { result: 'sock', size: 8, offsets: '0' },
  { result: 'pkt', size: 8, offsets: '8' },
  { result: 'pkt_end', size: 8, offsets: '16' },
];

export const CGROUP_GETSOCKOPT_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '32-36' },
];

export const CGROUP_SETSOCKOPT_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '24-32' },
  { result: 'sock', size: 8, offsets: '0' },
  { result: 'pkt', size: 8, offsets: '8' },
  { result: 'pkt_end', size: 8, offsets: '16' },
];

export const CGROUP_SETSOCKOPT_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 4, offsets: '24-32' },
];

export const SK_LOOKUP_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '8-67' },
  { result: 'scalar', size: 2, offsets: '8-66' },
  { result: 'scalar', size: 4, offsets: '8-64' },
  { result: 'sock_or_null', size: 8, offsets: '0' },
];

export const SYSCALL_READ: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-71' },
  { result: 'scalar', size: 2, offsets: '0-70' },
  { result: 'scalar', size: 4, offsets: '0-68' },
  { result: 'scalar', size: 8, offsets: '0-64' },
];

export const SYSCALL_WRITE: readonly ContextAccess[] = [
  { result: 'scalar', size: 1, offsets: '0-71' },
  { result: 'scalar', size: 2, offsets: '0-70' },
  { result: 'scalar', size: 4, offsets: '0-68' },
  { result: 'scalar', size: 8, offsets: '0-64' },
];

export const NETFILTER_READ: readonly ContextAccess[] = [
  { result: 'trusted_ptr nf_hook_state', size: 8, offsets: '0' },
  { result: 'trusted_ptr sk_buff', size: 8, offsets: '8' },
];
