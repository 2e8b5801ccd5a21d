/**
 * Where the running program's packet lies, read from and written to its context in memory: struct xdp_md or struct __sk_buff
 * (include/uapi/linux/bpf.h). The access rights of the buffer follow, so that a checked program faults behind the new ends.
 */
import { HelperFault } from './fault.ts';
import type { HelperRuntime, PacketPort } from './runtime.ts';

/** Byte offsets in the two contexts. */
const OFFSETS = {
  xdp: { data: 0, dataEnd: 4, dataMeta: 8 },
  skb: { data: 76, dataEnd: 80, dataMeta: 140 },
} as const;
const SKB_LEN = 0;
const SKB_PROTOCOL = 16;
const SKB_HASH = 68;

/**
 * The packet of one call. Of an skb all of it is in the window, though a program may have direct access to less (what lies between data and
 * data_end of its context). `open` moves it to the packet that the running program has.
 */
export class PacketWindow {
  data = 0;
  dataEnd = 0;
  dataMeta = 0;

  private readonly runtime: HelperRuntime;
  private packet: PacketPort | undefined;

  constructor(runtime: HelperRuntime) {
    this.runtime = runtime;
  }

  /** Bytes of the packet, metadata not included. */
  get length(): number {
    return this.dataEnd - this.data;
  }

  /**
   * The packet of the running program, of the kind that the helper works on.
   * @throws HelperFault `helper-no-packet` when it has none.
   */
  open(kind: PacketPort['kind'], helper: string): PacketPort {
    const packet = this.runtime.packet();
    if (packet?.kind !== kind) {
      const { name } = this.runtime.runningProgram();
      throw new HelperFault(
        'helper-no-packet',
        `${helper} needs a packet (${kind}); program '${name}' has none`,
      );
    }
    const { u32 } = this.runtime.memory;
    const offsets = OFFSETS[kind];
    this.packet = packet;
    this.data = u32[(packet.context + offsets.data) >>> 2]!;
    this.dataEnd =
      kind === 'skb'
        ? this.data + u32[(packet.context + SKB_LEN) >>> 2]!
        : u32[(packet.context + offsets.dataEnd) >>> 2]!;
    this.dataMeta = u32[(packet.context + offsets.dataMeta) >>> 2]!;
    return packet;
  }

  /** Moves the ends of the packet opened last. */
  move(dataMeta: number, data: number, dataEnd: number): void {
    const { packet } = this;
    if (packet === undefined) return;
    this.dataMeta = dataMeta;
    this.data = data;
    this.dataEnd = dataEnd;
    const { memory } = this.runtime;
    const offsets = OFFSETS[packet.kind];
    const { u32 } = memory;
    u32[(packet.context + offsets.data) >>> 2] = data;
    u32[(packet.context + offsets.dataEnd) >>> 2] = dataEnd;
    u32[(packet.context + offsets.dataMeta) >>> 2] = dataMeta;
    if (packet.kind === 'skb') u32[(packet.context + SKB_LEN) >>> 2] = dataEnd - data;
    memory.setAccess(packet.headLimit, packet.tailLimit - packet.headLimit, 'none');
    memory.setAccess(dataMeta, dataEnd - dataMeta, 'readwrite');
  }

  /** Brings the first bytes of the skb opened last in direct reach of the program, so many of them at least. */
  pull(length: number): void {
    const { packet } = this;
    const { memory } = this.runtime;
    const at = ((packet?.context ?? 0) + OFFSETS.skb.dataEnd) >>> 2;
    const reached = memory.u32[at]!;
    const end = this.data + length;
    if (packet === undefined || end <= reached) return;
    memory.u32[at] = end;
    memory.setAccess(reached, end - reached, 'readwrite');
  }

  /** Where what the program can reach of the skb opened last ends. */
  get reached(): number {
    return this.runtime.memory.u32[((this.packet?.context ?? 0) + OFFSETS.skb.dataEnd) >>> 2]!;
  }

  /** Gives the skb opened last another start and length; what is in reach ends at `reached`. */
  reshape(data: number, length: number, reached: number): void {
    const { packet } = this;
    if (packet === undefined) return;
    const { memory } = this.runtime;
    const { context, headLimit, tailLimit } = packet;
    memory.u32[(context + OFFSETS.skb.data) >>> 2] = data;
    memory.u32[(context + OFFSETS.skb.dataEnd) >>> 2] = reached;
    memory.u32[(context + OFFSETS.skb.dataMeta) >>> 2] = data;
    memory.u32[(context + SKB_LEN) >>> 2] = length;
    memory.setAccess(headLimit, tailLimit - headLimit, 'none');
    memory.setAccess(data, reached - data, 'readwrite');
  }

  /** The skb's flow hash; 0 stands for none. */
  get hash(): number {
    return this.runtime.memory.i32[this.hashIndex]!;
  }

  set hash(value: number) {
    this.runtime.memory.i32[this.hashIndex] = value;
  }

  /** The skb's protocol as an EtherType in host order. */
  get protocol(): number {
    return this.runtime.memory.view.getUint16((this.packet?.context ?? 0) + SKB_PROTOCOL, false);
  }

  private get hashIndex(): number {
    return ((this.packet?.context ?? 0) + SKB_HASH) >>> 2;
  }
}
