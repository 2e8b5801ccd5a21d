/** BPF_MAP_TYPE_USER_RINGBUF: memory through which user space gives records to programs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Errno } from '../../src/base/errno.ts';
import { filled, numberOf, outcome, TestMachine, UserSide, u32 } from './harness.ts';

function ring(maxEntries = 4096) {
  const machine = new TestMachine();
  const map = machine.map('USER_RINGBUF', { keySize: 0, valueSize: 0, maxEntries });
  const buffer = map.userRing!;
  /** The next record, or the errno's name. */
  const take = (): Uint8Array | string => {
    const size = buffer.peek();
    if (size < 0) return outcome(size);
    const record = machine.memory.readBytes(buffer.sample, size);
    buffer.release(size);
    return record;
  };
  return { machine, map, buffer, take };
}

describe('a user ring buffer', () => {
  it('hands records over in order', () => {
    const { buffer, take } = ring();
    expect(buffer.write(u32(1))).toBe(0);
    expect(buffer.write(filled(13, 7))).toBe(0);
    expect(numberOf(take())).toBe(1);
    expect(take()).toEqual(filled(13, 7));
    expect(take()).toBe('ENODATA');
  });

  it('refuses what does not fit, now or ever', () => {
    const { buffer, take } = ring();
    expect(outcome(buffer.write(filled(4089, 0)))).toBe('E2BIG');
    expect(buffer.write(filled(4080, 1))).toBe(0);
    expect(outcome(buffer.write(filled(1, 1)))).toBe('ENOSPC');
    expect(take()).toHaveLength(4080);
    expect(buffer.write(filled(1, 1))).toBe(0);
  });

  it('lets programs read a record while they have it, and nothing else', () => {
    const { buffer, machine } = ring();
    buffer.write(filled(12, 1));
    const size = buffer.peek();
    expect(machine.memory.isReadable(buffer.sample, 12)).toBe(true);
    expect(machine.memory.isReadable(buffer.sample, 13)).toBe(false);
    expect(machine.memory.isWritable(buffer.sample, 1)).toBe(false);
    buffer.release(size);
    expect(machine.memory.isReadable(buffer.sample, 1)).toBe(false);
  });

  it('does not trust the headers and positions that user space can write', () => {
    const broken = (change: (header: number, view: DataView, producer: number) => void): string => {
      const { buffer, map, machine } = ring();
      buffer.write(filled(8, 1));
      const { view } = machine.memory;
      change(map.address + 3 * 4096, view, map.address + 2 * 4096);
      return outcome(buffer.peek());
    };
    expect(
      broken((header, view) => {
        view.setUint32(header, 9, true);
      }),
    ).toBe('EINVAL');
    expect(
      broken((header, view) => {
        view.setUint32(header, 2 ** 31 + 8, true);
      }),
    ).toBe('ENODATA');
    expect(
      broken((header, view) => {
        view.setUint32(header, 2 ** 30 + 8, true);
      }),
    ).toBe('EAGAIN');
    expect(
      broken((_header, view, producer) => {
        view.setUint32(producer, 17, true);
      }),
    ).toBe('EINVAL');
    expect(
      broken((header, view, producer) => {
        view.setUint32(header, 8192, true);
        view.setUint32(producer, 65536, true);
      }),
    ).toBe('E2BIG');
  });

  it('is drained by one program at a time and tells of room', () => {
    const { buffer } = ring();
    let woken = 0;
    const stop = buffer.onRoom(() => woken++);
    expect(buffer.claim()).toBe(true);
    expect(buffer.claim()).toBe(false);
    buffer.unclaim(false);
    expect(woken).toBe(0);
    expect(buffer.claim()).toBe(true);
    buffer.unclaim(true);
    stop();
    buffer.claim();
    buffer.unclaim(true);
    expect(woken).toBe(1);
  });

  it('has no keys', () => {
    const user = new UserSide(ring().map);
    expect([user.lookup(u32(0)), user.update(u32(0), u32(0)), user.delete(u32(0)), user.next()]).toEqual(
      new Array(4).fill('ENOTSUPP'),
    );
  });

  it('is a queue, whatever is written and taken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(1500), fc.constant('take' as const)), { maxLength: 60 }),
        (steps) => {
          const { buffer, take, map } = ring();
          const model: Uint8Array[] = [];
          let used = 0;
          const cost = (size: number): number => Math.ceil((size + 8) / 8) * 8;
          steps.forEach((step, i) => {
            if (step === 'take') {
              const expected = model.shift();
              used -= expected === undefined ? 0 : cost(expected.length);
              expect(take()).toEqual(expected ?? 'ENODATA');
              return;
            }
            const record = filled(step, i);
            const fits = used + cost(step) <= map.attr.maxEntries;
            expect(buffer.write(record)).toBe(fits ? 0 : -Errno.ENOSPC);
            if (!fits) return;
            model.push(record);
            used += cost(step);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
