/** Programs that attach by type: functions, tracepoints and iterators of a kernel with types of its own; what is told of them. */
import { describe, expect, it } from 'vitest';
import { BtfBuilder, parseBtf } from '../../../src/btf/index.ts';
import { Kernel } from '../../../src/kernel/index.ts';
import { code } from './scenario.ts';

const TRACING = 26;
const FENTRY = 24;
const MODIFY_RETURN = 26;

/** A kernel with `int bpf_fentry_test1(int)`, `int bpf_modify_return_test(int)` and an iterator. */
function kernelWithTypes(): { kernel: Kernel; id: (name: string) => number } {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 });
  const proto = builder.add({
    kind: 'func_proto',
    name: '',
    returnType: int,
    params: [{ name: 'a', type: int }],
  });
  for (const name of ['bpf_fentry_test1', 'bpf_modify_return_test', 'bpf_iter_task'])
    builder.add({ kind: 'func', name, type: proto, linkage: 'global' });
  const btf = parseBtf(builder.bytes());
  return { kernel: new Kernel({ btf: [btf] }), id: (name) => btf.findByName(name, 'func')?.id ?? 0 };
}

function load(kernel: Kernel, attach_btf_id: number, attachType: number, source = 'r0 = 0\nexit'): number {
  const insns = code(source);
  return kernel.bpf('BPF_PROG_LOAD', {
    prog_type: TRACING,
    expected_attach_type: attachType,
    attach_btf_id,
    insns,
    insn_cnt: insns.length / 8,
    license: 'GPL',
  });
}

function info(kernel: Kernel, bpf_fd: number): DataView {
  const bytes = new Uint8Array(64);
  kernel.bpf('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd, info: bytes, info_len: 64 });
  return new DataView(bytes.buffer);
}

describe('a program at a function', () => {
  it('runs when the function is called, and in its own test run', () => {
    const { kernel, id } = kernelWithTypes();
    const prog_fd = load(kernel, id('bpf_fentry_test1'), FENTRY);
    const link = kernel.bpf('BPF_LINK_CREATE', { prog_fd, attach_type: FENTRY, 'tracing.cookie': 5 });
    expect(kernel.functionCall('bpf_fentry_test1', [1])).toMatchObject([{ hook: 'fentry:bpf_fentry_test1' }]);
    const stats = kernel.bpf('BPF_ENABLE_STATS', { type: 0 });
    const run = { prog_fd, retval: 9 };
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval).toBe(0);
    const program = new Uint8Array(232);
    kernel.bpf('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: prog_fd, info: program, info_len: 228 });
    expect(new DataView(program.buffer).getBigUint64(200, true), 'run_cnt').toBe(1n);
    kernel.process.close(stats);
    const view = info(kernel, link);
    expect([view.getUint32(0, true), view.getUint32(16, true), view.getUint32(24, true)]).toEqual([
      2,
      FENTRY,
      id('bpf_fentry_test1'),
    ]);
  });

  it('is attached once', () => {
    const { kernel, id } = kernelWithTypes();
    const prog_fd = load(kernel, id('bpf_fentry_test1'), FENTRY);
    kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { prog_fd });
    expect(() => kernel.bpf('BPF_LINK_CREATE', { prog_fd, attach_type: FENTRY })).toThrow(/EBUSY/);
  });

  it('replaces what a test function returns', () => {
    const { kernel, id } = kernelWithTypes();
    const prog_fd = load(kernel, id('bpf_modify_return_test'), MODIFY_RETURN, 'r0 = 7\nexit');
    const run = { prog_fd, retval: 0 };
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval, 'both functions ran').toBe((2 << 16) | (4 + 29));
    kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { prog_fd });
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval, 'one of them was replaced').toBe((1 << 16) | (7 + 29));
  });
});

describe('an iterator', () => {
  it('is made from a link to its target', () => {
    const { kernel, id } = kernelWithTypes();
    const prog_fd = load(kernel, id('bpf_iter_task'), 28);
    const link_fd = kernel.bpf('BPF_LINK_CREATE', { prog_fd, attach_type: 28 });
    expect(info(kernel, link_fd).getUint32(0, true)).toBe(4);
    const iterator = kernel.bpf('BPF_ITER_CREATE', { link_fd });
    expect(iterator).toBeGreaterThan(link_fd);
    expect(() => kernel.bpf('BPF_ITER_CREATE', { link_fd: prog_fd })).toThrow(/EINVAL/);
  });

  it('does not exist for a function that is none', () => {
    const { kernel, id } = kernelWithTypes();
    const prog_fd = load(kernel, id('bpf_iter_task'), 28);
    expect(() => kernel.bpf('BPF_LINK_CREATE', { prog_fd, attach_type: 28, flags: 1 })).toThrow(/EINVAL/);
  });
});

describe('BPF_TASK_FD_QUERY', () => {
  const query = (kernel: Kernel, fd: number, room = 64): { text: string; attr: Record<string, unknown> } => {
    const buf = new Uint8Array(room);
    const attr = { pid: kernel.currentTask.pid, fd, buf, buf_len: room, fd_type: 9, prog_id: 0 };
    kernel.bpf('BPF_TASK_FD_QUERY', attr);
    return { text: String.fromCharCode(...buf).replace(/\0.*/s, ''), attr };
  };
  const plain = (kernel: Kernel, prog_type: number): number =>
    kernel.bpf('BPF_PROG_LOAD', { prog_type, insns: code('r0 = 0\nexit'), insn_cnt: 2, license: 'GPL' });

  it('names the raw tracepoint of a link', () => {
    const kernel = new Kernel();
    const link = kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { name: 'sys_enter', prog_fd: plain(kernel, 17) });
    const { text, attr } = query(kernel, link);
    expect(text).toBe('sys_enter');
    expect(attr).toMatchObject({ fd_type: 0, buf_len: 9, prog_id: 1 });
    expect(() => query(kernel, link, 4)).toThrow(/ENOSPC/);
  });

  it('names the function of a probe, and the tracepoint of an event', () => {
    const kernel = new Kernel();
    const probe = kernel.process.openPerfEvent({ kind: 'kretprobe', symbol: 'do_exit' });
    const event = kernel.process.openPerfEvent({ kind: 'tracepoint', name: 'sched/sched_switch' });
    expect(() => query(kernel, probe)).toThrow(/ENOENT/);
    kernel.bpf('BPF_LINK_CREATE', { prog_fd: plain(kernel, 2), target_fd: probe, attach_type: 41 });
    kernel.bpf('BPF_LINK_CREATE', { prog_fd: plain(kernel, 5), target_fd: event, attach_type: 41 });
    expect([query(kernel, probe), query(kernel, event)]).toMatchObject([
      { text: 'do_exit', attr: { fd_type: 3 } },
      { text: 'sched_switch', attr: { fd_type: 1 } },
    ]);
    expect(kernel.functionCall('do_exit', [])).toMatchObject([{ hook: 'kretprobe:do_exit' }]);
  });

  it('knows no other descriptors and tasks', () => {
    const kernel = new Kernel();
    expect(() => query(kernel, plain(kernel, 5))).toThrow(/ENOTSUPP/);
    expect(() => query(kernel, 99)).toThrow(/EBADF/);
    expect(() => kernel.bpf('BPF_TASK_FD_QUERY', { pid: 77, fd: 3 })).toThrow(/ENOENT/);
  });
});

describe('programs of one function', () => {
  it('run from the last that came to the first, and those that answer in its place until one does', () => {
    const { kernel, id } = kernelWithTypes();
    const target = id('bpf_modify_return_test');
    const programs = ['r0 = 0\nexit', 'r0 = 7\nexit', 'r0 = 0\nexit'].map((source) =>
      load(kernel, target, MODIFY_RETURN, source),
    );
    for (const prog_fd of programs) kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { prog_fd });
    expect(kernel.functionCall('bpf_modify_return_test', [1]).map(({ retval }) => retval)).toEqual([0, 7]);
  });
});
