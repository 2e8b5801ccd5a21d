/**
 * What programs see of maps, through the verifier and the engine: results of helpers, maps in maps, keys that lie in other maps. The
 * subjects of the kernel's selftests map_ops, lookup_key, inner_array_lookup, btf_map_in_map, ringbuf_multi and pe_preserve_elems.
 */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../src/base/errno.ts';
import { MapFlag } from '../../src/maps/index.ts';
import { openFixture } from '../fixtures.ts';
import { MapLab, words } from './map-lab.ts';

/** A program that calls a helper with a map, a key of 4 bytes and a value of 8, both on the stack. */
const callWith = (map: number, helper: number, { key = 0, value = 0, flags = 0 } = {}): string => `
  *(u32 *)(r10 - 4) = ${key}
  *(u64 *)(r10 - 16) = ${value}
  r1 = map[fd:${map}] ll
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -16
  r4 = ${flags}
  call ${helper}
  exit`;
const [UPDATE, DELETE, PUSH, POP, PEEK] = [2, 3, 87, 88, 89];

/** The same for helpers that take a value alone. */
const callWithValue = (map: number, helper: number, value: number, flags = 0): string => `
  *(u64 *)(r10 - 16) = ${value}
  r1 = map[fd:${map}] ll
  r2 = r10
  r2 += -16
  r3 = ${flags}
  call ${helper}
  r1 = *(u64 *)(r10 - 16)
  if r0 s< 0 goto out
  r0 = r1
out:
  exit`;

describe('helpers that change maps', () => {
  it('give programs the errors that user space gets from bpf(2)', () => {
    const lab = new MapLab();
    const hash = lab.map('HASH', { max_entries: 1 });
    const array = lab.map('ARRAY', { max_entries: 1 });
    const once = (helper: number, map: number, args = {}): number => lab.once(callWith(map, helper, args));
    expect(once(UPDATE, hash, { flags: 2 })).toBe(-Errno.ENOENT);
    expect(once(UPDATE, hash, { key: 1, value: 5 })).toBe(0);
    expect(once(UPDATE, hash, { key: 1, flags: 1 })).toBe(-Errno.EEXIST);
    expect(once(UPDATE, hash, { key: 2 })).toBe(-Errno.E2BIG);
    expect(once(UPDATE, hash, { key: 1, flags: 8 })).toBe(-Errno.EINVAL);
    expect(once(DELETE, hash, { key: 2 })).toBe(-Errno.ENOENT);
    expect(once(DELETE, hash, { key: 1 })).toBe(0);
    expect(once(UPDATE, array, { flags: 1 })).toBe(-Errno.EEXIST);
    expect(once(UPDATE, array, { key: 1 })).toBe(-Errno.E2BIG);
    expect(once(DELETE, array)).toBe(-Errno.EINVAL);
  });

  it.each(['QUEUE', 'STACK'] as const)('push to and take from a %s', (kind) => {
    const lab = new MapLab();
    const map = lab.map(kind, { key_size: 0, max_entries: 2 });
    const once = (helper: number, value = 0, flags = 0): number =>
      lab.once(callWithValue(map, helper, value, flags));
    expect(once(PEEK)).toBe(-Errno.ENOENT);
    expect(once(POP)).toBe(-Errno.ENOENT);
    expect([once(PUSH, 3), once(PUSH, 4), once(PUSH, 5)]).toEqual([3, 4, -Errno.E2BIG]);
    const [first, second] = kind === 'QUEUE' ? [3, 4] : [4, 3];
    expect([once(PEEK), once(POP), once(POP), once(POP)]).toEqual([first, first, second, -Errno.ENOENT]);
    expect(once(PUSH, 1, 3)).toBe(-Errno.EINVAL);
  });

  it('ask a bloom filter, which says ENOENT for strangers', () => {
    const lab = new MapLab();
    const map = lab.map('BLOOM_FILTER', { key_size: 0, max_entries: 100 });
    expect(lab.once(callWithValue(map, PUSH, 7))).toBe(7);
    expect(lab.once(callWithValue(map, PEEK, 7))).toBe(7);
    expect(lab.once(callWithValue(map, PEEK, 8))).toBe(-Errno.ENOENT);
    expect(lab.once(callWithValue(map, PUSH, 7, 2))).toBe(-Errno.EINVAL);
  });
});

describe('keys and values that lie in maps', () => {
  it('are taken from where they are: a value of one map is the key of another, and what is stored there', () => {
    const lab = new MapLab();
    const array = lab.map('ARRAY', { max_entries: 2 });
    const hash = lab.map('HASH');
    lab.update(array, words(1), words(77, 5));
    expect(
      lab.once(`
        *(u32 *)(r10 - 4) = 1
        r1 = map[fd:${array}] ll
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto none
        r6 = r0
        r1 = map[fd:${hash}] ll
        r2 = r6
        r3 = r6
        r4 = 1
        call 2
        if r0 != 0 goto none
        r1 = map[fd:${hash}] ll
        r2 = r6
        call 1
        if r0 == 0 goto none
        r0 = *(u32 *)(r0 + 4)
        exit
      none:
        r0 = -1
        exit`),
    ).toBe(5);
    expect(lab.lookup(hash, words(77))).toEqual(words(77, 5));
  });
});

/** Looks key `outer` up in a map of maps, then key `inner` in what it found, and returns that value plus one. */
const throughInner = (map: number, outer: number, inner: number): string => `
  *(u32 *)(r10 - 4) = ${outer}
  r1 = map[fd:${map}] ll
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto no_map
  r1 = r0
  *(u32 *)(r10 - 4) = ${inner}
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto no_value
  r1 = *(u32 *)(r0 + 0)
  r1 += 1
  *(u32 *)(r0 + 0) = r1
  r0 = r1
  exit
no_map:
  r0 = -1
  exit
no_value:
  r0 = -2
  exit`;

describe.each(['ARRAY_OF_MAPS', 'HASH_OF_MAPS'] as const)('a program with a %s', (kind) => {
  const setup = () => {
    const lab = new MapLab();
    const template = lab.map('HASH');
    const outer = lab.map(kind, { value_size: 4, max_entries: 2, inner_map_fd: template });
    return { lab, outer, template };
  };

  it('finds no map in a slot that nobody filled, and no value that is not in the map', () => {
    const { lab, outer } = setup();
    expect(lab.once(throughInner(outer, 1, 0))).toBe(-1);
    lab.update(outer, words(1), words(lab.map('HASH')));
    expect(lab.once(throughInner(outer, 1, 0))).toBe(-2);
    expect(lab.once(throughInner(outer, 7, 0))).toBe(-1);
  });

  it('changes the same values that user space sees through the inner map', () => {
    const { lab, outer } = setup();
    const inner = lab.map('HASH');
    lab.update(inner, words(3), words(40, 0));
    lab.update(outer, words(0), words(inner));
    const program = lab.load(throughInner(outer, 0, 3));
    expect([lab.run(program), lab.run(program)]).toEqual([41, 42]);
    expect(lab.lookup(inner, words(3))).toEqual(words(42, 0));
  });

  it('goes on using an inner map that only the outer one holds, until it is replaced', () => {
    const { lab, outer } = setup();
    const [first, second] = [lab.map('HASH'), lab.map('HASH')];
    lab.update(first, words(3), words(10, 0));
    lab.update(second, words(3), words(20, 0));
    lab.update(outer, words(0), words(first));
    lab.kernel.process.close(first);
    const program = lab.load(throughInner(outer, 0, 3));
    expect(lab.run(program)).toBe(11);
    lab.update(outer, words(0), words(second));
    expect(lab.run(program)).toBe(21);
    lab.kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd: outer, key: words(0) });
    expect(lab.run(program)).toBe(-1);
  });

  it('gives the memory of inner maps back with the outer one', () => {
    const { lab, outer, template } = setup();
    const program = lab.load(throughInner(outer, 0, 0));
    const before = lab.kernel.memory.bytesInUse;
    const inner = lab.map('HASH', { max_entries: 1000 });
    expect(() => {
      lab.update(outer, words(0), words(inner));
    }, 'hashes of other sizes are alike').not.toThrow();
    lab.kernel.process.close(inner);
    expect(lab.kernel.memory.bytesInUse).toBeGreaterThan(before);
    for (const fd of [program, outer, template]) lab.kernel.process.close(fd);
    expect(lab.kernel.memory.bytesInUse).toBeLessThan(before);
  });
});

describe('ring buffers in a map of maps', () => {
  const output = (outer: number, slot: number, value: number): string => `
    *(u32 *)(r10 - 4) = ${slot}
    *(u64 *)(r10 - 16) = ${value}
    r1 = map[fd:${outer}] ll
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto none
    r1 = r0
    r2 = r10
    r2 += -16
    r3 = 8
    r4 = 0
    call 130
    exit
  none:
    r0 = -2
    exit`;
  const ring = { key_size: 0, value_size: 0 };

  it('take records of programs that know their slot only, and may differ in size', () => {
    const lab = new MapLab();
    const small = lab.map('RINGBUF', { ...ring, max_entries: 4096 });
    const outer = lab.map('ARRAY_OF_MAPS', { value_size: 4, max_entries: 3, inner_map_fd: small });
    const large = lab.map('RINGBUF', { ...ring, max_entries: 16384 });
    lab.update(outer, words(0), words(small));
    lab.update(outer, words(2), words(large));
    expect([0, 1, 2].map((slot) => lab.once(output(outer, slot, slot)))).toEqual([0, -2, 0]);
  });

  it('are full each for itself', () => {
    const lab = new MapLab();
    const small = lab.map('RINGBUF', { ...ring, max_entries: 4096 });
    const outer = lab.map('ARRAY_OF_MAPS', { value_size: 4, max_entries: 2, inner_map_fd: small });
    lab.update(outer, words(0), words(small));
    lab.update(outer, words(1), words(lab.map('RINGBUF', { ...ring, max_entries: 8192 })));
    const fill = (slot: number): number => {
      const program = lab.load(output(outer, slot, 1));
      let records = 0;
      while (records < 10_000 && lab.run(program) === 0) records++;
      return records;
    };
    // A record takes 16 bytes, and the last byte of a ring is never used.
    expect([fill(0), fill(1)]).toEqual([255, 511]);
  });
});

describe('the size of a ring buffer', () => {
  it.each([
    [1, 4096],
    [4096, 4096],
    [4097, 8192],
    [12288, 16384],
  ])('%i that is set before load becomes %i', (wish, size) => {
    const object = openFixture('tracing/ringbuf_events');
    const ring = Object.values(object.maps).find((map) => map.spec.type === 27)!;
    ring.maxEntries = wish;
    expect(ring.maxEntries).toBe(size);
    expect(() => new MapLab().kernel.load(object)).not.toThrow();
    expect(() => {
      ring.maxEntries = 4096;
    }).toThrow(/exists/);
  });
});

describe('perf events in an array', () => {
  const withEvent = (map_flags: number) => {
    const lab = new MapLab();
    const map = lab.map('PERF_EVENT_ARRAY', { value_size: 4, map_flags });
    const again = lab.kernel.bpf('BPF_MAP_GET_FD_BY_ID', { map_id: 1 });
    const event = lab.kernel.process.openPerfEvent({ kind: 'software' });
    const put = (through: number): void => {
      lab.update(through, words(0), words(event));
    };
    return { lab, map, again, put };
  };
  /** Nobody reads the event; an empty slot gives ENOENT as well, so the slot itself tells. */
  const holds = (lab: MapLab, map_fd: number): boolean => {
    try {
      lab.kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd, key: words(0) });
      return true;
    } catch {
      return false;
    }
  };

  it('go when the descriptor is closed through which they were put in', () => {
    const { lab, map, again, put } = withEvent(0);
    put(map);
    lab.kernel.process.close(map);
    expect(holds(lab, again)).toBe(false);
  });

  it('stay when another descriptor of the map is closed', () => {
    const { lab, map, again, put } = withEvent(0);
    put(again);
    lab.kernel.process.close(map);
    expect(holds(lab, again)).toBe(true);
  });

  it('stay with BPF_F_PRESERVE_ELEMS', () => {
    const { lab, map, again, put } = withEvent(MapFlag.BPF_F_PRESERVE_ELEMS);
    put(map);
    lab.kernel.process.close(map);
    expect(holds(lab, again)).toBe(true);
  });

  it('belong to the descriptor that put them in last', () => {
    const { lab, map, again, put } = withEvent(0);
    put(map);
    put(again);
    lab.kernel.process.close(map);
    expect(holds(lab, again)).toBe(true);
  });
});
