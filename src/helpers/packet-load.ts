/**
 * Legacy packet access (BPF_ABS, BPF_IND): bpf_skb_load_helper_* of net/core/filter.c and bpf_internal_load_pointer_neg_helper of
 * kernel/bpf/core.c.
 */
import type { PacketLoad } from '../vm/index.ts';
import { PacketWindow } from './packet-window.ts';
import type { HelperRuntime } from './runtime.ts';

/** Offsets from here up count from the network header, from the next down from the link header (uapi/linux/filter.h). */
const SKF_NET_OFF = -0x100000;
const SKF_LL_OFF = -0x200000;

/** Reads network-order numbers of the running program's packet; negative when they are not there. */
export function legacyPacketLoad(runtime: HelperRuntime): PacketLoad {
  const window = new PacketWindow(runtime);
  return (_context, offset, size) => {
    const packet = window.open('skb', 'a legacy packet load');
    let at = window.data + offset;
    let start = window.data;
    if (offset < 0) {
      const header = offset >= SKF_NET_OFF ? packet.networkHeader : packet.macHeader;
      if (offset < SKF_LL_OFF || header === 0) return -1;
      at = header + offset - (offset >= SKF_NET_OFF ? SKF_NET_OFF : SKF_LL_OFF);
      start = packet.headLimit;
    }
    if (at < start || at + size > window.dataEnd) return -1;
    const { view } = runtime.memory;
    if (size === 1) return view.getUint8(at);
    return size === 2 ? view.getUint16(at, false) : view.getUint32(at, false);
  };
}
