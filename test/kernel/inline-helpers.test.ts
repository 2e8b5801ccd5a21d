/**
 * What compiled programs do without calling a helper gives what the helper gives: programs/xdp/helper_costs.c in the interpreter, compiled
 * with checks, and compiled as the verifier allows it.
 */
import { describe, expect, it } from 'vitest';
import { type BpfObject, ethernet, ipv4, Kernel, packet, udp } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const PROGRAMS = [
  'lookup_hash',
  'lookup_percpu_hash',
  'lookup_lru_hash',
  'lookup_array',
  'lookup_percpu_array',
  'walk_array',
  'call_back',
  'read_clock',
  'read_cpu',
] as const;

interface Ways {
  readonly kernel: Kernel;
  readonly object: BpfObject;
}

function load(engine: 'interp' | 'jit', unsafe: boolean): Ways {
  const kernel = new Kernel({ cpus: 4, engine, unsafe, clock: { start: 5_000_000_007n } });
  const object = kernel.load(openFixture('xdp/helper_costs'));
  const { by_long, by_word_percpu, recent, by_index, by_index_percpu } = object.maps;
  for (let i = 0; i < 1000; i++) {
    if (i % 3 !== 0) by_long!.update(BigInt(i), BigInt(i * 5));
    if (i % 4 !== 0) by_word_percpu!.update(i, [1n, 2n, 3n, BigInt(i)]);
    if (i % 5 !== 0) recent!.update(i, BigInt(i));
    if (i >= 500) continue;
    by_index!.update(i, BigInt(i * 3));
    by_index_percpu!.update(i, [1n, BigInt(i), 2n, 9n]);
  }
  return { kernel, object };
}

const ways = [load('interp', false), load('jit', true), load('jit', false)];

describe.each(PROGRAMS)('%s', (name) => {
  const results = (cpu: number): number[] =>
    ways.map(({ object }) => object.programs[name]!.testRun({ cpu }).retval);

  it.each([0, 1, 3])('gives the same in all engines on CPU %i', (cpu) => {
    const [expected, ...others] = results(cpu);
    expect(expected).not.toBe(cpu === 0 && name === 'read_cpu' ? 1 : 0);
    expect(others).toEqual([expected, expected]);
  });
});

describe('what is read in line', () => {
  it('follows the clock', () => {
    const { kernel, object } = load('jit', false);
    const time = (): bigint => object.programs.read_clock!.testRun().r0;
    const before = time();
    kernel.clock.advance(1);
    expect(time()).not.toBe(before);
  });

  it('asks a clock that moves by itself each time', () => {
    let calls = 0n;
    const kernel = new Kernel({ engine: 'jit', clock: { source: () => calls++ } });
    kernel.load(openFixture('xdp/helper_costs')).programs.read_clock!.testRun();
    expect(calls).toBeGreaterThanOrEqual(1000n);
  });
});

it('flow_hash tells flows apart, and passes what it does not know', () => {
  const { object } = load('jit', false);
  const frames = Array.from({ length: 64 }, (_, i) =>
    packet(ethernet(), ipv4(), udp({ dport: i }), 'payload'),
  );
  const verdicts = object.programs.flow_hash!.runMany([...frames, new Uint8Array(60)]);
  expect(verdicts.at(-1)).toBe(2);
  expect(new Set(verdicts.subarray(0, 64))).toEqual(new Set([1, 3]));
});
