/** Batches: which types know which commands, what is counted when they end early, and how a hash is read bucket by bucket. */
import { describe, expect, it } from 'vitest';
import {
  type BatchCommand,
  type BatchRequest,
  type BpfMap,
  MapFlag,
  runBatch,
} from '../../src/maps/index.ts';
import { type Kind, numberOf, outcome, TestMachine, u32, u64 } from './harness.ts';

const ALL: readonly BatchCommand[] = ['lookup', 'lookup-and-delete', 'update', 'delete'];

/** A request for `count` elements with room for them. */
function request(map: BpfMap, count: number, change: Partial<BatchRequest> = {}): BatchRequest {
  const keys = new Uint8Array(map.attr.keySize * count);
  const values = new Uint8Array(map.userValueSize * count);
  const outBatch = new Uint8Array(Math.max(4, map.attr.keySize));
  return { keys, values, count, inBatch: undefined, outBatch, elemFlags: 0, flags: 0, ...change };
}

function run(map: BpfMap, command: BatchCommand, given: BatchRequest): [string, number] {
  const { error, count } = runBatch(map, command, given);
  return [outcome(error), count];
}

function words(bytes: Uint8Array, size: number, count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => numberOf(bytes.subarray(i * size, (i + 1) * size)));
}

/** A hash of 8-byte values under keys 0 to `count` - 1, value = 10 * key. */
function filledHash(kind: Kind, count: number, maxEntries = 16): BpfMap {
  const map = new TestMachine(2).map(kind, { maxEntries, flags: MapFlag.BPF_F_ZERO_SEED });
  for (let i = 0; i < count; i++) {
    const value = new Uint8Array(map.userValueSize);
    for (let at = 0; at < value.length; at += 8) value.set(u64(10 * i), at);
    expect(outcome(map.updateUser(u32(i), value, 0))).toBe('ok');
  }
  return map;
}

describe('the commands that a type knows', () => {
  const known = (kind: Kind, shape = {}): BatchCommand[] => {
    const map = new TestMachine().map(kind, shape);
    return ALL.filter((command) => runBatch(map, command, request(map, 0)).error !== -524);
  };

  it.each<[Kind, object, readonly BatchCommand[]]>([
    ['ARRAY', {}, ['lookup', 'update']],
    ['PERCPU_ARRAY', {}, ['lookup', 'update']],
    ['HASH', {}, ALL],
    ['LRU_PERCPU_HASH', {}, ALL],
    ['LPM_TRIE', { keySize: 8, flags: 1 }, ['lookup', 'update', 'delete']],
    ['QUEUE', { keySize: 0 }, []],
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 }, []],
  ])('of %s %o are %o', (kind, shape, commands) => {
    expect(known(kind, shape)).toEqual(commands);
  });
});

describe('a refused request', () => {
  it('leaves the count as it was', () => {
    const map = filledHash('HASH', 3);
    expect(run(map, 'lookup', request(map, 5, { elemFlags: 1 }))).toEqual(['EINVAL', 5]);
    expect(run(map, 'lookup', request(map, 5, { flags: 1 }))).toEqual(['EINVAL', 5]);
    expect(run(map, 'update', request(map, 5, { elemFlags: 4 }))).toEqual(['EINVAL', 5]);
    const queue = new TestMachine().map('QUEUE', { keySize: 0 });
    expect(run(queue, 'update', request(queue, 5))).toEqual(['ENOTSUPP', 5]);
  });

  it('of no elements does nothing, whatever else is wrong', () => {
    const map = filledHash('HASH', 3);
    expect(run(map, 'lookup', request(map, 0, { inBatch: new Uint8Array(0) }))).toEqual(['ok', 0]);
  });
});

describe('updates and deletions', () => {
  it('stop at the first that fails and count those before it', () => {
    const map = new TestMachine().map('HASH', { maxEntries: 2 });
    const keys = new Uint8Array([...u32(1), ...u32(2), ...u32(3)]);
    expect(run(map, 'update', request(map, 3, { keys }))).toEqual(['E2BIG', 2]);
    const gone = new Uint8Array([...u32(2), ...u32(9), ...u32(1)]);
    expect(run(map, 'delete', request(map, 3, { keys: gone }))).toEqual(['ENOENT', 1]);
    expect(map.readUser(u32(1), new Uint8Array(8), 0)).toBe(0);
  });

  it('fault at the end of too short an array', () => {
    const map = new TestMachine().map('HASH');
    expect(run(map, 'update', request(map, 2, { keys: u32(7) }))).toEqual(['EFAULT', 1]);
    expect(run(map, 'delete', request(map, 2, { keys: u32(7) }))).toEqual(['EFAULT', 1]);
  });
});

describe('reading an array', () => {
  it('goes on behind the key of the last batch and ends with ENOENT', () => {
    const map = new TestMachine().map('ARRAY', { maxEntries: 5 });
    for (let i = 0; i < 5; i++) map.updateUser(u32(i), u64(i * i), 0);
    const first = request(map, 3);
    expect(run(map, 'lookup', first)).toEqual(['ok', 3]);
    expect(words(first.values, 8, 3)).toEqual([0, 1, 4]);
    const second = request(map, 3, { inBatch: first.outBatch });
    expect(run(map, 'lookup', second)).toEqual(['ENOENT', 2]);
    expect(words(second.keys, 4, 2)).toEqual([3, 4]);
    expect(words(second.values, 8, 2)).toEqual([9, 16]);
    expect(run(map, 'lookup', request(map, 3, { inBatch: second.outBatch }))).toEqual(['ENOENT', 0]);
  });

  it('looks at the room for keys and values when there is something to show', () => {
    const outer = new TestMachine();
    const map = outer.map('ARRAY_OF_MAPS', { valueSize: 4, innerMap: outer.map('ARRAY') });
    const none = new Uint8Array(0);
    expect(run(map, 'lookup', request(map, 2, { keys: none, values: none }))).toEqual(['ENOENT', 0]);
    const array = new TestMachine().map('ARRAY', { maxEntries: 2 });
    const short = request(array, 2, { values: none });
    expect(run(array, 'lookup', short)).toEqual(['EFAULT', 0]);
  });

  it('shows a key whose value has no room', () => {
    const map = new TestMachine().map('LPM_TRIE', { keySize: 8, flags: 1 });
    map.updateUser(new Uint8Array([...u32(32), ...u32(5)]), u64(1), 0);
    const short = request(map, 1, { values: new Uint8Array(3) });
    expect(run(map, 'lookup', short)).toEqual(['EFAULT', 0]);
    expect(words(short.keys, 4, 2)).toEqual([32, 5]);
    expect([...short.values]).toEqual([1, 0, 0]);
  });

  it('gives the values of all CPUs of a per-CPU array', () => {
    const map = new TestMachine(3).map('PERCPU_ARRAY', { maxEntries: 2 });
    map.updateUser(u32(1), new Uint8Array([...u64(1), ...u64(2), ...u64(3)]), 0);
    const all = request(map, 2);
    expect(run(map, 'lookup', all)).toEqual(['ok', 2]);
    expect(words(all.values, 8, 6)).toEqual([0, 0, 0, 1, 2, 3]);
  });
});

describe.each<Kind>(['HASH', 'PERCPU_HASH', 'LRU_HASH', 'LRU_PERCPU_HASH'])('reading a %s', (kind) => {
  it('shows every element once, whole buckets at a time', () => {
    const map = filledHash(kind, 12);
    const seen: unknown[] = [];
    const batches: number[] = [];
    let inBatch: Uint8Array | undefined;
    for (let status = 'ok'; status === 'ok'; ) {
      const batch = request(map, 5, { inBatch });
      const [error, count] = run(map, 'lookup', batch);
      const keys = words(batch.keys, 4, count);
      expect(words(batch.values, map.userValueSize, count)).toHaveLength(count);
      expect(words(batch.values, 8, 1)[0]).toBe(count === 0 ? 0 : 10 * (keys[0] as number));
      seen.push(...keys);
      batches.push(count);
      inBatch = batch.outBatch;
      status = error;
    }
    expect(new Set(seen).size).toBe(12);
    expect(seen).toHaveLength(12);
    expect(batches.length).toBeGreaterThan(2);
  });

  it('has no room for a bucket that is larger than the batch', () => {
    const map = filledHash(kind, 12, 12);
    const wide = request(map, 16);
    expect(run(map, 'lookup', wide)).toEqual(['ENOENT', 12]);
    let inBatch: Uint8Array | undefined;
    const errors = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const batch = request(map, 1, { inBatch });
      const [error, count] = run(map, 'lookup', batch);
      errors.add(error);
      if (error === 'ENOSPC') expect(count).toBe(0);
      if (error !== 'ok') break;
      inBatch = batch.outBatch;
    }
    expect(errors).toContain('ENOSPC');
  });

  it('deletes what it shows, and nothing else', () => {
    const map = filledHash(kind, 12);
    const batch = request(map, 6);
    const [error, count] = run(map, 'lookup-and-delete', batch);
    expect(error).toBe('ok');
    const left = request(map, 16);
    const [end, rest] = run(map, 'lookup-and-delete', left);
    expect([end, rest]).toEqual(['ENOENT', 12 - count]);
    const all = [...words(batch.keys, 4, count), ...words(left.keys, 4, rest)];
    expect(all.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(outcome(map.nextKey(undefined, new Uint8Array(4)))).toBe('ENOENT');
  });

  it('loses a bucket that is taken out and has no room, as Linux does', () => {
    const map = filledHash(kind, 1);
    const short = request(map, 4, { values: new Uint8Array(0) });
    expect(run(map, 'lookup-and-delete', short)).toEqual(['EFAULT', 0]);
    expect(map.nextKey(undefined, new Uint8Array(4))).toBe(-2);
  });

  it('refuses a bucket that does not exist, and arrays that are too short', () => {
    const map = filledHash(kind, 3);
    expect(run(map, 'lookup', request(map, 4, { inBatch: u32(16) }))).toEqual(['ENOENT', 0]);
    expect(run(map, 'lookup', request(map, 4, { inBatch: u32(16).subarray(1) }))).toEqual(['EFAULT', 0]);
    expect(run(map, 'lookup', request(map, 4, { keys: u32(0) }))).toEqual(['EFAULT', 0]);
    expect(run(map, 'lookup', request(map, 4, { outBatch: new Uint8Array(2) }))).toEqual(['EFAULT', 0]);
  });
});

describe('a hash of maps', () => {
  it('shows ids and gives inner maps back when it deletes them', () => {
    const machine = new TestMachine();
    const innerMap = machine.map('ARRAY');
    machine.memory.view.setUint32(innerMap.address + 52, 77, true);
    let holds = 0;
    machine.maps.set(9, { map: innerMap, hold: () => holds++, release: () => holds-- });
    const map = machine.map('HASH_OF_MAPS', { valueSize: 4, innerMap });
    const keys = new Uint8Array([...u32(5), ...u32(6)]);
    const values = new Uint8Array([...u32(9), ...u32(9)]);
    expect(run(map, 'update', request(map, 2, { keys, values }))).toEqual(['ok', 2]);
    expect(holds).toBe(2);
    const batch = request(map, 4);
    expect(run(map, 'lookup-and-delete', batch)).toEqual(['ENOENT', 2]);
    expect(words(batch.values, 4, 2)).toEqual([77, 77]);
    expect(holds).toBe(0);
  });
});
