/** bpf_kptr_xchg, and timers on a machine without any. */
import { expect, it } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';

it('bpf_kptr_xchg swaps the pointer of a field for another, or for none', () => {
  const runtime = new FakeRuntime();
  const field = runtime.place(new Uint8Array(8));
  const [first, second] = [runtime.room(8), runtime.room(8)];
  expect(runtime.call('bpf_kptr_xchg', field, first)).toBe(0);
  expect(runtime.call('bpf_kptr_xchg', field, second)).toBe(first);
  expect(runtime.call('bpf_kptr_xchg', field, 0)).toBe(second);
  expect(runtime.bytes(field, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

it('timers are a fault where there are none', () => {
  const runtime = new FakeRuntime();
  const timer = runtime.place(new Uint8Array(16));
  expect(() => runtime.call('bpf_timer_cancel', timer)).toThrow(/no timers/);
  expect(runtime.call('bpf_timer_start', timer, 5, 8)).toBe(-22);
  expect(runtime.call('bpf_timer_init', timer, 0, 2)).toBe(-22);
});
