/** BPF_MAP_TYPE_STACK_TRACE: ids by hash, what collides, what is read back. */
import { describe, expect, it } from 'vitest';
import { MapFlag } from '../../src/maps/index.ts';
import { numberOf, outcome, ProgramSide, TestMachine, UserSide, u32 } from './harness.ts';

const FAST = 1 << 9;
const REUSE = 1 << 10;

function setup(maxEntries = 16, valueSize = 32, flags = 0) {
  const machine = new TestMachine();
  const map = machine.map('STACK_TRACE', { maxEntries, valueSize, flags });
  return { machine, map, user: new UserSide(map), program: new ProgramSide(machine, map) };
}

/** Frames as halves, the low one first. */
function frames(...addresses: readonly number[]): Uint32Array {
  return Uint32Array.from(addresses.flatMap((address) => [address, 0xffffffff]));
}

/** Low halves of the frames that are read. */
function read(value: Uint8Array | string): unknown {
  if (typeof value === 'string') return value;
  return Array.from({ length: value.length / 8 }, (_, i) => numberOf(value.subarray(8 * i, 8 * i + 4)));
}

describe('a stack trace map', () => {
  it('gives equal stacks one id and shows their frames, the rest zero', () => {
    const { map, user } = setup();
    const id = map.stacks!.record(frames(10, 20, 30), 0);
    expect(id).toBeGreaterThanOrEqual(0);
    expect(map.stacks!.record(frames(10, 20, 30), 0)).toBe(id);
    expect(read(user.lookup(u32(id)))).toEqual([10, 20, 30, 0]);
  });

  it('keeps as many frames as a value holds, and skips the innermost ones', () => {
    const { map, user } = setup();
    const id = map.stacks!.record(frames(1, 2, 3, 4, 5, 6), 1);
    expect(read(user.lookup(u32(id)))).toEqual([2, 3, 4, 5]);
    expect(outcome(map.stacks!.record(frames(1, 2), 2))).toBe('EFAULT');
    expect(outcome(map.stacks!.record(frames(), 0))).toBe('EFAULT');
  });

  it('refuses another stack in the same place unless it may reuse it', () => {
    const { map, user } = setup(1, 16);
    expect(map.stacks!.record(frames(1), 0)).toBe(0);
    expect(outcome(map.stacks!.record(frames(2), 0))).toBe('EEXIST');
    expect(outcome(map.stacks!.record(frames(2), FAST))).toBe('EEXIST');
    // One element is all there is: it must be free before it can replace.
    expect(outcome(map.stacks!.record(frames(2), REUSE))).toBe('ENOMEM');
    expect(user.delete(u32(0))).toBe('ok');
    expect(map.stacks!.record(frames(2), 0)).toBe(0);
    expect(read(user.lookup(u32(0)))).toEqual([2, 0]);
  });

  it('reuses places when it may', () => {
    const { map, user } = setup(2, 16);
    const ids = [1, 2, 3, 4, 5, 6].map((frame) => map.stacks!.record(frames(frame), REUSE));
    expect(ids.filter((id) => id >= 0).length).toBeGreaterThan(0);
    expect(user.keys().length).toBeLessThanOrEqual(2);
  });

  it('lists ids in use', () => {
    const { map, user } = setup();
    const ids = [1, 2, 3, 4].map((frame) => map.stacks!.record(frames(frame), 0)).filter((id) => id >= 0);
    expect(user.keys().map(numberOf)).toEqual([...ids].sort((a, b) => a - b));
    expect(numberOf(user.next(u32(0xffff)))).toBe(Math.min(...ids));
  });

  it('is not for programs to look up, and nobody updates it', () => {
    const { program, user } = setup();
    expect(outcome(program.lookupAddress(u32(0)))).toBe('EOPNOTSUPP');
    expect(program.update(u32(0), new Uint8Array(32))).toBe('EINVAL');
    expect(user.update(u32(0), new Uint8Array(32))).toBe('EINVAL');
    expect(user.delete(u32(16))).toBe('E2BIG');
    expect(user.delete(u32(0))).toBe('ENOENT');
    expect(user.lookup(u32(0))).toBe('ENOENT');
  });

  it('with build ids keeps addresses where it knows no file', () => {
    const { map, user } = setup(16, 64, MapFlag.BPF_F_STACK_BUILD_ID);
    const id = map.stacks!.record(frames(10, 20, 30), 0);
    const value = user.lookup(u32(id)) as Uint8Array;
    const fields = [0, 32].map((at) => [
      numberOf(value.subarray(at, at + 4)),
      numberOf(value.subarray(at + 24, at + 28)),
    ]);
    expect(fields).toEqual([
      [2, 10],
      [2, 20],
    ]);
    expect(map.stacks!.record(frames(10, 20, 99), 0)).toBe(id);
  });
});
