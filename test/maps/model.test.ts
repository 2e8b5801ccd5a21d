/** Random operations, from programs and user space, on several CPUs, compared with a plain JavaScript Map after each. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_NOEXIST, type BpfMap, MapFlag } from '../../src/maps/index.ts';
import { type Kind, outcome, ProgramSide, type Shape, TestMachine, UserSide } from './harness.ts';

const CPUS = 3;
const KEYS = 24;

type Action =
  | {
      readonly do: 'update';
      readonly side: Side;
      readonly key: number;
      readonly value: number;
      readonly flags: number;
    }
  | { readonly do: 'delete'; readonly side: Side; readonly key: number }
  | { readonly do: 'lookup'; readonly side: Side; readonly key: number }
  | { readonly do: 'take'; readonly key: number }
  | { readonly do: 'cpu'; readonly cpu: number }
  | { readonly do: 'deleteWhileWalking'; readonly every: number };

type Side = 'program' | 'user';

const side = fc.constantFrom<Side>('program', 'user');
const key = fc.nat(KEYS - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      side,
      key,
      value: fc.nat(255),
      flags: fc.constantFrom(0, 0, BPF_NOEXIST, BPF_EXIST, 3, 8),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), side, key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lookup' as const), side, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cpu' as const), cpu: fc.nat(CPUS - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('deleteWhileWalking' as const),
      every: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** A value: one byte for each CPU; kinds with one value for all use the first. */
type Value = readonly number[];

/** What a hash should be: a Map, with the errors of the kernel. */
class HashModel {
  readonly entries = new Map<number, Value>();
  private readonly maxEntries: number;
  private readonly perCpu: boolean;

  constructor(maxEntries: number, perCpu: boolean) {
    this.maxEntries = maxEntries;
    this.perCpu = perCpu;
  }

  update(wanted: number, value: number, flags: number, cpu: number | 'all'): string {
    if (flags > BPF_EXIST) return 'EINVAL';
    const old = this.entries.get(wanted);
    if (old !== undefined && flags === BPF_NOEXIST) return 'EEXIST';
    if (old === undefined && flags === BPF_EXIST) return 'ENOENT';
    if (old === undefined && this.entries.size === this.maxEntries) return 'E2BIG';
    const base = old ?? Array.from({ length: CPUS }, () => 0);
    const single = !this.perCpu || cpu === 'all';
    this.entries.set(
      wanted,
      base.map((byte, i) => (single || i === cpu ? value : byte)),
    );
    return 'ok';
  }

  delete(wanted: number): string {
    return this.entries.delete(wanted) ? 'ok' : 'ENOENT';
  }
}

/** Runs actions on a map and on the model. */
class Comparison {
  readonly map: BpfMap;
  readonly model: HashModel;
  private readonly machine = new TestMachine(CPUS);
  private readonly program: ProgramSide;
  private readonly user: UserSide;
  private readonly perCpu: boolean;

  constructor(kind: Kind, shape: Shape) {
    this.perCpu = kind === 'PERCPU_HASH';
    this.map = this.machine.map(kind, shape);
    this.program = new ProgramSide(this.machine, this.map);
    this.user = new UserSide(this.map);
    this.model = new HashModel(this.map.attr.maxEntries, this.perCpu);
  }

  step(next: Action): void {
    switch (next.do) {
      case 'cpu':
        this.machine.cpu = next.cpu;
        return;
      case 'update':
        expect(this.update(next.side, next.key, next.value, next.flags)).toBe(
          this.model.update(
            next.key,
            next.value,
            next.flags,
            next.side === 'user' ? 'all' : this.machine.cpu,
          ),
        );
        return;
      case 'delete': {
        const bytes = this.keyBytes(next.key);
        const result = next.side === 'user' ? this.user.delete(bytes) : this.program.delete(bytes);
        expect(result).toBe(this.model.delete(next.key));
        return;
      }
      case 'lookup':
        this.expectValue(next.side, next.key);
        return;
      case 'take': {
        const taken = this.user.lookupAndDelete(this.keyBytes(next.key));
        expect(taken).toEqual(this.userValue(next.key));
        this.model.delete(next.key);
        return;
      }
      case 'deleteWhileWalking':
        this.deleteWhileWalking(next.every);
    }
  }

  /** Compares everything there is. */
  finish(): void {
    const keys = this.user.keys().map((bytes) => bytes[0]!);
    expect(keys.toSorted((a, b) => a - b)).toEqual([...this.model.entries.keys()].toSorted((a, b) => a - b));
    for (let i = 0; i < KEYS; i++) {
      this.expectValue('user', i);
      this.expectValue('program', i);
    }
    const before = this.machine.memory.bytesInUse;
    this.map.free();
    expect(this.machine.memory.bytesInUse).toBeLessThan(before);
  }

  private update(from: Side, wanted: number, byte: number, flags: number): string {
    const bytes = this.keyBytes(wanted);
    if (from === 'program') return this.program.update(bytes, this.valueBytes(byte), flags);
    const all = new Uint8Array(this.map.userValueSize);
    const slot = this.map.userValueSize / (this.perCpu ? CPUS : 1);
    for (let at = 0; at < all.length; at += slot) all.set(this.valueBytes(byte), at);
    return outcome(this.map.updateUser(bytes, all, flags));
  }

  private expectValue(from: Side, wanted: number): void {
    const bytes = this.keyBytes(wanted);
    if (from === 'user') {
      expect(this.user.lookup(bytes)).toEqual(this.userValue(wanted));
      return;
    }
    const value = this.model.entries.get(wanted);
    expect(this.program.lookup(bytes)).toEqual(
      value === undefined ? undefined : this.valueBytes(value[this.machine.cpu]!),
    );
  }

  private deleteWhileWalking(every: number): void {
    let visited = 0;
    const all = this.model.entries.size;
    this.program.walk((bytes) => {
      const wanted = bytes[0]!;
      expect(this.model.entries.has(wanted)).toBe(true);
      if (visited++ % every !== 0) return;
      expect(this.program.delete(bytes)).toBe('ok');
      this.model.delete(wanted);
    });
    expect(visited).toBe(all);
  }

  private userValue(wanted: number): Uint8Array | string {
    const value = this.model.entries.get(wanted);
    if (value === undefined) return 'ENOENT';
    if (!this.perCpu) return this.valueBytes(value[0]!);
    const all = new Uint8Array(this.map.userValueSize);
    value.forEach((byte, cpu) => {
      all.set(this.valueBytes(byte), (cpu * all.length) / CPUS);
    });
    return all;
  }

  private keyBytes(wanted: number): Uint8Array {
    const bytes = new Uint8Array(this.map.attr.keySize);
    bytes[0] = wanted;
    bytes[bytes.length - 1]! ^= 7 * wanted * (bytes.length - 1 === 0 ? 0 : 1);
    return bytes;
  }

  private valueBytes(byte: number): Uint8Array {
    return new Uint8Array(this.map.attr.valueSize).fill(byte);
  }
}

const { BPF_F_NO_PREALLOC } = MapFlag;

describe('any sequence of operations', () => {
  it.each<[Kind, Shape]>([
    ['HASH', { maxEntries: 10 }],
    ['HASH', { maxEntries: 10, flags: BPF_F_NO_PREALLOC }],
    ['HASH', { maxEntries: 1, keySize: 1, valueSize: 3 }],
    ['HASH', { maxEntries: 30, keySize: 8, valueSize: 100 }],
    ['HASH', { maxEntries: 7, keySize: 13, valueSize: 5, flags: BPF_F_NO_PREALLOC }],
    ['PERCPU_HASH', { maxEntries: 10 }],
    ['PERCPU_HASH', { maxEntries: 5, keySize: 16, valueSize: 12, flags: BPF_F_NO_PREALLOC }],
  ])('leaves %s %o as a plain model is', (kind, shape) => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const comparison = new Comparison(kind, shape);
        for (const next of actions) comparison.step(next);
        comparison.finish();
      }),
      { numRuns: 40 },
    );
  });
});
