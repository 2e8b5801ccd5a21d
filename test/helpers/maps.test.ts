/** Map helpers, callbacks over maps, tail calls, locks, ring buffers and perf events on real maps. */
import { describe, expect, it } from 'vitest';
import type { PerfEventRef, ProgRef } from '../../src/maps/index.ts';
import { PerfEventArrayMap, ProgArrayMap } from '../../src/maps/index.ts';
import type { PreparedProgram } from '../../src/vm/index.ts';
import { FakeRuntime } from './fake-runtime.ts';

const key = (runtime: FakeRuntime, value: number): number =>
  runtime.place(Uint8Array.of(value, value >> 8, value >> 16, value >> 24));

describe('looking up, updating, deleting', () => {
  it('works on the map that the address stands for', () => {
    const runtime = new FakeRuntime();
    const { address } = runtime.map('BPF_MAP_TYPE_HASH');
    const [five, value] = [key(runtime, 5), runtime.values(77)];
    expect(runtime.call('bpf_map_lookup_elem', address, five)).toBe(0);
    expect(runtime.call('bpf_map_update_elem', address, five, value, 0)).toBe(0);
    const found = runtime.call('bpf_map_lookup_elem', address, five);
    expect(runtime.int64(found)).toBe(77n);
    expect(runtime.call('bpf_map_delete_elem', address, five)).toBe(0);
    expect(runtime.call('bpf_map_delete_elem', address, five)).toBe(-2);
  });

  it('hands all 64 bits of the flags on', () => {
    const runtime = new FakeRuntime();
    const { address } = runtime.map('BPF_MAP_TYPE_HASH');
    const [five, value] = [key(runtime, 5), runtime.values(77)];
    expect(runtime.call('bpf_map_update_elem', address, five, value, 2)).toBe(-2);
    expect(runtime.call('bpf_map_update_elem', address, five, value, 1n << 32n)).toBe(-22);
  });

  it('reaches the values of other CPUs, whose number has 32 bits', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_PERCPU_ARRAY');
    runtime.cpu = 2;
    const zero = key(runtime, 0);
    const own = runtime.call('bpf_map_lookup_elem', map.address, zero);
    expect(runtime.call('bpf_map_lookup_percpu_elem', map.address, zero, 2)).toBe(own);
    expect(runtime.call('bpf_map_lookup_percpu_elem', map.address, zero, (7n << 32n) | 2n)).toBe(own);
    expect(runtime.call('bpf_map_lookup_percpu_elem', map.address, zero, 4)).toBe(0);
  });
});

describe('bpf_for_each_map_elem', () => {
  it('gives the callback map, key, value and context', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_ARRAY', { maxEntries: 3 });
    const seen: (readonly bigint[])[] = [];
    const calls = runtime.drive('bpf_for_each_map_elem', [map.address, 0x1000, 0x9000, 0], (registers) => {
      const [r1, r2, r3, r4, r5] = registers as [bigint, bigint, bigint, bigint, bigint];
      const index = runtime.memory.view.getUint32(Number(r2), true);
      const place = runtime.call('bpf_map_lookup_elem', map.address, Number(r2));
      seen.push([r1, BigInt(index), r3 - BigInt(place), r4, r5]);
      return 0n;
    });
    expect(calls).toBe(3);
    const address = BigInt(map.address);
    expect(seen).toEqual([0n, 1n, 2n].map((index) => [address, index, 0n, 0x9000n, 0n]));
  });

  it('can be nested', () => {
    const runtime = new FakeRuntime();
    const { address } = runtime.map('BPF_MAP_TYPE_ARRAY', { maxEntries: 3 });
    let inner = 0;
    const outer = runtime.drive('bpf_for_each_map_elem', [address, 0x1000, 0, 0], () => {
      inner += runtime.drive('bpf_for_each_map_elem', [address, 0x1008, 0, 0], () => 0n);
      return 0n;
    });
    expect([outer, inner]).toEqual([3, 9]);
  });
});

describe('bpf_loop', () => {
  it('counts up in r1 and leaves the high halves and other registers zero', () => {
    const runtime = new FakeRuntime();
    const seen: (readonly bigint[])[] = [];
    runtime.drive('bpf_loop', [3, 0x1000, 0x8000, 0], (registers) => {
      seen.push(registers);
      return 0n;
    });
    expect(seen).toEqual([0n, 1n, 2n].map((i) => [i, 0x8000n, 0n, 0n, 0n]));
  });

  it('stops at a result that is not zero in any of its 64 bits', () => {
    const runtime = new FakeRuntime();
    expect(runtime.drive('bpf_loop', [100, 0x1000, 0, 0], () => 1n << 40n)).toBe(1);
  });

  it('can be nested, and used again afterwards', () => {
    const runtime = new FakeRuntime();
    let inner = 0;
    const loop = (): number =>
      runtime.drive('bpf_loop', [4, 0x1000, 0, 0], () => {
        inner += runtime.drive('bpf_loop', [5, 0x1008, 0, 0], () => 0n);
        return 0n;
      });
    expect([loop(), inner]).toEqual([4, 20]);
    expect([loop(), inner]).toEqual([4, 40]);
  });

  it('takes the whole count, and gives -E2BIG zero-extended as the kernel’s inlined loop does', () => {
    const runtime = new FakeRuntime();
    expect(runtime.drive('bpf_loop', [(1n << 32n) | 1n, 0x1000, 0, 0], () => 0n)).toBe(0xfffffff9);
  });
});

describe('bpf_tail_call', () => {
  const prepared: PreparedProgram = { name: 'next', insns: [], subprogs: [0], subprogNames: ['next'] };
  const program: ProgRef = {
    id: 1,
    type: 6,
    expectedAttachType: 0,
    xdpHasFrags: false,
    prepared,
    hold: () => undefined,
    release: () => undefined,
  };

  it('finds the program in a slot', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_PROG_ARRAY', { valueSize: 4 });
    if (!(map instanceof ProgArrayMap)) throw new Error('no prog array');
    map.install(2, program);
    const entry = runtime.entry('bpf_tail_call');
    if (entry.kind !== 'tail-call') throw new Error('no tail call');
    expect(entry.target(map.address, 2)).toBe(prepared);
    expect(entry.target(map.address, 1)).toBeUndefined();
    expect(entry.target(map.address, -1)).toBeUndefined();
  });
});

describe('bpf_spin_lock', () => {
  it('takes a lock that is free and gives it back', () => {
    const runtime = new FakeRuntime();
    const lock = runtime.place(new Uint8Array(4), 'map-value');
    runtime.call('bpf_spin_lock', lock);
    expect(runtime.bytes(lock, 4)).toEqual([1, 0, 0, 0]);
    runtime.call('bpf_spin_unlock', lock);
    expect(runtime.bytes(lock, 4)).toEqual([0, 0, 0, 0]);
  });

  it('faults where a CPU would hang or unlock what it does not hold', () => {
    const runtime = new FakeRuntime();
    const lock = runtime.place(new Uint8Array(4), 'map-value');
    expect(() => runtime.call('bpf_spin_unlock', lock)).toThrow(/is not locked/);
    runtime.call('bpf_spin_lock', lock);
    expect(() => runtime.call('bpf_spin_lock', lock)).toThrow(/is locked already/);
  });
});

describe('ring buffers', () => {
  const ringbuf = (runtime: FakeRuntime) =>
    runtime.map('BPF_MAP_TYPE_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 });

  it('give room for a record, which consumers see when it is submitted', () => {
    const runtime = new FakeRuntime();
    const map = ringbuf(runtime);
    const [kept, dropped] = [8, 16].map((size) =>
      runtime.call('bpf_ringbuf_reserve', map.address, size, 0),
    ) as [number, number];
    runtime.memory.u8.fill(7, kept, kept + 8);
    runtime.call('bpf_ringbuf_discard', dropped, 0);
    runtime.call('bpf_ringbuf_submit', kept, 0);
    const seen: number[][] = [];
    map.ring?.consume((address, size) => {
      seen.push(runtime.bytes(address, size));
      return true;
    });
    expect(seen).toEqual([new Array(8).fill(7)]);
  });

  it('fault when a record is ended twice, or is none', () => {
    const runtime = new FakeRuntime();
    const record = runtime.call('bpf_ringbuf_reserve', ringbuf(runtime).address, 8, 0);
    runtime.call('bpf_ringbuf_submit', record, 0);
    expect(() => runtime.call('bpf_ringbuf_submit', record, 0)).toThrow(/no record/);
    expect(() => runtime.call('bpf_ringbuf_discard', runtime.room(8), 0)).toThrow(/no record/);
    expect(() => runtime.call('bpf_ringbuf_discard', 0, 0)).toThrow(/no record/);
  });
});

describe('bpf_perf_event_output', () => {
  class Event implements PerfEventRef {
    readonly samples: string[] = [];
    readonly cpu: number;
    readonly isBpfOutput: boolean;
    private readonly runtime: FakeRuntime;
    constructor(runtime: FakeRuntime, cpu: number, isBpfOutput = true) {
      this.runtime = runtime;
      this.cpu = cpu;
      this.isBpfOutput = isBpfOutput;
    }
    hold(): void {}
    release(): void {}
    output(data: number, size: number, extra: number, extraSize: number): number {
      this.samples.push(`${this.runtime.hex(data, size)}+${this.runtime.hex(extra, extraSize)}`);
      return 0;
    }
  }

  const setUp = () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_PERF_EVENT_ARRAY', { valueSize: 4, maxEntries: 4 });
    if (!(map instanceof PerfEventArrayMap)) throw new Error('no perf event array');
    const events = [0, 1].map((cpu) => new Event(runtime, cpu));
    for (const event of events) map.install(event.cpu, event);
    map.install(2, new Event(runtime, 0, false));
    return { runtime, map, events, data: runtime.place(Uint8Array.of(1, 2, 3)) };
  };

  it('sends a sample to the event of the current CPU, or of an index that is this CPU’s', () => {
    const { runtime, map, events, data } = setUp();
    runtime.cpu = 1;
    expect(runtime.call('bpf_perf_event_output', 0, map.address, 0xffffffff, data, 3)).toBe(0);
    expect(runtime.call('bpf_perf_event_output', 0, map.address, 1, data, 2)).toBe(0);
    expect(events[1]?.samples).toEqual(['010203+', '0102+']);
  });

  it.each([
    ['a slot that does not exist', 4, -7],
    ['an empty slot', 3, -2],
    ['an event that is not for samples', 2, -22],
    ['the event of another CPU', 1, -95],
    ['unknown flags', 1n << 32n, -22],
  ])('refuses %s', (_, flags, error) => {
    const { runtime, map, data } = setUp();
    expect(runtime.call('bpf_perf_event_output', 0, map.address, flags, data, 3)).toBe(error);
  });

  it('appends bytes of the packet in networking programs', () => {
    const { runtime, map, events, data } = setUp();
    runtime.packetOn(
      'xdp',
      Uint8Array.from({ length: 20 }, (_, i) => i),
    );
    expect(runtime.call('bpf_perf_event_output', 0, map.address, (4n << 32n) | 0xffffffffn, data, 1)).toBe(0);
    expect(events[0]?.samples).toEqual(['01+00010203']);
    expect(runtime.call('bpf_perf_event_output', 0, map.address, 21n << 32n, data, 1)).toBe(-14);
  });
});
