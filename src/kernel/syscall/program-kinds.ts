/**
 * Which program types there are and which attach types each of them may be loaded with (bpf_prog_types, bpf_prog_load_check_attach in
 * kernel/bpf/syscall.c), and which attach types belong to which program type (attach_type_to_prog_type).
 */
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';

/** Types that name what they attach to by a BTF id. */
export const BY_BTF_ID: readonly number[] = [
  P.BPF_PROG_TYPE_TRACING,
  P.BPF_PROG_TYPE_LSM,
  P.BPF_PROG_TYPE_STRUCT_OPS,
  P.BPF_PROG_TYPE_EXT,
];

/** Types that may attach to another program. */
export const BY_PROGRAM: readonly number[] = [P.BPF_PROG_TYPE_TRACING, P.BPF_PROG_TYPE_EXT];

/** Attach types that a program type takes at load; types without a row take any number. */
const LOADED_WITH: Readonly<Record<number, readonly number[]>> = {
  [P.BPF_PROG_TYPE_CGROUP_SOCK]: [
    A.BPF_CGROUP_INET_SOCK_CREATE,
    A.BPF_CGROUP_INET_SOCK_RELEASE,
    A.BPF_CGROUP_INET4_POST_BIND,
    A.BPF_CGROUP_INET6_POST_BIND,
  ],
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: [
    A.BPF_CGROUP_INET4_BIND,
    A.BPF_CGROUP_INET6_BIND,
    A.BPF_CGROUP_INET4_CONNECT,
    A.BPF_CGROUP_INET6_CONNECT,
    A.BPF_CGROUP_UNIX_CONNECT,
    A.BPF_CGROUP_INET4_GETPEERNAME,
    A.BPF_CGROUP_INET6_GETPEERNAME,
    A.BPF_CGROUP_UNIX_GETPEERNAME,
    A.BPF_CGROUP_INET4_GETSOCKNAME,
    A.BPF_CGROUP_INET6_GETSOCKNAME,
    A.BPF_CGROUP_UNIX_GETSOCKNAME,
    A.BPF_CGROUP_UDP4_SENDMSG,
    A.BPF_CGROUP_UDP6_SENDMSG,
    A.BPF_CGROUP_UNIX_SENDMSG,
    A.BPF_CGROUP_UDP4_RECVMSG,
    A.BPF_CGROUP_UDP6_RECVMSG,
    A.BPF_CGROUP_UNIX_RECVMSG,
  ],
  [P.BPF_PROG_TYPE_CGROUP_SKB]: [A.BPF_CGROUP_INET_INGRESS, A.BPF_CGROUP_INET_EGRESS],
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT]: [A.BPF_CGROUP_SETSOCKOPT, A.BPF_CGROUP_GETSOCKOPT],
  [P.BPF_PROG_TYPE_SK_LOOKUP]: [A.BPF_SK_LOOKUP],
  [P.BPF_PROG_TYPE_SK_REUSEPORT]: [A.BPF_SK_REUSEPORT_SELECT, A.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE],
  [P.BPF_PROG_TYPE_NETFILTER]: [A.BPF_NETFILTER],
  [P.BPF_PROG_TYPE_SYSCALL]: [0],
  [P.BPF_PROG_TYPE_EXT]: [0],
};

/** Whether a program of a type may be loaded with an attach type. */
export function mayLoadWith(type: number, attachType: number): boolean {
  return LOADED_WITH[type]?.includes(attachType) ?? true;
}

/** The attach type that stands for 0 (bpf_prog_load_fixup_attach_type). */
export function fixedAttachType(type: number, attachType: number): number {
  if (attachType !== 0) return attachType;
  if (type === P.BPF_PROG_TYPE_CGROUP_SOCK) return A.BPF_CGROUP_INET_SOCK_CREATE;
  return type === P.BPF_PROG_TYPE_SK_REUSEPORT ? A.BPF_SK_REUSEPORT_SELECT : 0;
}

/** Whether the kernel has a program type. The reference kernel is built without BPF_LIRC_MODE2. */
export function isProgramType(type: number): boolean {
  return type > 0 && type <= P.BPF_PROG_TYPE_NETFILTER && type !== P.BPF_PROG_TYPE_LIRC_MODE2;
}

const ATTACHED_BY: readonly (readonly [type: number, attachTypes: readonly number[]])[] = [
  [P.BPF_PROG_TYPE_CGROUP_SKB, [A.BPF_CGROUP_INET_INGRESS, A.BPF_CGROUP_INET_EGRESS]],
  [P.BPF_PROG_TYPE_CGROUP_SOCK, LOADED_WITH[P.BPF_PROG_TYPE_CGROUP_SOCK] ?? []],
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, LOADED_WITH[P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR] ?? []],
  [P.BPF_PROG_TYPE_SOCK_OPS, [A.BPF_CGROUP_SOCK_OPS]],
  [P.BPF_PROG_TYPE_CGROUP_DEVICE, [A.BPF_CGROUP_DEVICE]],
  [P.BPF_PROG_TYPE_SK_MSG, [A.BPF_SK_MSG_VERDICT]],
  [P.BPF_PROG_TYPE_SK_SKB, [A.BPF_SK_SKB_STREAM_PARSER, A.BPF_SK_SKB_STREAM_VERDICT, A.BPF_SK_SKB_VERDICT]],
  [P.BPF_PROG_TYPE_LIRC_MODE2, [A.BPF_LIRC_MODE2]],
  [P.BPF_PROG_TYPE_FLOW_DISSECTOR, [A.BPF_FLOW_DISSECTOR]],
  [P.BPF_PROG_TYPE_CGROUP_SYSCTL, [A.BPF_CGROUP_SYSCTL]],
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT, [A.BPF_CGROUP_GETSOCKOPT, A.BPF_CGROUP_SETSOCKOPT]],
  [
    P.BPF_PROG_TYPE_TRACING,
    [A.BPF_TRACE_ITER, A.BPF_TRACE_RAW_TP, A.BPF_TRACE_FENTRY, A.BPF_TRACE_FEXIT, A.BPF_MODIFY_RETURN],
  ],
  [P.BPF_PROG_TYPE_LSM, [A.BPF_LSM_MAC, A.BPF_LSM_CGROUP]],
  [P.BPF_PROG_TYPE_SK_LOOKUP, [A.BPF_SK_LOOKUP]],
  [P.BPF_PROG_TYPE_XDP, [A.BPF_XDP]],
  [P.BPF_PROG_TYPE_SCHED_CLS, [A.BPF_TCX_INGRESS, A.BPF_TCX_EGRESS, A.BPF_NETKIT_PRIMARY, A.BPF_NETKIT_PEER]],
];

const typeOfAttachType = new Map<number, number>(
  ATTACHED_BY.flatMap(([type, attachTypes]) => attachTypes.map((attachType) => [attachType, type] as const)),
);

/** The program type that an attach type is for; BPF_PROG_TYPE_UNSPEC when it is for none alone. */
export function programTypeOf(attachType: number): number {
  return typeOfAttachType.get(attachType) ?? P.BPF_PROG_TYPE_UNSPEC;
}

/** Types that attach to cgroups; LSM programs only with BPF_LSM_CGROUP. */
export const CGROUP_TYPES: readonly number[] = [
  P.BPF_PROG_TYPE_CGROUP_DEVICE,
  P.BPF_PROG_TYPE_CGROUP_SKB,
  P.BPF_PROG_TYPE_CGROUP_SOCK,
  P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  P.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  P.BPF_PROG_TYPE_CGROUP_SYSCTL,
  P.BPF_PROG_TYPE_SOCK_OPS,
];
