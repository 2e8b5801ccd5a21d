/** Helpers on objects of the kernel: storage, stacks, cgroups, dynptrs, records of user space. */
import { describe, expect, it } from 'vitest';
import { FakeCgroup } from '../maps/fakes.ts';
import { FakeRuntime } from './fake-runtime.ts';

const EINVAL = -22;
const EFAULT = -14;

describe('dynptrs', () => {
  const setup = () => {
    const runtime = new FakeRuntime();
    const data = runtime.place(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const dynptr = runtime.room(16);
    return { runtime, data, dynptr };
  };

  it('read and write inside their memory', () => {
    const { runtime, data, dynptr } = setup();
    expect(runtime.call('bpf_dynptr_from_mem', data, 8, 0, dynptr)).toBe(0);
    const to = runtime.room(4);
    expect(runtime.call('bpf_dynptr_read', to, 3, dynptr, 5, 0)).toBe(0);
    expect(runtime.bytes(to, 4)).toEqual([6, 7, 8, 0xee]);
    expect(runtime.call('bpf_dynptr_read', to, 4, dynptr, 5, 0)).toBe(-7);
    expect(runtime.call('bpf_dynptr_read', to, 1, dynptr, 2n ** 40n, 0)).toBe(-7);
    expect(runtime.call('bpf_dynptr_read', to, 1, dynptr, 0, 1)).toBe(EINVAL);
    expect(runtime.call('bpf_dynptr_write', dynptr, 2, to, 2, 0)).toBe(0);
    expect(runtime.bytes(data, 5)).toEqual([1, 2, 6, 7, 5]);
    expect(runtime.call('bpf_dynptr_data', dynptr, 2, 6)).toBe(data + 2);
    expect(runtime.call('bpf_dynptr_data', dynptr, 2, 7)).toBe(0);
  });

  it('are null after a failure', () => {
    const { runtime, data, dynptr } = setup();
    expect(runtime.call('bpf_dynptr_from_mem', data, 8, 1, dynptr)).toBe(EINVAL);
    expect(runtime.call('bpf_dynptr_data', dynptr, 0, 1)).toBe(0);
    expect(runtime.call('bpf_dynptr_write', dynptr, 0, data, 1, 0)).toBe(EINVAL);
  });

  it('reserve and submit records of ring buffers', () => {
    const { runtime, data, dynptr } = setup();
    const map = runtime.map('BPF_MAP_TYPE_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 });
    expect(runtime.call('bpf_ringbuf_reserve_dynptr', map.address, 8, 0, dynptr)).toBe(0);
    expect(runtime.call('bpf_dynptr_write', dynptr, 0, data, 8, 0)).toBe(0);
    runtime.call('bpf_ringbuf_submit_dynptr', dynptr, 0);
    const records: number[][] = [];
    map.ring!.consume((address, size) => {
      records.push(runtime.bytes(address, size));
      return true;
    });
    expect(records).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
    expect(runtime.call('bpf_ringbuf_reserve_dynptr', map.address, 8000, 0, dynptr)).toBe(EINVAL);
    runtime.call('bpf_ringbuf_discard_dynptr', dynptr, 0);
  });
});

describe('bpf_user_ringbuf_drain', () => {
  it('calls back with each record until the callback has enough', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_USER_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 });
    const ring = map.userRing!;
    for (const byte of [3, 4, 5]) ring.write(Uint8Array.of(byte));
    const seen: number[] = [];
    const to = runtime.room(1);
    const take = (enough: number) => (registers: readonly bigint[]) => {
      expect(runtime.call('bpf_dynptr_read', to, 1, Number(registers[0]), 0, 0)).toBe(0);
      seen.push(...runtime.bytes(to, 1));
      return seen.length < enough ? 0n : 1n;
    };
    let woken = 0;
    ring.onRoom(() => woken++);
    const used = runtime.memory.bytesInUse;
    expect(runtime.drive('bpf_user_ringbuf_drain', [map.address, 0, 0, 0], take(2))).toBe(2);
    expect(runtime.drive('bpf_user_ringbuf_drain', [map.address, 0, 0, 1], take(9))).toBe(1);
    expect(runtime.drive('bpf_user_ringbuf_drain', [map.address, 0, 0, 0], take(9))).toBe(0);
    expect(seen).toEqual([3, 4, 5]);
    expect(woken).toBe(1);
    expect(runtime.drive('bpf_user_ringbuf_drain', [map.address, 0, 0, 4], take(9))).toBe(EINVAL);
    ring.claim();
    expect(runtime.drive('bpf_user_ringbuf_drain', [map.address, 0, 0, 0], take(9))).toBe(-16);
    expect(runtime.memory.bytesInUse).toBe(used);
  });
});

describe('call stacks', () => {
  const setup = () => {
    const runtime = new FakeRuntime();
    runtime.kernelStack = Uint32Array.of(10, 1, 20, 1, 30, 1);
    const map = runtime.map('BPF_MAP_TYPE_STACK_TRACE', { valueSize: 16 });
    return { runtime, map };
  };

  it('have ids', () => {
    const { runtime, map } = setup();
    const id = runtime.call('bpf_get_stackid', 0, map.address, 0);
    expect(id).toBeGreaterThanOrEqual(0);
    expect(runtime.call('bpf_get_stackid', 0, map.address, 0)).toBe(id);
    expect(runtime.call('bpf_get_stackid', 0, map.address, 256)).toBe(EFAULT);
    expect(runtime.call('bpf_get_stackid', 0, map.address, 2048)).toBe(EINVAL);
  });

  it('are copied to programs, the rest zero', () => {
    const { runtime } = setup();
    const to = runtime.room(32);
    expect(runtime.call('bpf_get_stack', 0, to, 32, 1)).toBe(16);
    expect([0, 8, 16].map((at) => runtime.int64(to + at))).toEqual([
      (1n << 32n) + 20n,
      (1n << 32n) + 30n,
      0n,
    ]);
    expect(runtime.call('bpf_get_stack', 0, to, 30, 0)).toBe(EINVAL);
    expect(runtime.call('bpf_get_stack', 0, to, 32, 256)).toBe(EFAULT);
    expect(runtime.bytes(to, 30)).toEqual(new Array(30).fill(0));
  });
});

describe('storage', () => {
  it('of cgroups for test runs is zero at first and one for a map', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_CGROUP_STORAGE', { keySize: 8, maxEntries: 0 });
    const value = runtime.call('bpf_get_local_storage', map.address, 0);
    expect(runtime.int64(value)).toBe(0n);
    expect(runtime.call('bpf_get_local_storage', map.address, 0)).toBe(value);
  });

  it('is of kinds of its own', () => {
    const runtime = new FakeRuntime();
    const map = runtime.map('BPF_MAP_TYPE_CGROUP_STORAGE', { keySize: 8, maxEntries: 0 });
    expect(() => runtime.call('bpf_task_storage_get', map.address, 64, 0, 1)).toThrow(/does not work on map/);
  });
});

describe('bpf_current_task_under_cgroup', () => {
  it('says whether the task is in the cgroup of the slot or below', () => {
    const runtime = new FakeRuntime();
    runtime.cgroups = [1, 7];
    const map = runtime.map('BPF_MAP_TYPE_CGROUP_ARRAY', { valueSize: 4, maxEntries: 3 });
    runtime.cgroupRefs.set(5, new FakeCgroup(7));
    runtime.cgroupRefs.set(6, new FakeCgroup(8));
    map.updateUser(Uint8Array.of(0, 0, 0, 0), Uint8Array.of(5, 0, 0, 0), 0);
    map.updateUser(Uint8Array.of(1, 0, 0, 0), Uint8Array.of(6, 0, 0, 0), 0);
    const answers = [0, 1, 2, 3].map((i) => runtime.call('bpf_current_task_under_cgroup', map.address, i));
    expect(answers).toEqual([1, 0, -11, -7]);
  });
});
