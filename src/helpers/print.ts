/**
 * bpf_trace_printk, bpf_trace_vprintk (kernel/trace/bpf_trace.c) and bpf_snprintf (kernel/bpf/helpers.c). What the
 * formats mean is in printf.ts.
 */
import { Errno } from '../base/errno.ts';
import { cStringAt, findZero } from '../base/text.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { Printf } from './printf.ts';
import { SafeMemory } from './safe-memory.ts';

/** MAX_BPRINTF_BUF of include/linux/bpf.h: bytes of a printed line, its terminating zero included. */
const LINE_BYTES = 1024;

/** Printing to the trace pipe and to memory. */
export const printHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;
  const printf = new Printf(new SafeMemory(memory), runtime);
  const line = new Uint8Array(LINE_BYTES);

  /** Prints to the trace pipe; the length of the whole text or a negative errno. */
  const trace = (format: number, size: number): number => {
    const start = format >>> 0;
    const limit = start + (size >>> 0);
    const end = findZero(memory.u8, start, limit);
    if (end === limit) return -Errno.EINVAL;
    const error = printf.pack(memory.u8, start, end);
    if (error < 0) return error;
    const length = printf.print(memory.u8, start, end, line, 0, LINE_BYTES);
    runtime.trace(cStringAt(line, 0));
    return length;
  };

  return {
    bpf_trace_printk: plain((format, size, lo1, hi1, lo2, hi2, lo3, hi3) => {
      const { words } = printf;
      words[0] = lo1;
      words[1] = hi1;
      words[2] = lo2;
      words[3] = hi2;
      words[4] = lo3;
      words[5] = hi3;
      printf.count = 3;
      return trace(format, size);
    }),

    bpf_trace_vprintk: plain((format, size, values, length) =>
      printf.takeArguments(memory, values, length) ? trace(format, size) : -Errno.EINVAL,
    ),

    // Returns the length with the terminating zero, also when less was written.
    bpf_snprintf: plain((target, size, format, values, length) => {
      if (!printf.takeArguments(memory, values, length)) return -Errno.EINVAL;
      const start = format >>> 0;
      const end = findZero(memory.u8, start);
      const error = printf.pack(memory.u8, start, end);
      if (error < 0) return error;
      return printf.print(memory.u8, start, end, memory.u8, target >>> 0, size >>> 0) + 1;
    }),
  };
};
