/** Where programs attach: from section names and options, and what is refused. */
import { describe, expect, it } from 'vitest';
import { BpfAttachType, BpfProgType, type ProgramSpec } from '../../src/index.ts';
import { hookOf } from '../../src/kernel/attach/attach.ts';

const T = BpfProgType;

function spec(section: string, type: number, attachTarget = '', attachType = 0): ProgramSpec {
  return {
    name: 'prog',
    section,
    type,
    attachType,
    attachTarget,
    flags: 0,
    autoload: true,
    insns: [],
    subprogs: [],
    references: [],
    funcInfo: [],
    lineInfo: [],
    coreRelocs: [],
  };
}

describe('the hook of a program', () => {
  it.each([
    [
      'tp/syscalls/sys_enter_read',
      T.BPF_PROG_TYPE_TRACEPOINT,
      'syscalls/sys_enter_read',
      'tracepoint:syscalls/sys_enter_read',
    ],
    ['raw_tp/sys_enter', T.BPF_PROG_TYPE_RAW_TRACEPOINT, 'sys_enter', 'raw_tracepoint:sys_enter'],
    ['kprobe/do_unlinkat', T.BPF_PROG_TYPE_KPROBE, 'do_unlinkat', 'kprobe:do_unlinkat'],
    ['kprobe/do_unlinkat+0x10', T.BPF_PROG_TYPE_KPROBE, 'do_unlinkat+0x10', 'kprobe:do_unlinkat'],
    ['kretprobe/do_unlinkat', T.BPF_PROG_TYPE_KPROBE, 'do_unlinkat', 'kretprobe:do_unlinkat'],
    ['?kprobe/x', T.BPF_PROG_TYPE_KPROBE, 'x', 'kprobe:x'],
    ['ksyscall/openat', T.BPF_PROG_TYPE_KPROBE, 'openat', 'kprobe:__x64_sys_openat'],
    ['kretsyscall/openat', T.BPF_PROG_TYPE_KPROBE, 'openat', 'kretprobe:__x64_sys_openat'],
    ['xdp', T.BPF_PROG_TYPE_XDP, '', 'xdp:eth0'],
    ['tc', T.BPF_PROG_TYPE_SCHED_CLS, '', 'tc/ingress:eth0'],
    ['tc/egress', T.BPF_PROG_TYPE_SCHED_CLS, '', 'tc/egress:eth0'],
    ['socket', T.BPF_PROG_TYPE_SOCKET_FILTER, '', 'socket:eth0'],
    ['lsm/file_open', T.BPF_PROG_TYPE_LSM, 'file_open', 'lsm:bpf_lsm_file_open'],
    ['flow_dissector', T.BPF_PROG_TYPE_FLOW_DISSECTOR, '', 'netns/flow_dissector'],
  ])('%s', (section, type, target, hook) => {
    expect(hookOf(spec(section, type, target), {})).toBe(hook);
  });

  it.each([
    [BpfAttachType.BPF_TRACE_RAW_TP, 'tp_btf:f'],
    [BpfAttachType.BPF_TRACE_FENTRY, 'fentry:f'],
    [BpfAttachType.BPF_TRACE_FEXIT, 'fexit:f'],
    [BpfAttachType.BPF_MODIFY_RETURN, 'fmod_ret:f'],
  ])('of a tracing program follows its attach type %i', (attachType, hook) => {
    expect(hookOf(spec('x/f', T.BPF_PROG_TYPE_TRACING, 'f', attachType), {})).toBe(hook);
  });

  it('follows the options before the section', () => {
    expect(hookOf(spec('kprobe', T.BPF_PROG_TYPE_KPROBE), { target: 'f' })).toBe('kprobe:f');
    expect(hookOf(spec('tc', T.BPF_PROG_TYPE_SCHED_CLS), { device: 'lo', direction: 'egress' })).toBe(
      'tc/egress:lo',
    );
  });

  it('is missing when neither says where', () => {
    expect(() => hookOf(spec('kprobe', T.BPF_PROG_TYPE_KPROBE), {})).toThrow(
      /section 'kprobe' does not say where to attach/,
    );
  });

  it.each([
    ['perf_event', T.BPF_PROG_TYPE_PERF_EVENT, 0],
    ['uprobe//bin/sh:main', T.BPF_PROG_TYPE_KPROBE, 0],
    ['netfilter', T.BPF_PROG_TYPE_NETFILTER, BpfAttachType.BPF_NETFILTER],
  ])('is refused with EOPNOTSUPP for %s, which nothing here fires', (section, type, attachType) => {
    expect(() => hookOf(spec(section, type, 'x', attachType), {})).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP' }),
    );
  });
});
