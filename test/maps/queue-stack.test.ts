/** BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK and BPF_MAP_TYPE_BLOOM_FILTER: kinds without keys. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_NOEXIST, type BpfMap, MapFlag } from '../../src/maps/index.ts';
import { filled, type Kind, outcome, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

const NO_KEY = new Uint8Array(0);

function made(kind: Kind, shape: Shape = {}) {
  const machine = new TestMachine();
  const map = machine.map(kind, { keySize: 0, maxEntries: 3, ...shape });
  const buffer = machine.push(filled(map.attr.valueSize, 0xcc));
  const take = (operation: (to: number) => number): Uint8Array | string => {
    const result = operation(buffer);
    return result === 0 ? machine.memory.readBytes(buffer, map.attr.valueSize) : outcome(result);
  };
  return {
    machine,
    map,
    buffer,
    user: new UserSide(map),
    push: (value: Uint8Array, flags = 0) => outcome(map.push!(machine.push(value), flags)),
    pop: () => take((to) => map.pop!(to)),
    peek: () => take((to) => map.peek!(to)),
  };
}

const WAYS = [
  ['QUEUE', [1, 2, 3]],
  ['STACK', [3, 2, 1]],
] as const;

describe.each(WAYS)('a %s', (kind, order) => {
  it('gives values in its order', () => {
    const { push, pop, peek } = made(kind);
    for (const n of [1, 2, 3]) expect(push(u64(n))).toBe('ok');
    for (const n of order) {
      expect(peek()).toEqual(u64(n));
      expect(pop()).toEqual(u64(n));
    }
    expect(pop()).toBe('ENOENT');
    expect(peek()).toBe('ENOENT');
  });

  it('clears the buffer of who finds it empty', () => {
    const { machine, buffer, pop } = made(kind);
    expect(pop()).toBe('ENOENT');
    expect(machine.memory.readBytes(buffer, 8)).toEqual(u64(0));
  });

  it('is full at max_entries, and with BPF_EXIST gives up the oldest value', () => {
    const { push, pop } = made(kind);
    for (const n of [1, 2, 3]) push(u64(n));
    expect(push(u64(4))).toBe('E2BIG');
    expect(push(u64(4), BPF_EXIST)).toBe('ok');
    const left = [pop(), pop(), pop(), pop()];
    expect(left).toEqual([...(kind === 'QUEUE' ? [2, 3, 4] : [4, 3, 2]).map((n) => u64(n)), 'ENOENT']);
  });

  it('knows no flags but BPF_EXIST', () => {
    const { push } = made(kind);
    for (const flags of [BPF_NOEXIST, 3, 4, 2 ** 32]) expect(push(u64(1), flags)).toBe('EINVAL');
  });

  it('is used by user space without keys', () => {
    const { user } = made(kind, { valueSize: 3 });
    for (const n of [1, 2, 3]) expect(user.update(NO_KEY, filled(3, n))).toBe('ok');
    expect(user.update(NO_KEY, filled(3, 4))).toBe('E2BIG');
    expect(user.update(NO_KEY, filled(3, 4), 1)).toBe('EINVAL');
    expect(user.lookup(NO_KEY)).toEqual(filled(3, order[0]));
    expect(user.lookupAndDelete(NO_KEY)).toEqual(filled(3, order[0]));
    expect(user.lookup(NO_KEY)).toEqual(filled(3, order[1]));
    expect(user.lookup(NO_KEY, 4)).toBe('EINVAL');
    expect(user.lookupAndDelete(NO_KEY, 4)).toBe('EINVAL');
    expect(user.delete(NO_KEY)).toBe('EINVAL');
    expect(user.next()).toBe('EINVAL');
    expect(user.update(NO_KEY, filled(2, 1))).toBe('EFAULT');
  });

  it('has no entries to look up, update or delete', () => {
    const { map } = made(kind);
    expect([map.lookup(0), map.update(0, 0, 0), map.delete(0)]).toEqual([0, -22, -22]);
  });

  it('is what a plain list is after any sequence of operations', () => {
    const action = fc.oneof(
      fc.record({ push: fc.nat(255), flags: fc.constantFrom(0, 0, BPF_EXIST) }),
      fc.constantFrom('pop' as const, 'peek' as const),
    );
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 80 }),
        fc.integer({ min: 1, max: 5 }),
        (actions, maxEntries) => {
          const { push, pop, peek } = made(kind, { maxEntries, valueSize: 5 });
          const model: number[] = [];
          for (const next of actions) {
            if (typeof next !== 'string') {
              const full = model.length === maxEntries;
              expect(push(filled(5, next.push), next.flags)).toBe(full && next.flags === 0 ? 'E2BIG' : 'ok');
              if (full && next.flags === 0) continue;
              if (full) model.shift();
              model.push(next.push);
              continue;
            }
            const leaving = kind === 'QUEUE' ? model[0] : model.at(-1);
            expect(next === 'pop' ? pop() : peek()).toEqual(
              leaving === undefined ? 'ENOENT' : filled(5, leaving),
            );
            if (next === 'pop') model.splice(kind === 'QUEUE' ? 0 : -1, 1);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives its memory back', () => {
    const machine = new TestMachine();
    const used = machine.memory.bytesInUse;
    machine.map(kind, { keySize: 0 }).free();
    expect(machine.memory.bytesInUse).toBe(used);
  });
});

describe('a bloom filter', () => {
  it('finds all that was put in', () => {
    const { push, machine, map } = made('BLOOM_FILTER', { valueSize: 4, maxEntries: 500 });
    for (let n = 0; n < 500; n++) expect(push(u32(n))).toBe('ok');
    const missing = Array.from({ length: 500 }, (_, n) => map.peek!(machine.push(u32(n)))).filter(
      (r) => r !== 0,
    );
    expect(missing).toEqual([]);
  });

  it.each([1, 2, 5, 15])('seldom takes a stranger for a member, with %i hashes', (hashes) => {
    const shape = { valueSize: 8, maxEntries: 1000, mapExtra: BigInt(hashes) };
    const { push, machine, map } = made('BLOOM_FILTER', shape);
    for (let n = 0; n < 1000; n++) push(u64(n));
    let wrong = 0;
    for (let n = 1000; n < 6000; n++) if (map.peek!(machine.push(u64(n))) === 0) wrong++;
    // 1/2 a hash for a filter of entries * hashes / ln 2 bits, less as sizes are rounded up.
    expect(wrong / 5000).toBeLessThan(0.5 ** hashes + 0.02);
    if (hashes === 1) expect(wrong).toBeGreaterThan(100);
  });

  it('is asked and filled by user space with the value in the buffer', () => {
    const { map, user } = made('BLOOM_FILTER', { valueSize: 8, maxEntries: 10 });
    expect(outcome(map.readUser(NO_KEY, u64(7), 0))).toBe('ENOENT');
    expect(user.update(NO_KEY, u64(7))).toBe('ok');
    expect(outcome(map.readUser(NO_KEY, u64(7), 0))).toBe('ok');
    expect(user.update(NO_KEY, u64(7), 1)).toBe('EINVAL');
    expect(outcome(map.readUser(NO_KEY, u64(7), 4))).toBe('EINVAL');
    expect(outcome(map.readUser(NO_KEY, u32(7), 0))).toBe('EFAULT');
    expect(user.update(NO_KEY, u32(7))).toBe('EFAULT');
  });

  it('gives nothing out and forgets nothing', () => {
    const { map, user, push } = made('BLOOM_FILTER');
    expect(push(u64(1), BPF_EXIST)).toBe('EINVAL');
    expect([map.lookup(0), map.update(0, 0, 0), map.delete(0), map.pop!(0)].map(outcome)).toEqual([
      'EINVAL',
      'EINVAL',
      'EOPNOTSUPP',
      'EOPNOTSUPP',
    ]);
    expect(user.delete(NO_KEY)).toBe('EOPNOTSUPP');
    expect(user.next()).toBe('EOPNOTSUPP');
    expect(user.lookupAndDelete(NO_KEY)).toBe('unsupported');
  });

  it('has other bits with another seed', () => {
    const strangers = (map: BpfMap, machine: TestMachine): string => {
      const found: number[] = [];
      for (let n = 0; n < 200; n++) map.push!(machine.push(u64(n)), 0);
      for (let n = 200; n < 2000; n++) if (map.peek!(machine.push(u64(n))) === 0) found.push(n);
      return found.join();
    };
    const with_ = (seed: number, flags: number): string => {
      const machine = new TestMachine();
      machine.seed = seed;
      return strangers(
        machine.map('BLOOM_FILTER', { keySize: 0, maxEntries: 200, mapExtra: 1n, flags }),
        machine,
      );
    };
    expect(with_(1, 0)).not.toBe(with_(2, 0));
    expect(with_(1, MapFlag.BPF_F_ZERO_SEED)).toBe(with_(2, MapFlag.BPF_F_ZERO_SEED));
  });
});
