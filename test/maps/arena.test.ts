/** BPF_MAP_TYPE_ARENA: pages that programs share with user space. */
import { describe, expect, it } from 'vitest';
import { MapFlag } from '../../src/maps/index.ts';
import { outcome, TestMachine, UserSide, u32 } from './harness.ts';

describe('an arena', () => {
  const arena = (pages = 2) => {
    const machine = new TestMachine();
    const flags = MapFlag.BPF_F_MMAPABLE;
    return { machine, map: machine.map('ARENA', { keySize: 0, valueSize: 0, maxEntries: pages, flags }) };
  };

  it('is pages that programs reach by their place', () => {
    const { map, machine } = arena();
    const start = map.directValue!(0);
    expect(start % 4096).toBe(0);
    expect(map.directValue!(5000)).toBe(start + 5000);
    expect(machine.memory.isWritable(start, 8192)).toBe(true);
    expect(outcome(map.directValue!(8193))).toBe('ERANGE');
  });

  it('has no keys', () => {
    const user = new UserSide(arena().map);
    expect([user.lookup(u32(0)), user.update(u32(0), u32(0)), user.delete(u32(0)), user.next()]).toEqual([
      'EINVAL',
      'EOPNOTSUPP',
      'EOPNOTSUPP',
      'EOPNOTSUPP',
    ]);
  });
});
