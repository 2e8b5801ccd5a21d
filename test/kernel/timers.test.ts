/**
 * Timers in map values (struct bpf_timer): when their callbacks run and what ends them, as the kernel's selftests timer, timer_mim and
 * timer_crash ask. The verifier knows no timers yet, so the programs run in an unsafe kernel, checked.
 */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../src/base/errno.ts';
import { type BpfObject, Clock, Kernel } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const MS = 1_000_000;

function setUp(engine: 'interp' | 'jit' = 'interp', cpus = 1) {
  const kernel = new Kernel({ unsafe: true, engine, cpus });
  const object = kernel.load(openFixture('timers/timers'));
  const run = (program: string, mark: number, cpu = 0): number =>
    object.programs[program]!.testRun({ data: new Uint8Array(64), ctx: { mark }, cpu }).retval;
  const beats = (key: number): unknown => (object.maps.hearts!.lookup(key) as { beats: bigint }).beats;
  return { kernel, object, run, beats };
}

const keys = (object: BpfObject, map: string): unknown[] => [...object.maps[map]!.keys()];

describe.each(['interp', 'jit'] as const)('a timer, with engine %s,', (engine) => {
  it('calls its function with map, key and value when the clock reaches its time, and not before', () => {
    const { kernel, object, run } = setUp(engine);
    expect(run('touch_flow', 7)).toBe(0);
    kernel.clock.advance(10 * MS - 1);
    expect(object.bss.forgotten).toBe(0);
    expect(keys(object, 'flows')).toEqual([7]);
    kernel.clock.advance(1);
    expect([object.bss.forgotten, object.bss.last_key]).toEqual([1, 7]);
    expect(keys(object, 'flows')).toEqual([]);
  });

  it('begins anew when it is started again', () => {
    const { kernel, object, run } = setUp(engine);
    run('touch_flow', 7);
    for (let i = 0; i < 5; i++) {
      kernel.clock.advance(9 * MS);
      expect(run('touch_flow', 7)).toBe(0);
    }
    expect(object.maps.flows!.lookup(7)).toMatchObject({ packets: 6n });
    kernel.clock.advance(10 * MS);
    expect(object.bss.forgotten).toBe(1);
  });

  it('may start itself in its function, as often as time allows', () => {
    const { kernel, object, run, beats } = setUp(engine);
    expect(run('start_heart', 2)).toBe(0);
    const start = kernel.clock.now();
    kernel.clock.advance(10 * MS + 5);
    expect(beats(2)).toBe(10n);
    expect(object.maps.hearts!.lookup(2), 'it saw its own time').toMatchObject({ last: start + 10_000_000n });
    expect(object.bss.last_key).toBe(2);
    expect(kernel.clock.now()).toBe(start + 10_000_005n);
  });
});

describe('timers', () => {
  it('expire in the order of their times, and of their starts when those are equal', () => {
    const { kernel, object, run } = setUp();
    const order: unknown[] = [];
    for (const [mark, after] of [
      [1, 30],
      [2, 10],
      [3, 20],
      [4, 20],
    ] as const) {
      object.data.idle_after = BigInt(after);
      run('touch_flow', mark);
    }
    for (let i = 0; i < 30; i++) {
      const before = object.bss.forgotten;
      kernel.clock.advance(1);
      if (object.bss.forgotten !== before) order.push(object.bss.last_key);
    }
    expect(order).toEqual([2, 4, 1]);
    expect(object.bss.forgotten).toBe(4);
  });

  it('call their functions on the CPU that started them', () => {
    const { kernel, object, run } = setUp('interp', 4);
    run('touch_flow', 1, 3);
    kernel.clock.advance(10 * MS);
    expect(object.bss.last_cpu).toBe(3);
  });

  it('go by the time since the boot, or of day, when they are told to', () => {
    const boot = { suspended: 500n * 1_000_000n, taiOffset: 7_000_000_000n };
    for (const [clock_of, ahead] of [
      [1, 0n],
      [7, 500_000_000n],
      [0, 7_000_000_000n],
    ] as const) {
      const kernel = new Kernel({ unsafe: true, clock: { start: 1_000_000_000, ...boot } });
      const object = openFixture('timers/timers');
      object.data.clock_of = BigInt(clock_of);
      object.bss.start_at = 1_000_001_000n + ahead;
      kernel.load(object);
      object.programs.start_heart!.testRun({ ctx: { mark: 0 } });
      kernel.clock.advance(999);
      expect(object.maps.hearts!.lookup(0)).toMatchObject({ beats: 0n });
      kernel.clock.advance(1);
      expect(object.maps.hearts!.lookup(0)).toMatchObject({ beats: 1n });
    }
  });

  it('of kernels that share a clock expire in its order', () => {
    const clock = new Clock();
    const objects = [30, 20].map((after) => {
      const object = openFixture('timers/timers');
      object.data.idle_after = BigInt(after);
      new Kernel({ unsafe: true, clock }).load(object);
      object.programs.touch_flow!.testRun({ ctx: { mark: 1 } });
      return object;
    });
    const forgotten = (): unknown[] => objects.map((object) => object.bss.forgotten);
    clock.advance(25);
    expect(forgotten()).toEqual([0, 1]);
    clock.advance(25);
    expect(forgotten()).toEqual([1, 1]);
  });

  it('expire at the next step of a clock that moves by itself', () => {
    let time = 0n;
    const kernel = new Kernel({ unsafe: true, clock: { source: () => time } });
    const object = kernel.load(openFixture('timers/timers'));
    object.programs.touch_flow!.testRun({ ctx: { mark: 1 } });
    time += 20n * BigInt(MS);
    expect(object.bss.forgotten).toBe(0);
    kernel.clock.advance(0);
    expect(object.bss.forgotten).toBe(1);
  });

  it('expire as soon as the program has ended when their time is past', () => {
    const { object, run, beats } = setUp();
    object.bss.start_at = 1n;
    run('start_heart', 0);
    expect(beats(0)).toBe(1n);
  });

  it('that start themselves without delay let time pass all the same', () => {
    const { kernel, object, run, beats } = setUp('jit');
    object.data.period = 0n;
    run('start_heart', 0);
    expect(beats(0)).toBe(1n);
    kernel.clock.advance(10_000);
    expect(beats(0)).toBe(11n);
    expect(() => {
      kernel.clock.advance(2_000_000_000);
    }).toThrow(expect.objectContaining({ code: 'too-many-timers' }));
  });

  it.each([
    [2, 'a clock that timers do not know'],
    [16, 'flags'],
  ])('are not made with %i: %s', (clock) => {
    const { object, run } = setUp();
    object.data.clock_of = BigInt(clock);
    expect(run('start_heart', 0)).toBe(-Errno.EINVAL);
  });

  it('are made once, and started only with a function', () => {
    const { run } = setUp();
    expect(run('start_heart', 0), 'start_heart wants EINVAL before it sets the function').toBe(0);
    expect(run('start_heart', 0)).toBe(-Errno.EBUSY);
  });

  it('are cancelled by programs, which learn whether they were started', () => {
    const { kernel, object, run, beats } = setUp();
    expect(run('stop_heart', 0)).toBe(-Errno.EINVAL);
    run('start_heart', 0);
    expect(run('stop_heart', 0)).toBe(1);
    expect(run('stop_heart', 0)).toBe(0);
    kernel.clock.advance(10 * MS);
    expect(beats(0)).toBe(0n);
    run('touch_flow', 1);
    kernel.clock.advance(10 * MS);
    expect(object.bss.own_cancel, 'a function cannot wait for its own end').toBe(BigInt(-Errno.EDEADLK));
  });
});

describe('a timer goes with its value', () => {
  it.each<[string, (set: ReturnType<typeof setUp>) => unknown]>([
    ['is deleted', ({ object }) => object.maps.flows!.delete(1)],
    [
      'is replaced by user space',
      ({ object }) => {
        object.maps.flows!.update(1, new Uint8Array(24));
      },
    ],
    [
      'is taken out',
      ({ kernel, object }) => {
        const map_fd = kernel.bpf('BPF_MAP_GET_FD_BY_ID', { map_id: object.maps.flows!.identity.id });
        const key = Uint8Array.of(1, 0, 0, 0);
        kernel.bpf('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd, key, value: new Uint8Array(24) });
      },
    ],
  ])('when that %s in a hash', (_, end) => {
    const set = setUp();
    set.run('touch_flow', 1);
    end(set);
    set.kernel.clock.advance(20 * MS);
    expect(set.object.bss.forgotten).toBe(0);
    expect(set.run('touch_flow', 1), 'there is room for another').toBe(0);
    set.kernel.clock.advance(10 * MS);
    expect(set.object.bss.forgotten).toBe(1);
  });

  it('when an LRU map evicts it', () => {
    const { kernel, object, run } = setUp();
    for (let mark = 1; mark <= 5; mark++) run('touch_recent', mark);
    const left = keys(object, 'recent').length;
    expect(left).toBeLessThan(5);
    kernel.clock.advance(10 * MS);
    expect(object.bss.forgotten).toBe(left);
  });

  it('when an array element is overwritten', () => {
    const { kernel, object, run, beats } = setUp();
    run('start_heart', 1);
    run('start_heart', 2);
    object.maps.hearts!.update(1, new Uint8Array(32));
    kernel.clock.advance(3 * MS);
    expect([beats(1), beats(2)]).toEqual([0n, 3n]);
    expect(run('start_heart', 1), 'there is room for another').toBe(0);
  });

  it('and is shown to user space as zeros', () => {
    const { object, run } = setUp();
    run('touch_flow', 1);
    expect(object.maps.flows!.lookupBytes(Uint8Array.of(1, 0, 0, 0))!.subarray(8)).toEqual(
      new Uint8Array(16),
    );
  });
});

describe('user space letting go of the map', () => {
  it('ends its timers, though a program still holds the map', () => {
    const { kernel, object, run } = setUp();
    const prog_id = object.programs.touch_flow!.loaded.id;
    const prog_fd = kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id });
    run('touch_flow', 1);
    const free = kernel.memory.bytesInUse;
    kernel.unload(object);
    kernel.clock.advance(20 * MS);
    const attr = { prog_fd, data_in: new Uint8Array(64), data_size_in: 64, retval: 0 };
    kernel.bpf('BPF_PROG_TEST_RUN', attr);
    expect(attr.retval | 0, 'no timer can be made any more, so none can be started').toBe(-Errno.EINVAL);
    kernel.process.close(prog_fd);
    expect(kernel.memory.bytesInUse).toBeLessThan(free);
  });

  it('leaves nothing of maps and programs behind, though timers hold programs and programs hold maps', () => {
    const kernel = new Kernel({ unsafe: true });
    const round = (): number => {
      const object = kernel.load(openFixture('timers/timers'));
      object.programs.touch_flow!.testRun({ ctx: { mark: 1 } });
      object.programs.start_heart!.testRun({ ctx: { mark: 1 } });
      kernel.clock.advance(3 * MS);
      kernel.unload(object);
      return kernel.memory.bytesInUse;
    };
    const first = round();
    for (let i = 0; i < 20; i++) expect(round()).toBe(first);
  });
});
