/**
 * Clocks: bpf_ktime_get_*, bpf_jiffies64 (kernel/bpf/helpers.c). Time comes from the runtime's clock, so that runs can be
 * repeated.
 */
import { type FamilyMaker, type Implementation, plain, word } from './implementation.ts';
import type { ClockName } from './runtime.ts';

/** Helpers that read a clock. */
export const timeHelpers: FamilyMaker = ({ clock, words }, result) => {
  const reader = (name: ClockName): Implementation =>
    plain(
      () => {
        const low = clock.read(name);
        result.high = clock.high;
        return low;
      },
      word(words?.clocks?.[name], 8),
    );
  return {
    bpf_ktime_get_ns: reader('monotonic'),
    bpf_ktime_get_boot_ns: reader('boottime'),
    bpf_ktime_get_coarse_ns: reader('coarse'),
    bpf_ktime_get_tai_ns: reader('tai'),
    bpf_jiffies64: reader('jiffies'),
  };
};
