/** The numbers that tables of the spec write as runs. */
import { describe, expect, it } from 'vitest';
import { BpfAttachType as A, contextBytes, expandRuns, BpfProgType as P } from '../../src/spec/index.ts';

describe('runs of numbers', () => {
  it.each<[string, number | undefined, number[]]>([
    ['1-3 5', undefined, [1, 2, 3, 5]],
    ['0-8 20', 4, [0, 4, 8, 20]],
    ['0', undefined, [0]],
    ['', undefined, []],
  ])("'%s' in steps of %s", (runs, step, numbers) => {
    expect(expandRuns(runs, step)).toEqual(numbers);
  });
});

describe('how far programs may read their context', () => {
  it.each([
    ['struct pt_regs', P.BPF_PROG_TYPE_KPROBE, 0, 168],
    ['struct xdp_md', P.BPF_PROG_TYPE_XDP, 0, 20],
    ['struct sk_msg_md', P.BPF_PROG_TYPE_SK_MSG, A.BPF_SK_MSG_VERDICT, 80],
    ['struct bpf_sock_ops', P.BPF_PROG_TYPE_SOCK_OPS, A.BPF_CGROUP_SOCK_OPS, 224],
    ['a record of a tracepoint', P.BPF_PROG_TYPE_TRACEPOINT, 0, 264],
    ['what BTF describes', P.BPF_PROG_TYPE_TRACING, A.BPF_TRACE_FENTRY, 0],
  ])('%s', (_, type, attachType, bytes) => {
    expect(contextBytes(type, attachType)).toBe(bytes);
  });
});
