/**
 * Random sequences of map operations in programs of one object (programs/sequences/maps.c) that ran on Linux: the same object must return
 * the same here, which stands for all results on the way and for what the maps hold in the end.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../src/index.ts';
import { fixture, openFixture, ROOT } from '../fixtures.ts';

interface Recorded {
  readonly cpus: number;
  readonly object: string;
  readonly sha256: string;
  readonly firstSeed: number;
  /** What the programs `NAME_SEED` returned, by name, in the order of their seeds. */
  readonly results: Readonly<Record<string, readonly number[]>>;
}

const recorded = JSON.parse(
  readFileSync(`${ROOT}/fixtures/kernel-6.12/map-object-sequences.json`, 'utf8'),
) as Recorded;

describe('an object that Linux ran', () => {
  const object = openFixture(recorded.object);
  for (const program of object.programList) program.autoload = false;
  // Seeds take turns between the engines.
  const kernels = (['interp', 'jit'] as const).map((engine) => new Kernel({ cpus: recorded.cpus, engine }));

  it('is still the same', () => {
    expect(createHash('sha256').update(fixture(recorded.object)).digest('hex')).toBe(recorded.sha256);
    const names = Object.entries(recorded.results).flatMap(([name, { length }]) =>
      Array.from({ length }, (_, i) => `${name}_${recorded.firstSeed + i}`),
    );
    expect(object.programList.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(names.length).toBeGreaterThanOrEqual(360);
  });

  it.each(Object.keys(recorded.results))('returns the same from its sequences on %s', (name) => {
    const results = recorded.results[name]!.map((_, i) => {
      const program = object.programs[`${name}_${recorded.firstSeed + i}`]!;
      const kernel = kernels[i % 2]!;
      program.autoload = true;
      kernel.load(object);
      const { retval } = program.testRun();
      kernel.unload(object);
      program.autoload = false;
      return retval >>> 0;
    });
    expect(results).toEqual(recorded.results[name]);
  });
});
