/** bpf_probe_read_* and its kin: which memory they read, and what is left when they fail. */
import { describe, expect, it } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';

const EFAULT = -14;
const ERANGE = -34;

describe('reading bytes', () => {
  it.each([
    ['bpf_probe_read_kernel', 'map-value', 0],
    ['bpf_probe_read_kernel', 'user', ERANGE],
    ['bpf_probe_read_user', 'user', 0],
    ['bpf_probe_read_user', 'map-value', EFAULT],
    ['bpf_probe_read', 'map-value', 0],
    ['bpf_probe_read', 'user', 0],
    ['bpf_copy_from_user', 'user', 0],
    ['bpf_copy_from_user', 'task', EFAULT],
  ] as const)('%s of %s memory gives %i', (helper, kind, expected) => {
    const runtime = new FakeRuntime();
    const source = runtime.place(Uint8Array.of(1, 2, 3, 4), kind);
    const target = runtime.room(6);
    expect(runtime.call(helper, target, 4, source)).toBe(expected);
    expect(runtime.bytes(target, 6)).toEqual([...(expected === 0 ? [1, 2, 3, 4] : [0, 0, 0, 0]), 0xee, 0xee]);
  });

  it('reads what programs may only read, and what they may not touch', () => {
    const runtime = new FakeRuntime();
    const source = runtime.place(Uint8Array.of(9), 'kernel', false);
    runtime.memory.setAccess(source, 1, 'none');
    const target = runtime.room(1);
    expect(runtime.call('bpf_probe_read_kernel', target, 1, source)).toBe(0);
    expect(runtime.bytes(target, 1)).toEqual([9]);
  });

  it.each(['bpf_probe_read_kernel', 'bpf_probe_read'])(
    '%s reads nothing at all when memory ends before the size does',
    (helper) => {
      const runtime = new FakeRuntime();
      const source = runtime.place(Uint8Array.of(1, 2), 'map-value');
      const target = runtime.room(3);
      expect(runtime.call(helper, target, 3, source)).toBe(EFAULT);
      expect(runtime.bytes(target, 3)).toEqual([0, 0, 0]);
    },
  );

  it('takes NULL for a user address where the helper may choose', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_probe_read', runtime.room(1), 1, 0)).toBe(EFAULT);
    expect(runtime.call('bpf_probe_read_str', runtime.room(1), 1, 0)).toBe(EFAULT);
  });
});

describe('reading strings', () => {
  it.each([
    ['bpf_probe_read_kernel_str', 'map-value'],
    ['bpf_probe_read_user_str', 'user'],
    ['bpf_probe_read_str', 'user'],
    ['bpf_probe_read_str', 'map-value'],
  ] as const)('%s returns the length with the terminating zero (%s memory)', (helper, kind) => {
    const runtime = new FakeRuntime();
    const target = runtime.room(8);
    expect(runtime.call(helper, target, 8, runtime.place('four', kind))).toBe(5);
    expect(runtime.hex(target, 8)).toBe('666f757200eeeeee');
  });

  it('ends a string that is too long inside the target', () => {
    const runtime = new FakeRuntime();
    const target = runtime.room(4);
    expect(runtime.call('bpf_probe_read_user_str', target, 3, runtime.place('four', 'user'))).toBe(3);
    expect(runtime.hex(target, 4)).toBe('666f00ee');
  });

  it('clears the target when memory ends before the string does', () => {
    const runtime = new FakeRuntime();
    const target = runtime.room(4);
    const source = runtime.place(Uint8Array.of(1, 2), 'user');
    expect(runtime.call('bpf_probe_read_user_str', target, 3, source)).toBe(EFAULT);
    expect(runtime.hex(target, 4)).toBe('000000ee');
  });
});

describe('bpf_probe_write_user', () => {
  it('writes to user memory only', () => {
    const runtime = new FakeRuntime();
    const source = runtime.place(Uint8Array.of(1, 2));
    const [user, kernel] = [
      runtime.place(new Uint8Array(2), 'user'),
      runtime.place(new Uint8Array(2), 'task'),
    ];
    expect(runtime.call('bpf_probe_write_user', user, source, 2)).toBe(0);
    expect(runtime.bytes(user, 2)).toEqual([1, 2]);
    expect(runtime.call('bpf_probe_write_user', kernel, source, 2)).toBe(EFAULT);
    expect(runtime.bytes(kernel, 2)).toEqual([0, 0]);
    expect(runtime.call('bpf_probe_write_user', 0, source, 2)).toBe(EFAULT);
  });
});
