/** Helpers that read, write and resize packets of XDP programs (net/core/filter.c). Simulated packets have no fragments. */
import { Errno } from '../base/errno.ts';
import { ETH_HLEN } from '../spec/uapi.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { PacketWindow } from './packet-window.ts';

/** Largest metadata: what fits the 8-bit meta_len of struct skb_shared_info. */
const MAX_METADATA = 255;
/** Largest offset and length of the helpers that copy bytes by offset. */
const MAX_OFFSET = 0xffff;

/** Bytes by offset, and moving the ends of the packet. */
export const xdpHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;
  const window = new PacketWindow(runtime);

  /** Copies between program and packet, if the packet has the bytes; 0 or an errno (bpf_xdp_pointer). */
  const copy = (offset: number, length: number, program: number, store: boolean): number => {
    if (offset > MAX_OFFSET || length > MAX_OFFSET) return -Errno.EFAULT;
    if (offset + length > window.length) return -Errno.EINVAL;
    const packet = window.data + offset;
    if (store) memory.u8.copyWithin(packet, program, program + length);
    else memory.u8.copyWithin(program, packet, packet + length);
    return 0;
  };

  return {
    bpf_xdp_get_buff_len: plain(() => {
      window.open('xdp', 'bpf_xdp_get_buff_len');
      return window.length;
    }),

    bpf_xdp_load_bytes: plain((_context, offset, _offsetHi, target, size) => {
      window.open('xdp', 'bpf_xdp_load_bytes');
      return copy(offset >>> 0, size >>> 0, target >>> 0, false);
    }),

    bpf_xdp_store_bytes: plain((_context, offset, _offsetHi, source, size) => {
      window.open('xdp', 'bpf_xdp_store_bytes');
      return copy(offset >>> 0, size >>> 0, source >>> 0, true);
    }),

    // Metadata moves along with the start of the packet.
    bpf_xdp_adjust_head: plain((_context, delta) => {
      const packet = window.open('xdp', 'bpf_xdp_adjust_head');
      const { data, dataMeta, dataEnd } = window;
      const metadata = data - dataMeta;
      const moved = data + delta;
      if (moved < packet.headLimit + metadata || moved > dataEnd - ETH_HLEN) return -Errno.EINVAL;
      memory.u8.copyWithin(dataMeta + delta, dataMeta, data);
      window.move(dataMeta + delta, moved, dataEnd);
      return 0;
    }),

    // New bytes are zero.
    bpf_xdp_adjust_tail: plain((_context, delta) => {
      const packet = window.open('xdp', 'bpf_xdp_adjust_tail');
      const { data, dataMeta, dataEnd } = window;
      const moved = dataEnd + delta;
      if (moved > packet.tailLimit || moved < data + ETH_HLEN) return -Errno.EINVAL;
      if (delta > 0) memory.u8.fill(0, dataEnd, moved);
      window.move(dataMeta, data, moved);
      return 0;
    }),

    bpf_xdp_adjust_meta: plain((_context, delta) => {
      const packet = window.open('xdp', 'bpf_xdp_adjust_meta');
      const { data, dataMeta, dataEnd } = window;
      const moved = dataMeta + delta;
      if (moved < packet.headLimit || moved > data) return -Errno.EINVAL;
      const metadata = data - moved;
      if (metadata % 4 !== 0 || metadata > MAX_METADATA) return -Errno.EACCES;
      window.move(moved, data, dataEnd);
      return 0;
    }),
  };
};
