/**
 * Making what a socket received longer or shorter: bpf_skb_change_tail, bpf_skb_change_head and bpf_skb_adjust_room as SK_SKB programs have them
 * (sk_skb_change_tail and its kin in net/core/filter.c). Packets of tc programs are not reshaped here.
 */
import { Errno } from '../base/errno.ts';
import { BpfProgType } from '../spec/index.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { PacketWindow } from './packet-window.ts';
import type { PacketPort } from './runtime.ts';

/** BPF_SKB_MAX_LEN: SKB_MAX_ALLOC. */
const MAX_LENGTH = 16064;
/** What bpf_skb_adjust_room adds or takes at most. */
const MAX_ADJUSTMENT = 0xfff;

/** Lengths of received data. */
export const reshapeHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;
  const window = new PacketWindow(runtime);

  const open = (helper: string): PacketPort => {
    const { type, name } = runtime.runningProgram();
    if (type === BpfProgType.BPF_PROG_TYPE_SK_SKB) return window.open('skb', helper);
    throw new HelperFault(
      'helper-no-packet',
      `${helper} works on what sockets of socket maps receive; program '${name}' has nothing of that`,
    );
  };

  /** Puts zeros in front. */
  const grow = (packet: PacketPort, count: number): number => {
    const data = window.data - count;
    if (data < packet.headLimit) return -Errno.ENOMEM;
    memory.u8.fill(0, data, window.data);
    window.reshape(data, window.dataEnd - data, window.reached);
    return 0;
  };

  return {
    // All of it comes in reach.
    bpf_skb_change_tail: plain((_context, length, _lengthHi, flagsLo, flagsHi) => {
      const packet = open('bpf_skb_change_tail');
      const wanted = length >>> 0;
      if ((flagsLo | flagsHi) !== 0 || wanted > MAX_LENGTH) return -Errno.EINVAL;
      const { data, dataEnd } = window;
      if (data + wanted > packet.tailLimit) return -Errno.ENOMEM;
      if (data + wanted > dataEnd) memory.u8.fill(0, dataEnd, data + wanted);
      window.reshape(data, wanted, data + wanted);
      return 0;
    }),

    bpf_skb_change_head: plain((_context, count, _countHi, flagsLo, flagsHi) => {
      const packet = open('bpf_skb_change_head');
      const wanted = count >>> 0;
      if ((flagsLo | flagsHi) !== 0 || window.length + wanted > MAX_LENGTH) return -Errno.EINVAL;
      return grow(packet, wanted);
    }),

    bpf_skb_adjust_room: plain((_context, difference, _differenceHi, mode, _modeHi, flagsLo, flagsHi) => {
      const packet = open('bpf_skb_adjust_room');
      if ((flagsLo | flagsHi | mode) !== 0) return -Errno.EINVAL;
      if (Math.abs(difference) > MAX_ADJUSTMENT) return -Errno.EFAULT;
      if (difference >= 0) return grow(packet, difference);
      if (-difference > window.length) return -Errno.ENOMEM;
      const data = window.data - difference;
      window.reshape(data, window.dataEnd - data, Math.max(window.reached, data));
      return 0;
    }),
  };
};
