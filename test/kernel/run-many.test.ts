/** Programs on many packets at once: the same results and effects as one test run for each, without garbage. */
import { describe, expect, it } from 'vitest';
import {
  type BpfObject,
  type EngineName,
  ethernet,
  ipv4,
  ipv6,
  Kernel,
  packet,
  tcp,
  udp,
} from '../../src/index.ts';
import { Machine } from '../../src/kernel/machine/machine.ts';
import type { LoadedProgram } from '../../src/kernel/objects/loaded-program.ts';
import { leavesPacketAlone } from '../../src/kernel/packets/packet-batch.ts';
import { openFixture } from '../fixtures.ts';
import { program } from '../vm/support.ts';

const ENGINES: readonly EngineName[] = ['interp', 'jit', 'auto'];

/** Packets of different lengths and protocols. */
const FRAMES = Array.from({ length: 50 }, (_, i) =>
  i % 3 === 0
    ? packet(ethernet(), ipv6(), tcp({ dport: i }), 'x'.repeat(i * 7))
    : packet(ethernet(), ipv4(), udp({ dport: i }), 'y'.repeat(100 - i)),
);

function load(name: string, engine: EngineName): BpfObject {
  return new Kernel({ cpus: 2, engine }).load(openFixture(name));
}

describe.each(ENGINES)('with engine %s', (engine) => {
  it('runs what the verifier accepted without checks', () => {
    const { count_protocols: verified } = load('xdp/count_protocols', engine).programs;
    expect(verified!.loaded.prepared.verified).toBe(true);
  });

  it.each([
    ['xdp/count_protocols', 'count_protocols', 'packets_by_protocol'],
    ['socket_filter/udp_port', 'keep_udp_port', undefined],
  ] as const)('%s gives what test runs give', (file, name, map) => {
    const many = load(file, engine);
    const one = load(file, engine);
    const results = many.programs[name]!.runMany(FRAMES);
    expect([...results]).toEqual(FRAMES.map((data) => one.programs[name]!.testRun({ data }).retval));
    if (map !== undefined) expect([...many.maps[map]!.entries()]).toEqual([...one.maps[map]!.entries()]);
  });

  it.each([
    ['xdp/count_protocols', 'count_protocols'],
    ['xdp/tail_parser', 'parse_ethernet'],
    ['socket_filter/udp_port', 'keep_udp_port'],
  ] as const)(
    '%s gives the same for one array of packets, of which many do not fit one batch',
    (file, name) => {
      const frames = Array.from({ length: 700 }, (_, i) => FRAMES[i % FRAMES.length]!);
      // Longer than what is usual, so that bytes end a batch, too.
      for (let i = 100; i < 130; i++)
        frames[i] = packet(ethernet(), ipv4(), udp({ dport: i }), 'z'.repeat(3400));
      const one = load(file, engine).programs[name]!;
      const expected = frames.map((data) => one.testRun({ data }).retval);
      const lengths = frames.map(({ length }) => length);
      const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]));
      const many = load(file, engine).programs[name]!;
      expect([...many.runMany({ bytes, lengths })]).toEqual(expected);
      expect([...many.runMany({ bytes, lengths: Uint16Array.from(lengths) })]).toEqual(expected);
      expect([...many.runMany(frames)]).toEqual(expected);
    },
  );

  it('counts on the CPU that the packets come in on', () => {
    const object = load('xdp/count_protocols', engine);
    object.programs.count_protocols!.runMany([FRAMES[1]!, FRAMES[2]!], { cpu: 1 });
    object.programs.count_protocols!.testRun({ data: FRAMES[1]!, repeat: 10 });
    expect(object.maps.packets_by_protocol!.lookup(17)).toEqual([10n, 2n]);
  });
});

describe('packets', () => {
  const counting = load('xdp/count_protocols', 'auto').programs.count_protocols!;

  it('may write their results into an array that is there', () => {
    const results = new Int32Array(3);
    expect(counting.runMany([FRAMES[0]!, FRAMES[1]!], { results })).toBe(results);
    expect([...results]).toEqual([2, 2, 0]);
    expect(() => counting.runMany(FRAMES, { results })).toThrow(
      expect.objectContaining({ code: 'short-results' }),
    );
  });

  it('that the kernel would refuse end it, when those before have been run', () => {
    const results = Int32Array.of(-5, -5, -5);
    expect(() => counting.runMany([FRAMES[0]!, new Uint8Array(13), FRAMES[1]!], { results })).toThrow();
    expect([...results]).toEqual([2, -5, -5]);
    expect(() => counting.runMany([FRAMES[0]!, new Uint8Array(13)])).toThrow('at least 14 bytes, not 13');
    expect(() => counting.runMany([new Uint8Array(4000)])).toThrow('at most 3520 bytes, not 4000');
  });

  it('that are refused end it in later batches, too', () => {
    const frames = Array.from({ length: 400 }, () => FRAMES[1]!);
    frames[300] = new Uint8Array(3521);
    const results = new Int32Array(400).fill(-5);
    expect(() => counting.runMany(frames, { results })).toThrow('at most 3520 bytes, not 3521');
    expect([results[299], results[300], results[301]]).toEqual([2, -5, -5]);
  });

  it.each([
    [[64, 1.5], 'the length of packet 1 is 1.5, which is no count'],
    [[-1], 'the length of packet 0 is -1, which is no count'],
    [[64, 65], 'the packets have 129 bytes together; there are 128'],
  ])('in one array need lengths that fit: %j', (lengths, message) => {
    expect(() => counting.runMany({ bytes: new Uint8Array(128), lengths })).toThrow(
      expect.objectContaining({ code: 'bad-lengths', message: expect.stringContaining(message) as unknown }),
    );
  });

  it.each([
    ['bpf_xdp_adjust_head', 44],
    ['bpf_xdp_adjust_meta', 54],
    ['bpf_xdp_adjust_tail', 65],
    ['bpf_tail_call', 12],
    ['nothing', undefined],
  ])('are run one by one when the program calls %s, which may move them', (_name, id) => {
    const call = id === undefined ? '' : `call ${id}\n`;
    const prepared = { ...program(`r0 = 2\n${call}exit`), verified: true };
    expect(leavesPacketAlone(prepared)).toBe(id === undefined);
    expect(leavesPacketAlone({ ...prepared, verified: false })).toBe(false);
  });

  it('are nothing for programs of other types', () => {
    const object = load('tracing/globals', 'auto');
    const [tracing] = Object.values(object.programs);
    expect(() => tracing!.runMany(FRAMES)).toThrow(expect.objectContaining({ code: 'no-packet-program' }));
  });
});

describe('between two of many runs', () => {
  it.each(['jit', 'auto'] as const)('engine %s lets happen what waited for the first to end', (engine) => {
    const machine = new Machine({ engine });
    const prepared = program('r0 = 7\nexit');
    const loaded = { prepared, missing: new Map(), name: 'seven' } as unknown as LoadedProgram;
    const happened: number[] = [];
    const seen: string[] = [];
    const ready = (index: number): void => {
      seen.push(happened.join());
      machine.afterRun(() => happened.push(index));
    };
    const results = new Int32Array(4);
    machine.runner.runEach(loaded, 0, 4, ready, results);
    expect([...results]).toEqual([7, 7, 7, 7]);
    expect(seen).toEqual(['', '0', '0,1', '0,1,2']);
    expect(happened).toEqual([0, 1, 2, 3]);
  });
});

describe('many runs', () => {
  /** Bytes of heap that an action takes; the least of several tries, of which those that the collector disturbs do not count. */
  function heapTaken(action: () => void): number {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 12; i++) {
      const before = process.memoryUsage().heapUsed;
      action();
      const taken = process.memoryUsage().heapUsed - before;
      if (taken >= 0) least = Math.min(least, taken);
    }
    return least;
  }

  const frames = Array.from({ length: 20_000 }, (_, i) => FRAMES[i % FRAMES.length]!);
  // One object of two words for each packet would be 320,000 bytes.
  const NO_GARBAGE = 100_000;

  it.each(['jit', 'auto'] as const)('make no garbage with engine %s', (engine) => {
    const counting = load('xdp/count_protocols', engine).programs.count_protocols!;
    const results = new Int32Array(frames.length);
    for (let i = 0; i < 5; i++) counting.runMany(frames, { results });
    expect(heapTaken(() => counting.runMany(frames, { results }))).toBeLessThan(NO_GARBAGE);
    expect(heapTaken(() => counting.testRun({ data: FRAMES[0]!, repeat: 20_000 }))).toBeLessThan(NO_GARBAGE);
  });
});
