/**
 * Random sequences of map operations whose outcome Linux 6.12 gave: every result, every value and, as the seed is zero, the order of a
 * final walk go into one number. fixtures/kernel-6.12/map-sequences.bpf.c is the program that ran there (clang-19
 * -target bpf -O2, test run of each of its programs); `replay` does what it does.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BPF_ANY, BPF_EXIST, BPF_NOEXIST, type BpfMap, MapFlag } from '../../src/maps/index.ts';
import { type Kind, TestMachine } from './harness.ts';

interface Family {
  readonly name: string;
  readonly kind: Kind;
  readonly flags: readonly (keyof typeof MapFlag)[];
  readonly keySize: number;
  readonly maxEntries: number;
  /** Keys are drawn from 0 to this. */
  readonly keys: number;
  /** What the programs with seeds 1, 2, … returned. */
  readonly sums: readonly number[];
}

interface Fixture {
  readonly cpus: number;
  readonly steps: number;
  readonly families: readonly Family[];
}

const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/kernel-6.12/map-sequences.json', import.meta.url), 'utf8'),
) as Fixture;

const UPDATE_FLAGS = [BPF_ANY, BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST];

class Replay {
  private readonly machine: TestMachine;
  private readonly map: BpfMap;
  private readonly family: Family;
  private random: number;
  private sum = 0;

  constructor(machine: TestMachine, family: Family, seed: number) {
    this.machine = machine;
    this.family = family;
    this.random = Math.imul(0x1000193, seed);
    const flags = family.flags.reduce<number>((all, flag) => all | MapFlag[flag], MapFlag.BPF_F_ZERO_SEED);
    const { keySize, maxEntries } = family;
    this.map = machine.map(family.kind, { keySize, maxEntries, valueSize: 8, flags });
  }

  run(steps: number): number {
    for (let i = 0; i < steps; i++) this.step();
    const walk = this.map.iterate!();
    let count = 0;
    for (; walk.next(); count++) {
      this.fold(this.machine.memory.view.getUint32(walk.key, true));
      this.fold(this.machine.memory.view.getUint32(walk.value, true));
    }
    this.fold(count);
    return this.sum >>> 0;
  }

  private step(): void {
    const { machine, map } = this;
    const r = this.draw();
    const key = new Uint8Array(this.family.keySize);
    new DataView(key.buffer).setUint32(0, (r >>> 8) % this.family.keys, true);
    const at = machine.push(key);
    const operation = r & 7;
    const flags = UPDATE_FLAGS[operation];
    if (flags !== undefined) {
      const value = machine.push(new Uint8Array(new Uint32Array([Math.imul(r, 3), 0]).buffer));
      this.fold(map.update(at, value, flags));
    } else if (operation === 5) {
      this.fold(map.delete(at));
    } else {
      this.lookup(map.lookup(at), operation === 7);
    }
  }

  private lookup(found: number, add: boolean): void {
    if (found === 0) {
      this.fold(77);
      return;
    }
    const { view } = this.machine.memory;
    this.fold(view.getUint32(found, true));
    if (add) view.setBigUint64(found, view.getBigUint64(found, true) + 1000n, true);
  }

  private draw(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return x;
  }

  private fold(word: number): void {
    this.sum = Math.imul(((this.sum << 5) | (this.sum >>> 27)) ^ word, 0x9e3779b1);
  }
}

describe('sequences of operations that Linux ran', () => {
  it.each(fixture.families.map((family) => [family.name, family] as const))(
    'come out the same for %s',
    (_, family) => {
      const sums = family.sums.map((_sum, i) =>
        new Replay(new TestMachine(fixture.cpus), family, i + 1).run(fixture.steps),
      );
      expect(sums).toEqual(family.sums);
    },
  );
});
