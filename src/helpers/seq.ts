/**
 * Writing to the file of an iterator: bpf_seq_printf, bpf_seq_write (kernel/trace/bpf_trace.c). What a full buffer means is the file's affair
 * (fs/seq_file.c), what formats mean is in printf.ts.
 */
import { Errno } from '../base/errno.ts';
import { findZero } from '../base/text.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain, wideInt } from './implementation.ts';
import { Printf } from './printf.ts';
import type { SeqFilePort } from './runtime.ts';
import { SafeMemory } from './safe-memory.ts';

/** Output of iterators. */
export const seqHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;
  const printf = new Printf(new SafeMemory(memory), runtime);

  const fileAt = (helper: string, address: number): SeqFilePort => {
    const file = runtime.seqFileAt(address >>> 0);
    if (file !== undefined) return file;
    const where = `0x${(address >>> 0).toString(16)}`;
    throw new HelperFault('helper-bad-object', `${helper} got ${where}, where no file of an iterator stands`);
  };

  return {
    bpf_seq_printf: plain((seq, format, size, values, length) => {
      const file = fileAt('bpf_seq_printf', seq);
      if (!printf.takeArguments(memory, values, length)) return wideInt(result, -Errno.EINVAL);
      const start = format >>> 0;
      const limit = start + (size >>> 0);
      const end = findZero(memory.u8, start, limit);
      const error = end === limit ? -Errno.EINVAL : printf.pack(memory.u8, start, end);
      if (error < 0) return wideInt(result, error);
      const { position, room } = file;
      const printed = room === 0 ? 0 : printf.print(memory.u8, start, end, memory.u8, position, room);
      return wideInt(result, file.advance(printed) ? 0 : -Errno.EOVERFLOW);
    }),

    bpf_seq_write: plain((seq, data, size) => {
      const file = fileAt('bpf_seq_write', seq);
      const bytes = size >>> 0;
      const from = data >>> 0;
      if (bytes < file.room) memory.u8.copyWithin(file.position, from, from + bytes);
      return wideInt(result, file.advance(bytes) ? 0 : -Errno.EOVERFLOW);
    }),
  };
};
