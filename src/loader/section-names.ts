/**
 * What the name of a code section says about the programs in it: type, attach type, load flags, where to attach. One row
 * a name that libbpf 1.5 knows, in its order, which decides (section_defs in tools/lib/bpf/libbpf.c).
 */
import { nearest } from '../base/suggest.ts';
import { BpfAttachType as A, type BpfAttachTypeName, BpfProgType as P, ProgFlag } from '../spec/index.ts';

/** Load flags of programs that may sleep, and of XDP programs that take packets in several fragments. */
export const { BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS } = ProgFlag;

/** The meaning of a section name. */
export interface SectionMeaning {
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  /** Expected BPF_* attach type number, 0 when the name implies none. */
  readonly attachType: number;
  /** BPF_F_* load flags. */
  readonly flags: number;
  /** What follows the first `/` of a name that takes a target, e.g. `sys_clone`; '' when nothing does. */
  readonly target: string;
  /** The target is a function, hook or type that BTF describes: loading needs its id. */
  readonly attachesByBtf: boolean;
}

/** Properties of a row beside type and attach type. */
type Trait = 'btf' | 'sleepable' | 'frags';

type ProgTypeName = keyof typeof P extends `BPF_PROG_TYPE_${infer Name}` ? Name : never;

/** Name (with `+` when `/target` may follow), program type, attach type, traits. */
type Row = readonly [string, ProgTypeName, BpfAttachTypeName | 0, ...Trait[]];

const ROWS: readonly Row[] = [
  ['socket', 'SOCKET_FILTER', 0],
  ['sk_reuseport/migrate', 'SK_REUSEPORT', 'BPF_SK_REUSEPORT_SELECT_OR_MIGRATE'],
  ['sk_reuseport', 'SK_REUSEPORT', 'BPF_SK_REUSEPORT_SELECT'],
  ['kprobe+', 'KPROBE', 0],
  ['uprobe+', 'KPROBE', 0],
  ['uprobe.s+', 'KPROBE', 0, 'sleepable'],
  ['kretprobe+', 'KPROBE', 0],
  ['uretprobe+', 'KPROBE', 0],
  ['uretprobe.s+', 'KPROBE', 0, 'sleepable'],
  ['kprobe.multi+', 'KPROBE', 'BPF_TRACE_KPROBE_MULTI'],
  ['kretprobe.multi+', 'KPROBE', 'BPF_TRACE_KPROBE_MULTI'],
  ['kprobe.session+', 'KPROBE', 'BPF_TRACE_KPROBE_SESSION'],
  ['uprobe.multi+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI'],
  ['uretprobe.multi+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI'],
  ['uprobe.multi.s+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI', 'sleepable'],
  ['uretprobe.multi.s+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI', 'sleepable'],
  ['ksyscall+', 'KPROBE', 0],
  ['kretsyscall+', 'KPROBE', 0],
  // libbpf's table has no attach type here; at load it takes this one on kernels that know it, as the reference does.
  ['usdt+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI'],
  ['usdt.s+', 'KPROBE', 'BPF_TRACE_UPROBE_MULTI', 'sleepable'],
  ['tc/ingress', 'SCHED_CLS', 'BPF_TCX_INGRESS'],
  ['tc/egress', 'SCHED_CLS', 'BPF_TCX_EGRESS'],
  ['tcx/ingress', 'SCHED_CLS', 'BPF_TCX_INGRESS'],
  ['tcx/egress', 'SCHED_CLS', 'BPF_TCX_EGRESS'],
  ['tc', 'SCHED_CLS', 0],
  ['classifier', 'SCHED_CLS', 0],
  ['action', 'SCHED_ACT', 0],
  ['netkit/primary', 'SCHED_CLS', 'BPF_NETKIT_PRIMARY'],
  ['netkit/peer', 'SCHED_CLS', 'BPF_NETKIT_PEER'],
  ['tracepoint+', 'TRACEPOINT', 0],
  ['tp+', 'TRACEPOINT', 0],
  ['raw_tracepoint+', 'RAW_TRACEPOINT', 0],
  ['raw_tp+', 'RAW_TRACEPOINT', 0],
  ['raw_tracepoint.w+', 'RAW_TRACEPOINT_WRITABLE', 0],
  ['raw_tp.w+', 'RAW_TRACEPOINT_WRITABLE', 0],
  ['tp_btf+', 'TRACING', 'BPF_TRACE_RAW_TP', 'btf'],
  ['fentry+', 'TRACING', 'BPF_TRACE_FENTRY', 'btf'],
  ['fmod_ret+', 'TRACING', 'BPF_MODIFY_RETURN', 'btf'],
  ['fexit+', 'TRACING', 'BPF_TRACE_FEXIT', 'btf'],
  ['fentry.s+', 'TRACING', 'BPF_TRACE_FENTRY', 'btf', 'sleepable'],
  ['fmod_ret.s+', 'TRACING', 'BPF_MODIFY_RETURN', 'btf', 'sleepable'],
  ['fexit.s+', 'TRACING', 'BPF_TRACE_FEXIT', 'btf', 'sleepable'],
  ['freplace+', 'EXT', 0, 'btf'],
  ['lsm+', 'LSM', 'BPF_LSM_MAC', 'btf'],
  ['lsm.s+', 'LSM', 'BPF_LSM_MAC', 'btf', 'sleepable'],
  ['lsm_cgroup+', 'LSM', 'BPF_LSM_CGROUP', 'btf'],
  ['iter+', 'TRACING', 'BPF_TRACE_ITER', 'btf'],
  ['iter.s+', 'TRACING', 'BPF_TRACE_ITER', 'btf', 'sleepable'],
  ['syscall', 'SYSCALL', 0, 'sleepable'],
  ['xdp.frags/devmap', 'XDP', 'BPF_XDP_DEVMAP', 'frags'],
  ['xdp/devmap', 'XDP', 'BPF_XDP_DEVMAP'],
  ['xdp.frags/cpumap', 'XDP', 'BPF_XDP_CPUMAP', 'frags'],
  ['xdp/cpumap', 'XDP', 'BPF_XDP_CPUMAP'],
  ['xdp.frags', 'XDP', 'BPF_XDP', 'frags'],
  ['xdp', 'XDP', 'BPF_XDP'],
  ['perf_event', 'PERF_EVENT', 0],
  ['lwt_in', 'LWT_IN', 0],
  ['lwt_out', 'LWT_OUT', 0],
  ['lwt_xmit', 'LWT_XMIT', 0],
  ['lwt_seg6local', 'LWT_SEG6LOCAL', 0],
  ['sockops', 'SOCK_OPS', 'BPF_CGROUP_SOCK_OPS'],
  ['sk_skb/stream_parser', 'SK_SKB', 'BPF_SK_SKB_STREAM_PARSER'],
  ['sk_skb/stream_verdict', 'SK_SKB', 'BPF_SK_SKB_STREAM_VERDICT'],
  ['sk_skb/verdict', 'SK_SKB', 'BPF_SK_SKB_VERDICT'],
  ['sk_skb', 'SK_SKB', 0],
  ['sk_msg', 'SK_MSG', 'BPF_SK_MSG_VERDICT'],
  ['lirc_mode2', 'LIRC_MODE2', 'BPF_LIRC_MODE2'],
  ['flow_dissector', 'FLOW_DISSECTOR', 'BPF_FLOW_DISSECTOR'],
  ['cgroup_skb/ingress', 'CGROUP_SKB', 'BPF_CGROUP_INET_INGRESS'],
  ['cgroup_skb/egress', 'CGROUP_SKB', 'BPF_CGROUP_INET_EGRESS'],
  ['cgroup/skb', 'CGROUP_SKB', 0],
  ['cgroup/sock_create', 'CGROUP_SOCK', 'BPF_CGROUP_INET_SOCK_CREATE'],
  ['cgroup/sock_release', 'CGROUP_SOCK', 'BPF_CGROUP_INET_SOCK_RELEASE'],
  ['cgroup/sock', 'CGROUP_SOCK', 'BPF_CGROUP_INET_SOCK_CREATE'],
  ['cgroup/post_bind4', 'CGROUP_SOCK', 'BPF_CGROUP_INET4_POST_BIND'],
  ['cgroup/post_bind6', 'CGROUP_SOCK', 'BPF_CGROUP_INET6_POST_BIND'],
  ['cgroup/bind4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET4_BIND'],
  ['cgroup/bind6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET6_BIND'],
  ['cgroup/connect4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET4_CONNECT'],
  ['cgroup/connect6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET6_CONNECT'],
  ['cgroup/connect_unix', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UNIX_CONNECT'],
  ['cgroup/sendmsg4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UDP4_SENDMSG'],
  ['cgroup/sendmsg6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UDP6_SENDMSG'],
  ['cgroup/sendmsg_unix', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UNIX_SENDMSG'],
  ['cgroup/recvmsg4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UDP4_RECVMSG'],
  ['cgroup/recvmsg6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UDP6_RECVMSG'],
  ['cgroup/recvmsg_unix', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UNIX_RECVMSG'],
  ['cgroup/getpeername4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET4_GETPEERNAME'],
  ['cgroup/getpeername6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET6_GETPEERNAME'],
  ['cgroup/getpeername_unix', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UNIX_GETPEERNAME'],
  ['cgroup/getsockname4', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET4_GETSOCKNAME'],
  ['cgroup/getsockname6', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_INET6_GETSOCKNAME'],
  ['cgroup/getsockname_unix', 'CGROUP_SOCK_ADDR', 'BPF_CGROUP_UNIX_GETSOCKNAME'],
  ['cgroup/sysctl', 'CGROUP_SYSCTL', 'BPF_CGROUP_SYSCTL'],
  ['cgroup/getsockopt', 'CGROUP_SOCKOPT', 'BPF_CGROUP_GETSOCKOPT'],
  ['cgroup/setsockopt', 'CGROUP_SOCKOPT', 'BPF_CGROUP_SETSOCKOPT'],
  ['cgroup/dev', 'CGROUP_DEVICE', 'BPF_CGROUP_DEVICE'],
  ['struct_ops+', 'STRUCT_OPS', 0],
  ['struct_ops.s+', 'STRUCT_OPS', 0, 'sleepable'],
  ['sk_lookup', 'SK_LOOKUP', 'BPF_SK_LOOKUP'],
  ['netfilter', 'NETFILTER', 'BPF_NETFILTER'],
];

interface Rule extends Omit<SectionMeaning, 'target'> {
  readonly name: string;
  readonly takesTarget: boolean;
}

const RULES: readonly Rule[] = ROWS.map(([pattern, type, attachType, ...traits]) => ({
  name: pattern.replace('+', ''),
  takesTarget: pattern.endsWith('+'),
  type: P[`BPF_PROG_TYPE_${type}`],
  attachType: attachType === 0 ? 0 : A[attachType],
  flags:
    (traits.includes('sleepable') ? BPF_F_SLEEPABLE : 0) |
    (traits.includes('frags') ? BPF_F_XDP_HAS_FRAGS : 0),
  attachesByBtf: traits.includes('btf'),
}));

/** Every section name that is known, in the order in which they are tried; `/…` marks those that take a target. */
export const SECTION_NAMES: readonly string[] = RULES.map((rule) =>
  rule.takesTarget ? `${rule.name}[/…]` : rule.name,
);

/** What a section name (without a leading `?`) means; undefined when libbpf does not know it either. */
export function sectionMeaning(name: string): SectionMeaning | undefined {
  const rule = RULES.find(
    (candidate) =>
      name === candidate.name || (candidate.takesTarget && name.startsWith(`${candidate.name}/`)),
  );
  if (rule === undefined) return undefined;
  const { type, attachType, flags, attachesByBtf } = rule;
  return { type, attachType, flags, target: name.slice(rule.name.length + 1), attachesByBtf };
}

/** The known section name that an unknown one was probably meant to be, with its target: `kprobe/sys_clone` for `kporbe/sys_clone`. */
export function nearestSectionName(name: string): string | undefined {
  const whole = nearest(
    name,
    RULES.map((rule) => rule.name),
  );
  if (whole !== undefined) return whole;
  const slash = name.indexOf('/');
  if (slash < 0) return undefined;
  const withTarget = RULES.filter((rule) => rule.takesTarget);
  const head = nearest(
    name.slice(0, slash),
    withTarget.map((rule) => rule.name),
  );
  return head === undefined ? undefined : head + name.slice(slash);
}

/** The meaning of a program's section name as in the file, where a leading `?` asks not to load it by default. */
export function programMeaning(section: string): SectionMeaning | undefined {
  return sectionMeaning(section.startsWith('?') ? section.slice(1) : section);
}
