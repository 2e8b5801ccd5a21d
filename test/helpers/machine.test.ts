/** Clocks, CPUs, tasks, cgroups, traced functions: what helpers tell of the machine. */
import { describe, expect, it } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';

describe('clocks', () => {
  it.each([
    ['bpf_ktime_get_ns', 'monotonic'],
    ['bpf_ktime_get_boot_ns', 'boottime'],
    ['bpf_ktime_get_coarse_ns', 'coarse'],
    ['bpf_ktime_get_tai_ns', 'tai'],
    ['bpf_jiffies64', 'jiffies'],
  ] as const)('%s reads the %s clock, all 64 bits of it', (name, clock) => {
    const runtime = new FakeRuntime();
    runtime.times[clock] = 0x0123456789abcdefn;
    expect(runtime.call64(name)).toBe(0x0123456789abcdefn);
    runtime.times[clock] = 5n;
    expect(runtime.call64(name)).toBe(5n);
  });
});

describe('the machine', () => {
  it('tells the CPU and its node', () => {
    const runtime = new FakeRuntime();
    runtime.cpu = 3;
    runtime.node = 1;
    expect(runtime.call('bpf_get_smp_processor_id')).toBe(3);
    expect(runtime.call('bpf_get_numa_node_id')).toBe(1);
  });

  it('gives random numbers zero-extended', () => {
    const runtime = new FakeRuntime();
    runtime.randoms = [0xffffffff, 5];
    expect(runtime.call64('bpf_get_prandom_u32')).toBe(0xffffffffn);
    expect(runtime.call64('bpf_get_prandom_u32')).toBe(5n);
  });
});

describe('the current task', () => {
  it('has its process id above its thread id, and its group above its user', () => {
    const runtime = new FakeRuntime();
    runtime.task = { pid: 12, tgid: 34, uid: 1000, gid: 0xfffffffe, comm: 'x', address: 0x30000 };
    expect(runtime.call64('bpf_get_current_pid_tgid')).toBe((34n << 32n) | 12n);
    expect(BigInt.asUintN(64, runtime.call64('bpf_get_current_uid_gid'))).toBe((0xfffffffen << 32n) | 1000n);
  });

  it('has an address', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call64('bpf_get_current_task')).toBe(0x20000n);
    expect(runtime.call64('bpf_get_current_task_btf')).toBe(0x20000n);
  });

  it.each([
    ['tester', 16, 'tester'],
    ['tester', 4, 'tes'],
    ['tester', 1, ''],
    ['a name that is longer', 16, 'a name that is '],
    ['a name that is longer', 20, 'a name that is '],
  ])('is called %j, in %i bytes %j, padded with zeros', (comm, size, expected) => {
    const runtime = new FakeRuntime();
    runtime.task.comm = comm;
    const buffer = runtime.room(24);
    expect(runtime.call('bpf_get_current_comm', buffer, size)).toBe(0);
    const bytes = [...Buffer.from(expected.padEnd(size, '\0'))];
    expect(runtime.bytes(buffer, 24)).toEqual([...bytes, ...new Array<number>(24 - size).fill(0xee)]);
  });

  it('is in a cgroup whose ancestors are numbered from the root', () => {
    const runtime = new FakeRuntime();
    runtime.cgroups = [1, 50, 0x1_0000_0007];
    expect(runtime.call64('bpf_get_current_cgroup_id')).toBe(0x1_0000_0007n);
    const levels = [0, 1, 2, 3, -1].map((level) =>
      runtime.call64('bpf_get_current_ancestor_cgroup_id', level),
    );
    expect(levels).toEqual([1n, 50n, 0x1_0000_0007n, 0n, 0n]);
  });
});

describe('a traced event', () => {
  it('knows its function and its cookie', () => {
    const runtime = new FakeRuntime();
    runtime.event = { functionAddress: { lo: 0x10, hi: -1 }, cookie: { lo: -1, hi: 1 } };
    expect(runtime.call64('bpf_get_func_ip', 0)).toBe(-0x1_0000_0000n + 0x10n);
    expect(runtime.call64('bpf_get_attach_cookie', 0)).toBe(0x1_ffff_ffffn);
  });
});
