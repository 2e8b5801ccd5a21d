/** Tracing programs on the simulated kernel: system calls, tasks, CPUs, trace pipe, events to user space. */
import { describe, expect, it } from 'vitest';
import { BtfBuilder, Kernel, type PerfSample, parseBtf, seededRandom } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

describe('map_lookup_percpu_elem', () => {
  it.each([1, 2, 8, 64])('sums the indices of %i CPUs in each of its three maps', (cpus) => {
    const kernel = new Kernel({ cpus });
    const object = openFixture('tracing/map_lookup_percpu_elem');
    object.rodata.my_pid = kernel.currentTask.tgid;
    object.rodata.nr_cpus = cpus;
    kernel.load(object);
    const indices = Array.from({ length: cpus }, (_, cpu) => BigInt(cpu));
    for (const name of ['percpu_array_map', 'percpu_hash_map', 'percpu_lru_hash_map']) {
      object.maps[name]!.update(0, indices);
    }
    object.programs.sysenter_getuid!.attach();
    kernel.syscall('getuid');

    const sum = BigInt((cpus * (cpus - 1)) / 2);
    expect(object.bss.percpu_array_elem_sum).toBe(sum);
    expect(object.bss.percpu_hash_elem_sum).toBe(sum);
    expect(object.bss.percpu_lru_hash_elem_sum).toBe(sum);
  });

  it('does nothing for another process', () => {
    const kernel = new Kernel({ cpus: 2 });
    const object = openFixture('tracing/map_lookup_percpu_elem');
    object.rodata.my_pid = kernel.currentTask.tgid + 1;
    object.rodata.nr_cpus = 2;
    kernel.load(object);
    object.maps.percpu_array_map!.update(0, [1n, 2n]);
    object.programs.sysenter_getuid!.attach();
    kernel.syscall('getuid');
    expect(object.bss.percpu_array_elem_sum).toBe(0n);
  });
});

describe('count_clone, with a map of the old kind', () => {
  it('counts calls on whatever CPU and prints each to the trace pipe', () => {
    const kernel = new Kernel({ cpus: 2, task: { pid: 42, comm: 'sh' }, clock: { start: 5_000_123_000 } });
    const object = kernel.load(openFixture('tracing/count_clone'));
    object.programs.count_clone!.attach();
    kernel.syscall('clone');
    kernel.syscall('clone', [], { cpu: 1 });
    kernel.syscall('fork');

    const value = object.maps.clone_counts!.lookup(0) as Uint8Array;
    expect(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)).toBe(2n);
    expect(kernel.tracePipe.lines()).toEqual([
      '              sh-42      [000] .....     5.000123: bpf_trace_printk: sys_clone called 1 times',
      '              sh-42      [001] .....     5.000123: bpf_trace_printk: sys_clone called 2 times',
    ]);
    expect(kernel.tracePipe.lines()).toEqual([]);
  });
});

describe('perf_sample', () => {
  it('sends a sample of each system call to the buffer of its CPU', () => {
    const kernel = new Kernel({ cpus: 4, clock: { start: 77 } });
    const object = kernel.load(openFixture('tracing/perf_sample'));
    const reader = object.maps.samples!.perfBuffer({ type: 'sample' });
    const heard: PerfSample[] = [];
    reader.onRecord((sample) => heard.push(sample));
    object.programs.sample_syscall!.attach();
    const bash = kernel.spawn({ pid: 500, comm: 'bash' });
    kernel.syscall('getpid', [], { cpu: 3, pid: bash.pid });

    expect(heard).toEqual([{ cpu: 3, data: { time: 77n, pid: 500, cpu: 3, syscall: 39n, comm: 'bash' } }]);
  });

  it('has as many slots as there are CPUs, because the file leaves the number open', () => {
    const object = new Kernel({ cpus: 4 }).load(openFixture('tracing/perf_sample'));
    expect(object.maps.samples!.maxEntries).toBe(4);
  });
});

describe('ringbuf_events', () => {
  const event = { pid: 7, uid: 1000, comm: 'cat', file: '/etc/passwd' };

  function traced(skipRoot = false) {
    const kernel = new Kernel({ task: { pid: 7, comm: 'cat', uid: 1000 } });
    const object = openFixture('tracing/ringbuf_events');
    object.rodata.skip_root = skipRoot;
    kernel.load(object);
    object.programs.report_open!.attach();
    return { kernel, object, reader: object.maps.events!.ringBuffer({ type: 'event' }) };
  }

  it('reports the file name that the system call points to', () => {
    const { kernel, reader } = traced();
    kernel.syscall('openat', [-100, '/etc/passwd', 0]);
    expect(reader.read()).toEqual([event]);
    expect(reader.read()).toEqual([]);
  });

  it('hands records to callbacks as they come', () => {
    const { kernel, reader } = traced();
    const heard: unknown[] = [];
    const stop = reader.onRecord((record) => heard.push(record));
    kernel.syscall('openat', [-100, '/etc/passwd', 0]);
    expect(heard).toEqual([event]);
    stop();
    kernel.syscall('openat', [-100, '/etc/passwd', 0]);
    expect(heard).toHaveLength(1);
  });

  it('can be awaited', async () => {
    const { kernel, reader } = traced();
    const files: unknown[] = [];
    const done = (async () => {
      for await (const record of reader) files.push((record as { file: string }).file);
    })();
    kernel.syscall('openat', [-100, 'a', 0]);
    kernel.syscall('openat', [-100, 'b', 0]);
    reader.close();
    await done;
    expect(files).toEqual(['a', 'b']);
  });

  it('skips records that the program discards', () => {
    const { kernel, reader } = traced(true);
    kernel.currentTask = kernel.spawn({ uid: 0 });
    kernel.syscall('openat', [-100, 'x', 0]);
    expect(reader.read()).toEqual([]);
  });

  it('counts what does not fit when nobody reads', () => {
    const { kernel, object } = traced();
    for (let i = 0; i < 1000; i++) kernel.syscall('openat', [-100, 'x', 0]);
    expect(object.bss.dropped).toBe(1000n - BigInt(Math.floor((64 * 1024 - 1) / 96)));
  });
});

describe('walk_map', () => {
  it('visits every entry with a callback that deletes the one in hand', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/walk_map'));
    const balances = object.maps.balances!;
    for (const [key, value] of [
      [1, 5n],
      [2, 0n],
      [3, -7n],
      [4, 0n],
    ] as const)
      balances.update(key, value);
    object.programs.walk_balances!.attach();
    kernel.syscall('getpid');
    expect(object.bss.total).toBe(-2n);
    expect(object.bss.deleted).toBe(2);
    expect([...balances.keys()].sort()).toEqual([1, 3]);
  });
});

describe('globals', () => {
  it('are set before load and read afterwards by name and type', () => {
    const object = openFixture('tracing/globals');
    expect(object.rodata.limits).toEqual({ low: 1, high: 1000, flags: { strict: 0, level: 0 } });
    expect(object.rodata.weights).toEqual([1n, 10n, 100n, 1000n]);
    object.rodata.limits = { low: 4, high: 8, flags: { strict: 1, level: 5 } };
    object.rodata.mode = 'MODE_SUM';
    object.rodata.weights = [2n, 2n, 3n, 2n];

    const kernel = new Kernel({ task: { comm: 'writer' } });
    kernel.load(object);
    object.programs.on_write!.attach();
    kernel.syscall('write', [1, 'text', 6]);
    kernel.syscall('write', [1, 'text', 9]);

    expect(object.data.seen).toBe(5n + 6n * 3n);
    expect(object.section('.data.custom').get('custom_counter')).toBe(12n);
    expect(object.bss.out_of_range).toBe(1);
    expect(object.bss.last_comm).toBe('writer');
  });

  it('say what exists when a name is wrong, and refuse to change constants once loaded', () => {
    const object = openFixture('tracing/globals');
    expect(() => object.bss.nothing).toThrow(/no variable 'nothing'; it has .*'last_comm'/);
    expect(() => object.maps.nothing).toThrow(/no map 'nothing'; it has .*'globals.rodata'/);
    new Kernel().load(object);
    expect(() => {
      object.rodata.mode = 'MODE_OFF';
    }).toThrow(/frozen/);
  });

  it('keep their values when the object is unloaded, for the next load', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/globals'));
    object.data.seen = 99n;
    kernel.unload(object);
    expect(object.data.seen).toBe(99n);
  });
});

describe('kconfig', () => {
  it('gives options their values, LINUX_KERNEL_VERSION its own, weak ones zero', () => {
    const kernel = new Kernel({ kconfig: { CONFIG_HZ: 1000 } });
    const object = kernel.load(openFixture('tracing/kconfig'));
    object.programs.read_kconfig!.attach();
    kernel.syscall('getpid');
    expect(object.bss).toMatchObject({
      version: 0x060c00,
      hz: 1000,
      has_syscall: true,
      has_option: false,
      has_symbol: false,
    });
  });
});

describe('text', () => {
  it('formats, parses, compares and prints', () => {
    const kernel = new Kernel({ cpus: 2, task: { pid: 12, comm: 'bash', uid: 1, gid: 2 } });
    const object = kernel.load(openFixture('tracing/text'));
    object.programs.write_text!.attach();
    kernel.syscall('getppid', [], { cpu: 1 });
    expect(object.bss.parsed).toBe(-42n);
    expect(object.bss.compared).toBe(0);
    expect(object.bss.line).toBe('bash[12] on cpu 1: -42');
    expect(kernel.tracePipe.read().map((entry) => entry.text)).toEqual(['uid 1 gid 2 cpu 1 pid 12']);
  });
});

describe('map_in_map', () => {
  it('counts in the inner maps that the file puts into its slots', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/map_in_map'));
    object.programs.count_by_parity!.attach();
    for (const pid of [10, 11, 13]) kernel.syscall('getpid', [], { pid: kernel.spawn({ pid }).pid });
    expect(object.maps.even!.lookup(0)).toBe(1n);
    expect(object.maps.odd!.lookup(0)).toBe(2n);
  });

  it('holds inner maps of other objects, and takes only maps like its template', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/map_in_map'));
    const other = kernel.load(openFixture('tracing/map_in_map'));
    object.programs.count_by_parity!.attach();
    object.maps.by_parity!.update(0, other.maps.even!);
    kernel.unload(other);
    kernel.syscall('getpid', [], { pid: kernel.spawn({ pid: 10 }).pid });
    expect(object.maps.even!.lookup(0)).toBe(0n);
    const balances = kernel.load(openFixture('tracing/walk_map')).maps.balances!;
    expect(() => {
      object.maps.by_parity!.update(1, balances);
    }).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('parent_core', () => {
  it('reads the parent through pointers and offsets that CO-RE took from the kernel', () => {
    const kernel = new Kernel({ task: { pid: 50, comm: 'init' } });
    const object = kernel.load(openFixture('tracing/parent_core'));
    object.programs.on_execve!.attach();
    const shell = kernel.spawn({ pid: 60, comm: 'sh' });
    kernel.syscall('execve', [], { pid: shell.pid });
    expect(object.bss).toMatchObject({ parent_pid: 50, parent_comm: 'init' });

    kernel.currentTask.comm = 'systemd';
    kernel.syscall('execve', [], { pid: shell.pid });
    expect(object.bss.parent_comm).toBe('systemd');
  });

  it('uses the layout of the BTF that it is given, and finds nothing where a member is missing', () => {
    const layout = (members: readonly string[]) => {
      const builder = new BtfBuilder();
      const int = builder.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 });
      const char = builder.add({
        kind: 'int',
        name: 'char',
        size: 1,
        encoding: 'signed',
        bits: 8,
        offset: 0,
      });
      const comm = builder.add({ kind: 'array', name: '', elementType: char, indexType: int, count: 16 });
      const task = builder.add({ kind: 'ptr', name: '', type: builder.nextId + 1 });
      const types: Record<string, number> = { tgid: int, comm, real_parent: task };
      builder.add({
        kind: 'struct',
        name: 'task_struct',
        size: 4096,
        members: members.map((name, i) => ({
          name,
          type: types[name]!,
          bitOffset: 8 * (1000 + 24 * i),
          bitSize: 0,
        })),
      });
      return [parseBtf(builder.bytes())];
    };
    const run = (members: readonly string[]) => {
      const kernel = new Kernel({ btf: layout(members), task: { pid: 50, comm: 'init' } });
      const object = kernel.load(openFixture('tracing/parent_core'));
      object.programs.on_execve!.attach();
      kernel.syscall('execve', [], { pid: kernel.spawn().pid });
      return object.bss.parent_pid;
    };
    expect(run(['comm', 'real_parent', 'tgid'])).toBe(50);
    expect(() => run(['comm', 'real_parent'])).toThrow(/no match for <byte_off> .* struct task_struct\.tgid/);
  });
});

describe('firing', () => {
  it('tells which programs ran and what they returned', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/count_clone'));
    object.programs.count_clone!.attach();
    expect(kernel.syscall('clone')).toEqual([
      { program: 'count_clone', hook: 'kprobe:sys_clone', r0: 0n, retval: 0 },
    ]);
    expect(kernel.attachedHooks()).toEqual(['kprobe:sys_clone']);
  });

  it('stops when the link is detached', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/count_clone'));
    const link = object.programs.count_clone!.attach();
    link.detach();
    link.detach();
    expect(kernel.syscall('clone')).toEqual([]);
  });

  it('refuses what does not exist', () => {
    const kernel = new Kernel({ cpus: 2 });
    expect(() => kernel.syscall('getuidd')).toThrow(/no system call 'getuidd'; did you mean 'getuid'/);
    expect(() => kernel.syscall('getuid', [], { cpu: 2 })).toThrow(/no CPU 2: this machine has CPUs 0 to 1/);
    expect(() => kernel.syscall('getuid', [], { pid: 99 })).toThrow(/no task with pid 99/);
  });
});

describe('a kernel', () => {
  it.each(['tracing/map_in_map', 'xdp/tail_parser', 'tracing/perf_sample', 'tracing/ringbuf_events'])(
    'gets back all memory of %s, whatever refers to whatever',
    (name) => {
      const kernel = new Kernel({ cpus: 2 });
      const round = (): void => {
        const object = kernel.load(openFixture(name));
        object.programList[0]!.attach();
        kernel.unload(object);
      };
      round();
      const before = kernel.memory.bytesInUse;
      round();
      expect(kernel.memory.bytesInUse).toBe(before);
    },
  );

  it('uses as much memory after 100 rounds of load, attach, run and unload as before', () => {
    const kernel = new Kernel({ cpus: 4 });
    const round = (): void => {
      const object = openFixture('tracing/map_lookup_percpu_elem');
      object.rodata.my_pid = kernel.currentTask.tgid;
      object.rodata.nr_cpus = 4;
      kernel.load(object);
      object.programs.sysenter_getuid!.attach();
      kernel.syscall('getuid');
      kernel.unload(object);
    };
    round();
    const before = kernel.memory.bytesInUse;
    for (let i = 0; i < 100; i++) round();
    expect(kernel.memory.bytesInUse).toBe(before);
    expect(kernel.attachedHooks()).toEqual([]);
  });

  it('refuses big-endian objects with the reason and what to do', () => {
    const object = openFixture('tracing/map_lookup_percpu_elem.be');
    expect(() => new Kernel().load(object)).toThrow(
      /big-endian object and this kernel is little-endian: compile it with/,
    );
  });

  it('draws the same random numbers from the same seed', () => {
    const numbers = (seed: number): number[] => Array.from({ length: 4 }, seededRandom(seed));
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
  });
});
