/** Create-time rules of both kinds of ring buffers (ringbuf_map_alloc in kernel/bpf/ringbuf.c). */
import { Errno } from '../base/errno.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';
import { MapFlag } from './flags.ts';
import { flagsWithin, keySizeIs, type Rule, rule, valueSizeIs } from './rules.ts';

/** What ring buffers of both directions must be made with. */
export const ringbufRules: readonly Rule[] = [
  ...flagsWithin(MapFlag.BPF_F_NUMA_NODE),
  keySizeIs(0),
  valueSizeIs(0),
  rule(Errno.EINVAL, ({ maxEntries }) =>
    maxEntries >= PAGE_BYTES && (maxEntries & (maxEntries - 1)) === 0
      ? undefined
      : `max_entries, the buffer's bytes, must be a power of two and a multiple of ${PAGE_BYTES}, not ${maxEntries}`,
  ),
];
