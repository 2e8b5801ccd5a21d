/** BPF_MAP_TYPE_RINGBUF, as kernel/bpf/ringbuf.c has it, and its consumer, as ring_buffer__consume of libbpf. */
import { describe, expect, it } from 'vitest';
import { type RingBuffer, RingbufQuery, ringbufOfRecord } from '../../src/maps/index.ts';
import { BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP } from '../../src/spec/uapi.ts';
import { filled, outcome, TestMachine, UserSide, u32 } from './harness.ts';

const PAGE = 4096;
const HEADER = 8;
const BUSY = 0x80000000;
const DISCARD = 0x40000000;

function ringOf(size = PAGE) {
  const machine = new TestMachine(2);
  const map = machine.map('RINGBUF', { keySize: 0, valueSize: 0, maxEntries: size });
  const ring: RingBuffer = map.ring!;
  const { memory } = machine;
  return {
    machine,
    memory,
    map,
    ring,
    word: (address: number) => memory.view.getUint32(address, true),
    /** Reserves a record and fills it. */
    reserve: (size: number, byte = 0) => {
      const record = ring.reserve(size);
      if (record !== 0) memory.writeBytes(record, filled(size, byte));
      return record;
    },
    /** Adds a record of `size` bytes, all `byte`. */
    add: (size: number, byte: number) => outcome(ring.output(machine.push(filled(size, byte)), size, 0)),
    /** The records that are to be had now, each as [size, first byte]. */
    read: (limit?: number) => {
      const records: [size: number, byte: number][] = [];
      ring.consume((address, size) => {
        const bytes = memory.readBytes(address, size);
        expect(new Set(bytes).size).toBeLessThanOrEqual(1);
        records.push([size, bytes[0] ?? -1]);
        return true;
      }, limit);
      return records;
    },
    available: () => ring.query(RingbufQuery.BPF_RB_AVAIL_DATA),
  };
}

describe('a ring buffer', () => {
  it('gives records in the order in which they were reserved', () => {
    const { add, read } = ringOf();
    expect([add(10, 1), add(0, 0), add(100, 2)]).toEqual(['ok', 'ok', 'ok']);
    expect(read()).toEqual([
      [10, 1],
      [0, -1],
      [100, 2],
    ]);
    expect(read()).toEqual([]);
  });

  it('stops at a record that is still being written', () => {
    const { ring, reserve, read } = ringOf();
    const [first, second, third] = [reserve(8, 1), reserve(8, 2), reserve(8, 3)];
    ring.commit(second, 0, false);
    expect(read()).toEqual([]);
    ring.commit(first, 0, false);
    expect(read()).toEqual([
      [8, 1],
      [8, 2],
    ]);
    ring.commit(third, 0, false);
    expect(read()).toEqual([[8, 3]]);
  });

  it('skips discarded records, but counts their place', () => {
    const { ring, reserve, read, available } = ringOf();
    const [first, second] = [reserve(24, 1), reserve(8, 2)];
    ring.commit(first, 0, true);
    ring.commit(second, 0, false);
    expect(available()).toBe(24 + 8 + 8 + 8);
    expect(read()).toEqual([[8, 2]]);
    expect(available()).toBe(0);
  });

  it('has headers with length, flags and the distance in pages from the map', () => {
    const { ring, reserve, word, map } = ringOf(2 * PAGE);
    const first = reserve(PAGE - 8);
    const second = reserve(20);
    expect(word(first - HEADER)).toBe(BUSY + PAGE - 8);
    expect([word(first - 4), word(second - 4)]).toEqual([3, 4]);
    expect(first - HEADER - map.address).toBe(3 * PAGE);
    ring.commit(first, 0, false);
    ring.commit(second, 0, true);
    expect(word(first - HEADER)).toBe(PAGE - 8);
    expect(word(second - HEADER)).toBe(DISCARD + 20);
  });

  it('finds the map of a record', () => {
    const { ring, memory, map } = ringOf(2 * PAGE);
    for (const size of [0, 5, PAGE, 100])
      expect(ringbufOfRecord(memory, ring.reserve(size))).toBe(map.address);
    for (const hostile of [0, 4, memory.size, 2 ** 32 - 1, -1]) {
      expect(Number.isInteger(ringbufOfRecord(memory, hostile))).toBe(true);
    }
  });

  it("has pages for the positions, the consumer's first", () => {
    const { map, ring, word, reserve, read } = ringOf();
    ring.commit(reserve(9, 1), 0, false);
    ring.commit(reserve(1, 1), 0, false);
    const [consumer, producer] = [map.address + PAGE, map.address + 2 * PAGE];
    expect([word(consumer), word(producer)]).toEqual([0, 24 + 16]);
    read(1);
    expect([word(consumer), word(producer)]).toEqual([24, 40]);
  });

  it('has room for one byte less than its size, headers and padding to 8 included', () => {
    const { ring, add, read } = ringOf();
    expect(ring.reserve(PAGE - HEADER)).toBe(0);
    expect(ring.reserve(PAGE - 2 * HEADER)).not.toBe(0);
    expect(ring.reserve(0)).toBe(0);
    const other = ringOf();
    expect(other.add(PAGE - HEADER - 8, 1)).toBe('ok');
    expect(other.add(0, 1)).toBe('EAGAIN');
    other.read();
    expect(other.add(PAGE - HEADER - 8, 2)).toBe('ok');
    expect(add(1, 1)).toBe('EAGAIN');
    expect(read()).toEqual([]);
  });

  it.each([2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1, 2 ** 40])('has no room for %d bytes', (size) => {
    expect(ringOf().ring.reserve(size)).toBe(0);
  });

  it('keeps a record in one piece when it goes on at the start', () => {
    const { add, read } = ringOf();
    for (let i = 0; i < 200; i++) {
      expect(add(1000 + (i % 7), i)).toBe('ok');
      expect(add(500, 255 - (i % 256))).toBe('ok');
      expect(read()).toEqual([
        [1000 + (i % 7), i % 256],
        [500, 255 - (i % 256)],
      ]);
    }
  });

  it('gives no room back before the oldest reserved record is done', () => {
    const { ring, reserve, read } = ringOf();
    const oldest = reserve(1000, 1);
    for (let i = 0; i < 2; i++) ring.commit(reserve(1000, 2), 0, false);
    expect(read()).toEqual([]);
    expect(reserve(1200)).toBe(0);
    ring.commit(oldest, 0, true);
    expect(read().length).toBe(2);
    expect(reserve(1200)).not.toBe(0);
  });

  it('reads no more than it is asked to, and stops when it is told to', () => {
    const { ring, add, read } = ringOf();
    for (let i = 0; i < 5; i++) add(8, i);
    expect(read(2)).toEqual([
      [8, 0],
      [8, 1],
    ]);
    let seen = 0;
    expect(ring.consume(() => ++seen < 2)).toBe(2);
    expect(read()).toEqual([[8, 4]]);
  });

  it('wakes the consumer for the record it waits for', () => {
    const { ring, reserve, read } = ringOf();
    let wakeups = 0;
    const stop = ring.onWakeup(() => wakeups++);
    const [first, second] = [reserve(8), reserve(8)];
    ring.commit(second, 0, false);
    expect(wakeups).toBe(0);
    ring.commit(first, 0, false);
    expect(wakeups).toBe(1);
    read();
    ring.commit(reserve(8), BPF_RB_NO_WAKEUP, false);
    expect(wakeups).toBe(1);
    ring.commit(reserve(8), BPF_RB_FORCE_WAKEUP, true);
    expect(wakeups).toBe(2);
    stop();
    ring.commit(reserve(8), BPF_RB_FORCE_WAKEUP, false);
    expect(wakeups).toBe(2);
  });

  it('answers queries', () => {
    const { ring, add, read, machine } = ringOf();
    add(20, 1);
    read();
    add(3, 1);
    expect([0, 1, 2, 3, 4].map((what) => ring.query(what))).toEqual([16, PAGE, 32, 48, 0]);
    expect(outcome(ring.output(machine.push(u32(1)), 4, 4))).toBe('EINVAL');
  });

  it('counts positions beyond 32 bits', () => {
    const { map, memory, add, read, ring } = ringOf();
    const start = 2n ** 32n - 64n;
    for (const position of [PAGE, 2 * PAGE, 2 * PAGE + 8]) {
      memory.view.setBigUint64(map.address + position, start, true);
    }
    for (let i = 0; i < 10; i++) {
      expect(add(100, i)).toBe('ok');
      expect(read()).toEqual([[100, i]]);
    }
    expect(ring.query(RingbufQuery.BPF_RB_PROD_POS)).toBe(Number(start) + 10 * 112);
  });

  it('lets programs write a record until it is committed, and never its header', () => {
    const { ring, memory } = ringOf();
    const record = ring.reserve(12);
    expect(memory.isWritable(record, 12)).toBe(true);
    expect(memory.isReadable(record - 1, 1)).toBe(false);
    expect(memory.isReadable(record + 12, 1)).toBe(false);
    ring.commit(record, 0, false);
    expect(memory.isReadable(record, 1)).toBe(false);
  });

  it('commits nothing that it has not reserved', () => {
    const { ring, memory, reserve } = ringOf();
    const record = reserve(64);
    const inside = record + 16;
    memory.view.setUint32(inside - HEADER, BUSY + 8, true);
    for (const wrong of [inside, record + 8, record - 8, record + PAGE, record + 1, 0, 2 ** 32 - 8]) {
      expect(outcome(ring.commit(wrong, 0, false))).toBe('EINVAL');
    }
    expect(ring.commit(record, 0, false)).toBe(0);
    expect(outcome(ring.commit(record, 0, false))).toBe('EINVAL');
  });

  it('has no keys', () => {
    const { map } = ringOf();
    const user = new UserSide(map);
    const none = new Uint8Array(0);
    expect([user.lookup(none), user.update(none, none), user.delete(none), user.next(none)]).toEqual(
      Array.from({ length: 4 }, () => 'ENOTSUPP'),
    );
    expect([map.lookup(0), map.update(0, 0, 0), map.delete(0)].map(outcome)).toEqual(
      Array.from({ length: 3 }, () => 'ENOTSUPP'),
    );
    expect('iterate' in map).toBe(false);
  });
});
