/**
 * Helpers of ring buffers (kernel/bpf/ringbuf.c). Records live in the map; here are only the ways to them.
 */
import { type RingBuffer, ringbufOfRecord } from '../maps/index.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain, unsigned64 } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** Records of BPF_MAP_TYPE_RINGBUF. */
export const ringbufHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;

  const ringAt = (helper: string, address: number): RingBuffer => {
    const map = needMap(runtime, helper, address);
    if (map.ring === undefined) throw unsupported(map, helper);
    return map.ring;
  };

  /** Hands a reserved record over. Unknown flags are ignored, as the kernel does. */
  const commit = (helper: string, record: number, flags: number, discard: boolean): number => {
    const map = runtime.mapAt(ringbufOfRecord(memory, record >>> 0));
    if (map?.ring?.commit(record >>> 0, flags, discard) !== 0) {
      const address = `0x${(record >>> 0).toString(16)}`;
      throw new HelperFault(
        'helper-bad-record',
        `${helper} got ${address}, which is no record that bpf_ringbuf_reserve gave and that is still open`,
      );
    }
    return 0;
  };

  return {
    bpf_ringbuf_output: plain((map, data, size, flagsLo, flagsHi) =>
      ringAt('bpf_ringbuf_output', map).output(data >>> 0, size >>> 0, unsigned64(flagsLo, flagsHi)),
    ),

    bpf_ringbuf_reserve: plain((address, size, flagsLo, flagsHi) => {
      const ring = ringAt('bpf_ringbuf_reserve', address);
      return (flagsLo | flagsHi) === 0 ? ring.reserve(size >>> 0) : 0;
    }),

    bpf_ringbuf_submit: plain((record, flags) => commit('bpf_ringbuf_submit', record, flags, false)),
    bpf_ringbuf_discard: plain((record, flags) => commit('bpf_ringbuf_discard', record, flags, true)),

    bpf_ringbuf_query: plain((map, flagsLo, flagsHi) => {
      const value = ringAt('bpf_ringbuf_query', map).query(unsigned64(flagsLo, flagsHi));
      result.high = Math.floor(value / 0x1_0000_0000) | 0;
      return value | 0;
    }),
  };
};
