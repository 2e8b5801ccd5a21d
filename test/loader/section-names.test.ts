/** What section names mean: libbpf 1.5's table. */
import { describe, expect, it } from 'vitest';
import {
  BPF_F_SLEEPABLE,
  BPF_F_XDP_HAS_FRAGS,
  nearestSectionName,
  programMeaning,
  SECTION_NAMES,
  sectionMeaning,
} from '../../src/loader/index.ts';
import { attachTypeName, progTypeName } from '../../src/spec/index.ts';

/** A meaning as short words: type, attach type, flags, target. */
function words(name: string): string {
  const meaning = sectionMeaning(name);
  if (meaning === undefined) return 'unknown';
  const { type, attachType, flags, target } = meaning;
  const flag = flags === BPF_F_SLEEPABLE ? 'sleepable' : flags === BPF_F_XDP_HAS_FRAGS ? 'frags' : '';
  return [
    progTypeName(type).replace('BPF_PROG_TYPE_', ''),
    attachType === 0 ? '' : attachTypeName(attachType),
    flag,
    target,
  ]
    .join(' ')
    .replace(/ +/g, ' ')
    .trim();
}

describe('sectionMeaning', () => {
  it('knows the 101 names of libbpf 1.5', () => {
    expect(SECTION_NAMES).toHaveLength(101);
    expect(new Set(SECTION_NAMES).size).toBe(101);
  });

  it.each([
    ['socket', 'SOCKET_FILTER'],
    ['sk_reuseport', 'SK_REUSEPORT BPF_SK_REUSEPORT_SELECT'],
    ['sk_reuseport/migrate', 'SK_REUSEPORT BPF_SK_REUSEPORT_SELECT_OR_MIGRATE'],
    ['kprobe/sys_clone', 'KPROBE sys_clone'],
    ['kprobe', 'KPROBE'],
    ['kretprobe/do_unlinkat+0x10', 'KPROBE do_unlinkat+0x10'],
    ['uprobe.s//proc/self/exe:trigger', 'KPROBE sleepable /proc/self/exe:trigger'],
    ['kprobe.multi/bpf_*', 'KPROBE BPF_TRACE_KPROBE_MULTI bpf_*'],
    ['kprobe.session/x', 'KPROBE BPF_TRACE_KPROBE_SESSION x'],
    ['uprobe.multi.s', 'KPROBE BPF_TRACE_UPROBE_MULTI sleepable'],
    ['ksyscall/nanosleep', 'KPROBE nanosleep'],
    ['usdt', 'KPROBE BPF_TRACE_UPROBE_MULTI'],
    ['tc', 'SCHED_CLS'],
    ['tc/ingress', 'SCHED_CLS BPF_TCX_INGRESS'],
    ['tcx/egress', 'SCHED_CLS BPF_TCX_EGRESS'],
    ['classifier', 'SCHED_CLS'],
    ['action', 'SCHED_ACT'],
    ['netkit/peer', 'SCHED_CLS BPF_NETKIT_PEER'],
    ['tp/syscalls/sys_enter_getuid', 'TRACEPOINT syscalls/sys_enter_getuid'],
    ['tracepoint/sched/sched_switch', 'TRACEPOINT sched/sched_switch'],
    ['raw_tp/sys_enter', 'RAW_TRACEPOINT sys_enter'],
    ['raw_tracepoint.w/x', 'RAW_TRACEPOINT_WRITABLE x'],
    ['tp_btf/task_newtask', 'TRACING BPF_TRACE_RAW_TP task_newtask'],
    ['fentry.s/f', 'TRACING BPF_TRACE_FENTRY sleepable f'],
    ['fmod_ret/f', 'TRACING BPF_MODIFY_RETURN f'],
    ['freplace/f', 'EXT f'],
    ['lsm.s/file_open', 'LSM BPF_LSM_MAC sleepable file_open'],
    ['lsm_cgroup/socket_bind', 'LSM BPF_LSM_CGROUP socket_bind'],
    ['iter/task', 'TRACING BPF_TRACE_ITER task'],
    ['syscall', 'SYSCALL sleepable'],
    ['xdp', 'XDP BPF_XDP'],
    ['xdp.frags', 'XDP BPF_XDP frags'],
    ['xdp.frags/cpumap', 'XDP BPF_XDP_CPUMAP frags'],
    ['xdp/devmap', 'XDP BPF_XDP_DEVMAP'],
    ['perf_event', 'PERF_EVENT'],
    ['sk_skb', 'SK_SKB'],
    ['sk_skb/stream_verdict', 'SK_SKB BPF_SK_SKB_STREAM_VERDICT'],
    ['cgroup/skb', 'CGROUP_SKB'],
    ['cgroup_skb/egress', 'CGROUP_SKB BPF_CGROUP_INET_EGRESS'],
    ['cgroup/connect_unix', 'CGROUP_SOCK_ADDR BPF_CGROUP_UNIX_CONNECT'],
    ['cgroup/dev', 'CGROUP_DEVICE BPF_CGROUP_DEVICE'],
    ['struct_ops/init', 'STRUCT_OPS init'],
    ['struct_ops.s', 'STRUCT_OPS sleepable'],
    ['sk_lookup', 'SK_LOOKUP BPF_SK_LOOKUP'],
    ['netfilter', 'NETFILTER BPF_NETFILTER'],
  ])('%s is %s', (name, meaning) => {
    expect(words(name)).toBe(meaning);
  });

  it.each([
    '',
    'xdp_prog',
    'xdp/foo',
    'kprobes',
    'kprobe.',
    'kprobe_multi/x',
    'tc/foo',
    'XDP',
    '.text',
    'socket1',
  ])('does not guess at %j', (name) => {
    expect(sectionMeaning(name)).toBeUndefined();
  });

  it('marks the names whose targets BTF describes', () => {
    const names = ['fentry/f', 'tp_btf/x', 'lsm/x', 'iter/task', 'freplace/f'];
    expect(names.map((name) => sectionMeaning(name)?.attachesByBtf)).toEqual(names.map(() => true));
    expect(sectionMeaning('kprobe/f')?.attachesByBtf).toBe(false);
  });
});

describe('programMeaning', () => {
  it('passes over the question mark of programs that are not loaded by default', () => {
    expect(programMeaning('?xdp')).toEqual(sectionMeaning('xdp'));
    expect(programMeaning('??xdp')).toBeUndefined();
  });
});

describe('nearestSectionName', () => {
  it.each([
    ['xpd', 'xdp'],
    ['XDP', 'xdp'],
    ['kporbe/sys_clone', 'kprobe/sys_clone'],
    ['tracepiont/syscalls/sys_enter_open', 'tracepoint/syscalls/sys_enter_open'],
    ['cgroup_skb/ingres', 'cgroup_skb/ingress'],
    ['something', undefined],
    ['something/else', undefined],
    ['', undefined],
  ])("'%s' was meant to be %s", (name, meant) => {
    expect(nearestSectionName(name)).toBe(meant);
  });
});
