/**
 * What tracing programs ask of their event: where they are attached, and with which cookie (kernel/trace/bpf_trace.c).
 */
import { type FamilyMaker, type Implementation, plain } from './implementation.ts';
import type { TracedEvent } from './runtime.ts';

/** The traced function's address, the attach cookie. */
export const tracingHelpers: FamilyMaker = (runtime, result) => {
  const reader = (field: keyof TracedEvent): Implementation =>
    plain(() => {
      const { lo, hi } = runtime.tracedEvent()[field];
      result.high = hi;
      return lo;
    });
  return {
    bpf_get_func_ip: reader('functionAddress'),
    bpf_get_attach_cookie: reader('cookie'),
  };
};
