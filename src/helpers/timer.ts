/**
 * bpf_timer_init and its kin (kernel/bpf/helpers.c): the checks of their flags. The timers themselves are the machine's, behind `TimerPort`.
 */
import { Errno } from '../base/errno.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import type { TimerPort } from './runtime.ts';

/** Clocks that timers know, by their CLOCK_* number. */
const CLOCKS = { 0: 'realtime', 1: 'monotonic', 7: 'boottime' } as const;

const BPF_F_TIMER_ABS = 1;
const BPF_F_TIMER_CPU_PIN = 2;

/** bpf_timer_*. */
export const timerHelpers: FamilyMaker = (runtime) => {
  const timers = (): TimerPort => {
    if (runtime.timers !== undefined) return runtime.timers;
    throw new HelperFault('helper-bad-object', 'this machine has no timers');
  };
  return {
    bpf_timer_init: plain((timer, map, flags, flagsHi) => {
      const clock = (CLOCKS as Readonly<Record<number, (typeof CLOCKS)[keyof typeof CLOCKS]>>)[flags];
      if (clock === undefined || flagsHi !== 0) return -Errno.EINVAL;
      return timers().init(timer >>> 0, map >>> 0, clock);
    }),
    bpf_timer_set_callback: plain((timer, callback) => timers().setCallback(timer >>> 0, callback)),
    bpf_timer_start: plain((timer, low, high, flags, flagsHi) => {
      if ((flags & ~(BPF_F_TIMER_ABS | BPF_F_TIMER_CPU_PIN)) !== 0 || flagsHi !== 0) return -Errno.EINVAL;
      const nanoseconds = (BigInt(high) << 32n) | BigInt(low >>> 0);
      return timers().start(timer >>> 0, nanoseconds, (flags & BPF_F_TIMER_ABS) !== 0);
    }),
    bpf_timer_cancel: plain((timer) => timers().cancel(timer >>> 0)),
  };
};
