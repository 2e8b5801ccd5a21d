/**
 * Random sequences of map operations whose outcome Linux 6.12 gave: every result, every value and, where the seed is zero and the kind can
 * be walked, the order of a final walk go into one number. fixtures/kernel-6.12/map-sequences.bpf.c is the program
 * that ran there (clang-19 -target bpf -O2 -DFAMILY_…, a test run of each of its programs); `Replay` does what it does.
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
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapExtra?: number;
  /** Hashes: keys are drawn from 0 to this. */
  readonly keys?: number;
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

const HASH_UPDATES = [BPF_ANY, BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST];
const TRIE_UPDATES = [BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST];
/** The bits that keys of tries may have. */
const TRIE_MASK = 0x01018003;

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
    const flags = family.flags.reduce<number>((all, flag) => all | MapFlag[flag], 0);
    const { keySize, valueSize, maxEntries, mapExtra = 0 } = family;
    this.map = machine.map(family.kind, {
      keySize,
      valueSize,
      maxEntries,
      flags,
      mapExtra: BigInt(mapExtra),
    });
  }

  run(steps: number): number {
    for (let i = 0; i < steps; i++) this.step(this.draw());
    if (this.map.iterate !== undefined) this.walk();
    return this.sum >>> 0;
  }

  private step(r: number): void {
    switch (this.family.kind) {
      case 'QUEUE':
      case 'STACK':
        this.stepQueue(r);
        break;
      case 'BLOOM_FILTER':
        this.stepBloom(r);
        break;
      case 'LPM_TRIE':
        this.stepTrie(r);
        break;
      default:
        this.stepHash(r);
    }
  }

  private stepHash(r: number): void {
    const { map } = this;
    const key = this.words((r >>> 8) % this.family.keys!);
    const operation = r & 7;
    const flags = HASH_UPDATES[operation];
    if (flags !== undefined) this.fold(map.update(key, this.words(Math.imul(r, 3)), flags));
    else if (operation === 5) this.fold(map.delete(key));
    else this.lookup(key, operation === 7);
  }

  private stepQueue(r: number): void {
    const { map } = this;
    const value = this.words(Math.imul(r, 3));
    const operation = r & 7;
    if (operation < 5) {
      const flags = operation < 3 ? BPF_ANY : operation === 3 ? BPF_EXIST : r >>> 8;
      this.fold(map.push!(value, flags));
      return;
    }
    this.fold(operation === 5 ? map.peek!(value) : map.pop!(value));
    this.fold(this.wordAt(value));
  }

  private stepBloom(r: number): void {
    const value = this.words((r >>> 3) % 300);
    this.fold((r & 7) === 0 ? this.map.push!(value, BPF_ANY) : this.map.peek!(value));
  }

  private stepTrie(r: number): void {
    const { map, machine } = this;
    const bits = 8 * (this.family.keySize - 4);
    const data = Array.from({ length: bits / 32 }, () => this.draw() & TRIE_MASK);
    const key = this.words((r >>> 3) % (bits + 2), ...data);
    const operation = r & 7;
    const flags = TRIE_UPDATES[operation];
    if (flags !== undefined) {
      this.fold(map.update(key, this.words(Math.imul(r, 3)), flags));
    } else if (operation === 4) {
      this.fold(map.delete(key));
    } else {
      if ((r & 1) === 1) machine.memory.view.setUint32(key, bits, true);
      this.lookup(key, false);
    }
  }

  private lookup(key: number, add: boolean): void {
    const found = this.map.lookup(key);
    this.fold(found === 0 ? 77 : this.wordAt(found));
    if (found === 0 || !add) return;
    const { view } = this.machine.memory;
    view.setBigUint64(found, view.getBigUint64(found, true) + 1000n, true);
  }

  private walk(): void {
    const walk = this.map.iterate!();
    let count = 0;
    for (; walk.next(); count++) {
      this.fold(this.wordAt(walk.key));
      this.fold(this.wordAt(walk.value));
    }
    this.fold(count);
  }

  free(): void {
    this.map.free();
  }

  /** Words on the stack, zeros behind them. */
  private words(...words: readonly number[]): number {
    const bytes = new Uint8Array(32);
    new Uint32Array(bytes.buffer).set(words);
    return this.machine.push(bytes);
  }

  private wordAt(address: number): number {
    return this.machine.memory.view.getUint32(address, true);
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
      const machine = new TestMachine(fixture.cpus);
      const sums = family.sums.map((_sum, i) => {
        const replay = new Replay(machine, family, i + 1);
        const sum = replay.run(fixture.steps);
        replay.free();
        return sum;
      });
      expect(sums).toEqual(family.sums);
    },
  );

  it('are at least 2,000', () => {
    expect(fixture.families.reduce((count, family) => count + family.sums.length, 0)).toBeGreaterThan(2000);
  });
});
