/**
 * A packet in linear memory with room before and behind it, and the contexts that programs see it through: struct xdp_md and
 * struct __sk_buff (include/uapi/linux/bpf.h). The context's data pointers say where the packet is; helpers move them.
 */
import type { PacketPort, PacketSocket, RedirectRequest } from '../../helpers/index.ts';
import { ETH_HLEN } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';

/** Room before an XDP packet: XDP_PACKET_HEADROOM. */
export const XDP_HEADROOM = 256;
/** Room before an skb's packet: NET_SKB_PAD + NET_IP_ALIGN on x86-64. */
export const SKB_HEADROOM = 64;
/** What the kernel keeps at the end of a page: SKB_DATA_ALIGN(sizeof(struct skb_shared_info)). */
export const SHARED_INFO_BYTES = 320;
/** Room before and behind what a socket received: as much as programs can add. */
export const PAYLOAD_ROOM = 16384;
/** What a driver keeps at the start of an XDP buffer: sizeof(struct xdp_frame). */
const XDP_FRAME_BYTES = 40;

/** Offsets in struct xdp_md. */
export const XdpMd = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  bytes: 24,
} as const;

/** Offsets in struct __sk_buff. */
export const SkBuff = {
  len: 0,
  pktType: 4,
  mark: 8,
  queueMapping: 12,
  protocol: 16,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb: 48,
  hash: 68,
  data: 76,
  dataEnd: 80,
  family: 88,
  dataMeta: 140,
  tstamp: 152,
  wireLen: 160,
  gsoSegs: 164,
  sk: 168,
  gsoSize: 176,
  hwtstamp: 184,
  bytes: 192,
} as const;

/** What becomes of redirects; the device layer implements it. */
export interface PacketSinks {
  redirect(request: RedirectRequest): void;
  cloneRedirect(ifindex: number, ingress: boolean): number;
}

/** Where a packet came in. */
export interface Arrival {
  /** Index of the device that it leaves by, for programs of device maps. */
  readonly egress?: number;
  readonly ifindex: number;
  readonly queue: number;
}

/** One packet and its context, for one event or test run. */
export class PacketBuffer implements PacketPort {
  readonly kind: 'xdp' | 'skb';
  readonly context: number;
  readonly headLimit: number;
  readonly tailLimit: number;
  isBare = false;
  macHeader = 0;
  networkHeader = 0;
  /** The socket that the packet belongs to; set before `fillSkb`. */
  socket: PacketSocket | undefined;
  private readonly memory: Memory;
  private readonly start: number;
  private readonly bytes: number;
  private readonly sinks: PacketSinks;
  /** What programs may touch of the buffer, unless they moved the packet's ends since: first address, and the one behind it. */
  private openFrom = 0;
  private openTo = 0;

  /** @param room Bytes of the whole buffer, headroom and tailroom included. */
  constructor(memory: Memory, kind: 'xdp' | 'skb', room: number, sinks: PacketSinks) {
    this.memory = memory;
    this.kind = kind;
    this.sinks = sinks;
    this.bytes = room;
    this.start = memory.allocate({
      size: room,
      kind: 'packet',
      name: kind === 'xdp' ? 'xdp_buff' : 'sk_buff',
      align: 64,
    });
    const contextBytes = kind === 'xdp' ? XdpMd.bytes : SkBuff.bytes;
    this.context = memory.allocate({
      size: contextBytes,
      kind: 'ctx',
      name: kind === 'xdp' ? 'xdp_md' : '__sk_buff',
    });
    this.headLimit = this.start + (kind === 'xdp' ? XDP_FRAME_BYTES : 0);
    this.tailLimit = this.start + room - SHARED_INFO_BYTES;
  }

  /** Puts a frame in an XDP buffer. */
  fillXdp(frame: Uint8Array, arrival: Arrival, metaBytes = 0): void {
    const { i32 } = this.memory;
    const data = this.place(XDP_HEADROOM - metaBytes, frame) + metaBytes;
    const at = this.context >>> 2;
    i32[at] = data;
    i32[at + 1] = data + frame.length - metaBytes;
    i32[at + 2] = data - metaBytes;
    i32[at + 3] = arrival.ifindex;
    i32[at + 4] = arrival.queue;
    i32[at + 5] = arrival.egress ?? 0;
  }

  /**
   * Puts a frame in an skb. `linkHeader`: the program's packet begins with the Ethernet header, as at tc and packet sockets; else
   * behind it, as at sockets and cgroups.
   */
  fillSkb(frame: Uint8Array, arrival: Arrival, linkHeader: boolean): void {
    const { u8, i32 } = this.memory;
    const mac = this.place(SKB_HEADROOM, frame);
    const network = mac + Math.min(ETH_HLEN, frame.length);
    const data = linkHeader ? mac : network;
    const end = mac + frame.length;
    this.macHeader = mac;
    this.networkHeader = network;
    u8.fill(0, this.context, this.context + SkBuff.bytes);
    const set = (offset: number, value: number): void => {
      i32[(this.context + offset) >>> 2] = value;
    };
    set(SkBuff.len, end - data);
    set(SkBuff.wireLen, end - mac);
    set(SkBuff.protocol, u8[mac + 12]! | (u8[mac + 13]! << 8));
    set(SkBuff.ifindex, arrival.ifindex);
    set(SkBuff.ingressIfindex, arrival.ifindex);
    set(SkBuff.gsoSegs, 0);
    set(SkBuff.sk, this.socket?.address ?? 0);
    set(SkBuff.data, data);
    set(SkBuff.dataEnd, end);
    set(SkBuff.dataMeta, data);
  }

  /**
   * Puts what a socket received in an skb as SK_SKB programs see it: without headers, and with only the first `linear` bytes in reach until
   * bpf_skb_pull_data has brought more there.
   */
  fillPayload(payload: Uint8Array, linear: number): void {
    const { memory } = this;
    const data = this.start + PAYLOAD_ROOM;
    memory.u8.set(payload, data);
    memory.setAccess(this.start, this.bytes, 'none');
    memory.setAccess(data, linear, 'readwrite');
    memory.u8.fill(0, this.context, this.context + SkBuff.bytes);
    const set = (offset: number, value: number): void => {
      memory.i32[(this.context + offset) >>> 2] = value;
    };
    this.networkHeader = data;
    set(SkBuff.len, payload.length);
    set(SkBuff.sk, this.socket?.address ?? 0);
    set(SkBuff.data, data);
    set(SkBuff.dataEnd, data + linear);
    set(SkBuff.dataMeta, data);
  }

  /** Moves the start of an skb's data behind a header, out of the reach of programs. @returns the new start. */
  dropHeader(count: number): number {
    const { u32 } = this.memory;
    const at = (this.context + SkBuff.data) >>> 2;
    const data = u32[at]! + count;
    u32[at] = data;
    u32[(this.context + SkBuff.dataMeta) >>> 2] = data;
    u32[(this.context + SkBuff.len) >>> 2]! -= count;
    this.memory.setAccess(data - count, count, 'none');
    return data;
  }

  /** All of an skb, in reach of programs or not. */
  payload(): Uint8Array {
    const { u32 } = this.memory;
    return this.memory.readBytes(
      u32[(this.context + SkBuff.data) >>> 2]!,
      u32[(this.context + SkBuff.len) >>> 2]!,
    );
  }

  /** The packet as it is now. */
  frame(): Uint8Array {
    const { u32 } = this.memory;
    const [dataAt, endAt] = this.kind === 'xdp' ? [XdpMd.data, XdpMd.dataEnd] : [SkBuff.data, SkBuff.dataEnd];
    const data = u32[(this.context + dataAt) >>> 2]!;
    return this.memory.readBytes(data, u32[(this.context + endAt) >>> 2]! - data);
  }

  /** An XDP packet with the metadata in front of it. */
  frameWithMeta(): Uint8Array {
    const { u32 } = this.memory;
    const meta = u32[(this.context + XdpMd.dataMeta) >>> 2]!;
    return this.memory.readBytes(meta, u32[(this.context + XdpMd.dataEnd) >>> 2]! - meta);
  }

  /** The context's bytes. */
  contextBytes(): Uint8Array {
    return this.memory.readBytes(this.context, this.kind === 'xdp' ? XdpMd.bytes : SkBuff.bytes);
  }

  redirect(request: RedirectRequest): void {
    this.sinks.redirect(request);
  }

  cloneRedirect(ifindex: number, ingress: boolean): number {
    return this.sinks.cloneRedirect(ifindex, ingress);
  }

  free(): void {
    this.memory.free(this.start);
    this.memory.free(this.context);
  }

  /** Copies bytes to an offset of the buffer; programs may touch them and nothing else of it. */
  private place(offset: number, bytes: Uint8Array): number {
    const address = this.start + offset;
    const end = address + bytes.length;
    this.memory.u8.set(bytes, address);
    if (address === this.openFrom && this.endInContext() === this.openTo) {
      // Packet after packet of about the same length: only what differs needs to be opened or closed.
      if (end < this.openTo) this.memory.setAccess(end, this.openTo - end, 'none');
      else if (end > this.openTo) this.memory.setAccess(this.openTo, end - this.openTo, 'readwrite');
    } else {
      this.memory.setAccess(this.start, this.bytes, 'none');
      this.memory.setAccess(address, bytes.length, 'readwrite');
    }
    this.openFrom = address;
    this.openTo = end;
    return address;
  }

  /** Where the packet ends if it begins where it was put; 0 when the program moved its start. */
  private endInContext(): number {
    const { u32 } = this.memory;
    const at = this.context >>> 2;
    if (this.kind === 'xdp') return u32[at + 2] === this.openFrom ? u32[at + 1]! : 0;
    const data = u32[(this.context + SkBuff.data) >>> 2]!;
    const isUnmoved = data === this.macHeader || data === this.networkHeader;
    return isUnmoved && u32[(this.context + SkBuff.dataMeta) >>> 2] === data
      ? u32[(this.context + SkBuff.dataEnd) >>> 2]!
      : 0;
  }
}
