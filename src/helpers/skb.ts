/**
 * Helpers that read and write packets of programs on an skb (net/core/filter.c). Simulated packets are linear: all of a packet lies between
 * data and data_end.
 */
import { Errno } from '../base/errno.ts';
import { flowHash } from './flow-hash.ts';
import { type FamilyMaker, plain, wideU32 } from './implementation.ts';
import { PacketWindow } from './packet-window.ts';

/** Largest offset that is looked up from a header. */
const MAX_OFFSET = 0xffff;

const BPF_F_RECOMPUTE_CSUM = 1;
const BPF_F_INVALIDATE_HASH = 2;
const BPF_HDR_START_MAC = 0;
const BPF_HDR_START_NET = 1;

/** Bytes by offset, and the flow hash. */
export const skbHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;
  const window = new PacketWindow(runtime);

  /** Copies out of the packet or, when it does not hold the bytes, clears the target. */
  const load = (from: number, target: number, length: number, fits: boolean): number => {
    const to = target >>> 0;
    if (!fits) {
      memory.u8.fill(0, to, to + length);
      return -Errno.EFAULT;
    }
    memory.u8.copyWithin(to, from, from + length);
    return 0;
  };

  return {
    bpf_skb_load_bytes: plain((_context, offset, _offsetHi, target, size) => {
      const packet = window.open('skb', 'bpf_skb_load_bytes');
      const length = size >>> 0;
      const fits = packet.isBare !== true && offset >= 0 && offset + length <= window.length;
      return load(window.data + offset, target, length, fits);
    }),

    bpf_skb_load_bytes_relative: plain((_context, offset, _offsetHi, target, size, start) => {
      const packet = window.open('skb', 'bpf_skb_load_bytes_relative');
      const length = size >>> 0;
      const known = start === BPF_HDR_START_MAC ? packet.macHeader !== 0 : start === BPF_HDR_START_NET;
      const header = start === BPF_HDR_START_MAC ? packet.macHeader : packet.networkHeader;
      const from = header + (offset >>> 0);
      const fits = known && offset >>> 0 <= MAX_OFFSET && from + length <= window.dataEnd;
      return load(from, target, length, fits);
    }),

    // Checksums of the device are not simulated, so there is none to recompute.
    bpf_skb_store_bytes: plain((_context, offset, _offsetHi, source, size, flagsLo, flagsHi) => {
      window.open('skb', 'bpf_skb_store_bytes');
      if ((flagsLo & ~(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)) !== 0 || flagsHi !== 0)
        return -Errno.EINVAL;
      const length = size >>> 0;
      if (offset < 0 || offset + length > window.length) return -Errno.EFAULT;
      memory.u8.copyWithin(window.data + offset, source >>> 0, (source >>> 0) + length);
      if ((flagsLo & BPF_F_INVALIDATE_HASH) !== 0) window.hash = 0;
      return 0;
    }),

    // A length of 0 asks for what is in direct reach already.
    bpf_skb_pull_data: plain((_context, length) => {
      window.open('skb', 'bpf_skb_pull_data');
      if (length >>> 0 > window.length) return -Errno.ENOMEM;
      window.pull(length >>> 0);
      return 0;
    }),

    bpf_get_hash_recalc: plain(() => {
      const packet = window.open('skb', 'bpf_get_hash_recalc');
      if (window.hash === 0)
        window.hash = flowHash(memory.view, window.protocol, packet.networkHeader, window.dataEnd);
      return wideU32(result, window.hash);
    }),
    bpf_set_hash: plain((_context, hash) => {
      window.open('skb', 'bpf_set_hash');
      window.hash = hash;
      return 0;
    }),
    bpf_set_hash_invalid: plain(() => {
      window.open('skb', 'bpf_set_hash_invalid');
      window.hash = 0;
      return 0;
    }),
  };
};
