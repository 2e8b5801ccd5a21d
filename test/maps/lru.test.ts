/**
 * Which entries the LRU kinds evict: the situations of the kernel's own test of them (tools/testing/selftests/bpf/test_lru_map.c), told
 * anew, and what follows from kernel/bpf/bpf_lru_list.c beyond it.
 */
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, type BpfMap, MapFlag } from '../../src/maps/index.ts';
import { type Kind, numberOf, ProgramSide, TestMachine, UserSide, u64 } from './harness.ts';

const { BPF_F_NO_COMMON_LRU } = MapFlag;

/** Nodes that a CPU fetches from the common list at once, at most. */
const LOCAL_FREE_TARGET = 128;
/** The same with a list for each CPU. */
const PERCPU_FREE_TARGET = 4;

/** An LRU map with 8-byte keys and values, and a record of what should be in it. */
class Cache {
  readonly machine: TestMachine;
  readonly map: BpfMap;
  readonly program: ProgramSide;
  readonly user: UserSide;
  private readonly expected = new Set<number>();

  constructor(kind: Kind, flags: number, maxEntries: number, cpus: number) {
    this.machine = new TestMachine(cpus);
    this.map = this.machine.map(kind, { keySize: 8, valueSize: 8, maxEntries, flags });
    this.program = new ProgramSide(this.machine, this.map);
    this.user = new UserSide(this.map);
  }

  /** Adds keys [from, to), which must be new. */
  add(from: number, to = from + 1): void {
    const refused: number[] = [];
    for (let key = from; key < to; key++) {
      if (this.user.update(u64(key), this.value(1000 + key), BPF_NOEXIST) !== 'ok') refused.push(key);
    }
    expect(refused).toEqual([]);
  }

  /** Adds keys that must be there in the end. */
  addKept(from: number, to = from + 1): void {
    this.add(from, to);
    this.keep(from, to);
  }

  /** Looks keys up as a program: that marks them as used. */
  use(from: number, to = from + 1): void {
    const missed: number[] = [];
    for (let key = from; key < to; key++) {
      if (numberOf(this.program.lookup(u64(key))) !== 1000 + key) missed.push(key);
    }
    expect(missed).toEqual([]);
  }

  keep(from: number, to = from + 1): void {
    for (let key = from; key < to; key++) this.expected.add(key);
  }

  has(key: number): boolean {
    return typeof this.user.lookup(u64(key)) !== 'string';
  }

  keys(): number[] {
    return this.user.keys().map((key) => Number(numberOf(key)));
  }

  expectKept(): void {
    expect(this.keys().sort((a, b) => a - b)).toEqual([...this.expected].sort((a, b) => a - b));
  }

  /** A user's value: the same for all CPUs. */
  value(number: number): Uint8Array {
    const bytes = new Uint8Array(this.map.userValueSize);
    for (let at = 0; at < bytes.length; at += 8) bytes.set(u64(number), at);
    return bytes;
  }
}

const KINDS: readonly Kind[] = ['LRU_HASH', 'LRU_PERCPU_HASH'];

describe.each(KINDS.flatMap((kind) => [1, 2, 4].map((cpus) => [kind, cpus] as const)))(
  '%s on %i CPUs',
  (kind, cpus) => {
    describe.each([
      ['one list for all CPUs', 0],
      ['a list for each CPU', BPF_F_NO_COMMON_LRU],
    ])('with %s', (_, flags) => {
      const own = flags !== 0;

      it('obeys NOEXIST and EXIST, and knows no other flags', () => {
        const cache = new Cache(kind, flags, own ? 2 * cpus : 2, cpus);
        cache.add(1);
        expect(cache.user.update(u64(1), cache.value(0), BPF_NOEXIST)).toBe('EEXIST');
        expect(cache.user.update(u64(2), cache.value(0), BPF_EXIST)).toBe('ENOENT');
        for (const unknown of [3, BPF_F_LOCK, 8, 2 ** 32 - 1]) {
          expect(cache.user.update(u64(1), cache.value(0), unknown)).toBe('EINVAL');
        }
        expect(cache.user.delete(u64(2))).toBe('ENOENT');
        expect(cache.user.lookup(u64(1))).toEqual(cache.value(1001));
      });

      it('evicts of two entries the one that no program looked up', () => {
        const cache = new Cache(kind, flags, own ? 2 * cpus : 2, cpus);
        cache.addKept(1);
        cache.add(2);
        cache.use(1);
        cache.addKept(3);
        expect(cache.has(2)).toBe(false);
        cache.expectKept();
        expect(cache.user.lookupAndDelete(u64(1))).toEqual(cache.value(1001));
        expect(cache.keys()).toEqual([3]);
      });

      it('does not count lookups of user space as use', () => {
        for (const used of [1, 2]) {
          const cache = new Cache(kind, flags, own ? 2 * cpus : 2, cpus);
          cache.add(1, 3);
          cache.keep(used);
          cache.use(used);
          expect(cache.has(3 - used)).toBe(true);
          cache.addKept(3);
          cache.expectKept();
        }
      });

      it('has room again for as many entries as were deleted', () => {
        const target = own ? PERCPU_FREE_TARGET : LOCAL_FREE_TARGET;
        const cache = new Cache(kind, flags, own ? 3 * target * cpus : 6 * target * cpus, cpus);
        cache.add(1, 1 + 2 * target);
        expect(cache.user.update(u64(1), cache.value(0), BPF_NOEXIST)).toBe('EEXIST');
        cache.use(1, 1 + target);
        cache.keep(1, 1 + target);
        for (let key = 1 + target; key <= 2 * target; key++) {
          expect(cache.user.delete(u64(key))).toBe('ok');
          expect(cache.user.delete(u64(key))).toBe('ENOENT');
        }
        cache.addKept(1 + 2 * target, 1 + 4 * target);
        cache.expectKept();
      });

      it('never holds more than its entries, whatever is done to it', () => {
        const maxEntries = own ? 8 * cpus : 30;
        const cache = new Cache(kind, flags, maxEntries, cpus);
        for (let i = 0; i < 3000; i++) {
          cache.machine.cpu = i % cpus;
          const key = u64((i * 7919) % 101);
          if (i % 5 === 0) cache.program.delete(key);
          else if (i % 3 === 0) cache.program.lookup(key);
          else expect(cache.program.update(key, u64(i))).toBe('ok');
        }
        const keys = cache.keys();
        expect(keys.length).toBeLessThanOrEqual(maxEntries);
        expect(new Set(keys).size).toBe(keys.length);
      });
    });

    it('evicts entries that were not used, before those that were', () => {
      const target = LOCAL_FREE_TARGET;
      const batch = target / 2;
      const room = 2 * target * cpus;
      const cache = new Cache(kind, 0, room + batch, cpus);
      cache.add(1, 1 + room);
      cache.use(1, 1 + batch);
      cache.keep(1, 1 + batch);
      cache.addKept(1 + room, 1 + 2 * room);
      cache.expectKept();
    });

    it('evicts the oldest entries, and lets those survive that came back and were used', () => {
      const target = LOCAL_FREE_TARGET;
      const batch = target / 2;
      const room = 2 * target * cpus;
      const cache = new Cache(kind, 0, room + batch, cpus);
      cache.add(1, 1 + room);
      // To take an element for this update, the CPU evicts the oldest entries, key 1 among them.
      if (kind === 'LRU_PERCPU_HASH') {
        cache.add(1);
        expect(cache.user.delete(u64(1))).toBe('ok');
      } else {
        expect(cache.user.update(u64(1), cache.value(1), BPF_EXIST)).toBe('ENOENT');
      }
      for (let key = 1; key < 1 + batch; key++) {
        expect(cache.has(key)).toBe(false);
        cache.addKept(key);
        cache.use(key);
      }
      cache.add(1 + room, 1 + room + batch);
      cache.addKept(1 + room + batch, 1 + 2 * room + batch);
      cache.expectKept();
    });

    it('replaces the entries that were not used when all others were', () => {
      const target = LOCAL_FREE_TARGET;
      const batch = Math.floor(target / cpus / 2);
      const cache = new Cache(kind, 0, 2 * target, cpus);
      cache.add(1, 1 + 2 * target);
      cache.use(1, 1 + 2 * target - batch);
      cache.keep(1, 1 + 2 * target - batch);
      cache.addKept(1 + 2 * target, 1 + 2 * target + batch);
      cache.expectKept();
    });

    it('passes its only element from CPU to CPU', () => {
      const cache = new Cache(kind, 0, 1, cpus);
      cache.add(0);
      for (let cpu = 0; cpu < cpus; cpu++) {
        cache.machine.cpu = cpu;
        cache.use(cpu);
        cache.add(cpu + 1);
        expect(cache.keys()).toEqual([cpu + 1]);
      }
    });

    it("keeps entries of a CPU's own list that are used again and again", () => {
      const target = PERCPU_FREE_TARGET;
      const cache = new Cache(kind, BPF_F_NO_COMMON_LRU, 2 * target * cpus, cpus);
      cache.addKept(1, 1 + target);
      for (let key = 1 + target; key < 1 + 2 * target; key++) {
        cache.use(1, 1 + target);
        cache.add(key);
      }
      cache.addKept(1 + 2 * target, 1 + 3 * target);
      cache.expectKept();
    });

    it('gives every CPU the same number of entries when each has its own list', () => {
      const cache = new Cache(kind, BPF_F_NO_COMMON_LRU, 4 * cpus - 1, cpus);
      const share = cpus === 1 ? 3 : 4;
      expect(cache.map.attr.maxEntries).toBe(share * cpus);
      cache.machine.cpu = cpus - 1;
      cache.add(0, share);
      expect(cache.keys().length).toBe(share);
      cache.add(share);
      expect(cache.keys().length).toBeLessThanOrEqual(share);
    });
  },
);

describe('an LRU hash', () => {
  it('takes an element even for an update that fails', () => {
    const cache = new Cache('LRU_HASH', 0, 1, 1);
    cache.add(1);
    expect(cache.user.update(u64(1), cache.value(2), BPF_NOEXIST)).toBe('ok');
    expect(cache.user.update(u64(2), cache.value(2), BPF_EXIST)).toBe('ENOENT');
    expect(cache.keys()).toEqual([]);
  });

  it('puts a changed value into another element, marked as used', () => {
    const cache = new Cache('LRU_HASH', 0, 2, 1);
    cache.add(1, 3);
    const before = cache.program.lookupAddress(u64(2));
    expect(cache.user.update(u64(2), cache.value(5))).toBe('ok');
    expect(cache.program.lookupAddress(u64(2))).not.toBe(before);
  });
});

describe('a per-CPU LRU hash', () => {
  it('changes values where they are, for the CPU that runs or for all', () => {
    const cache = new Cache('LRU_PERCPU_HASH', 0, 10, 3);
    cache.machine.cpu = 1;
    cache.program.update(u64(7), u64(70));
    const address = cache.program.lookupAddress(u64(7));
    cache.program.update(u64(7), u64(71));
    expect(cache.program.lookupAddress(u64(7))).toBe(address);
    expect([0, 1, 2].map((cpu) => numberOf(cache.program.lookupOnCpu(u64(7), cpu)))).toEqual([0, 71, 0]);
    cache.user.update(u64(7), cache.value(9));
    expect([0, 1, 2].map((cpu) => numberOf(cache.program.lookupOnCpu(u64(7), cpu)))).toEqual([9, 9, 9]);
    expect(cache.program.lookupOnCpu(u64(7), 3)).toBeUndefined();
  });

  it("counts a lookup of another CPU's value as use", () => {
    const cache = new Cache('LRU_PERCPU_HASH', 0, 2, 2);
    cache.add(1, 3);
    cache.program.lookupOnCpu(u64(1), 1);
    cache.add(3);
    expect(cache.keys().sort()).toEqual([1, 3]);
  });

  it('takes no element for an update with EXIST', () => {
    const cache = new Cache('LRU_PERCPU_HASH', 0, 1, 1);
    cache.add(1);
    expect(cache.user.update(u64(2), cache.value(2), BPF_EXIST)).toBe('ENOENT');
    expect(cache.keys()).toEqual([1]);
    expect(cache.user.update(u64(1), cache.value(2), BPF_EXIST)).toBe('ok');
    expect(cache.user.lookup(u64(1))).toEqual(cache.value(2));
  });
});
