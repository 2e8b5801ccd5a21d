/**
 * Sockets: endpoints that packets belong to, that maps hold and that values hang on. A socket is its addresses and its state, shown to programs
 * as a struct bpf_sock (or bpf_xdp_sock); what is sent and received through it is not simulated.
 */
import type { PacketSocket } from '../helpers/index.ts';
import type { CgroupRef, SocketRef } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';
import type { Cgroup } from './cgroups.ts';
import type { KernelFile } from './files.ts';
import { KernelObject, UNCOUNTED } from './kernel-object.ts';

/** Address families and socket types by their numbers (include/linux/socket.h, include/linux/net.h). */
const FAMILIES = { unix: 1, inet: 2, inet6: 10, netlink: 16, xdp: 44 } as const;
const TYPES = { stream: 1, dgram: 2, raw: 3 } as const;
/** TCP_* states (include/net/tcp_states.h). */
const STATES = { established: 1, close: 7, listen: 10 } as const;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;

/** Offsets in struct bpf_sock (include/uapi/linux/bpf.h); addresses and the destination port are in network order. */
const BpfSock = {
  boundDevIf: 0,
  family: 4,
  type: 8,
  protocol: 12,
  mark: 16,
  priority: 20,
  srcIp4: 24,
  srcIp6: 28,
  srcPort: 44,
  dstPort: 48,
  dstIp4: 52,
  dstIp6: 56,
  state: 72,
  rxQueue: 76,
  bytes: 80,
} as const;

/** An endpoint: an address of 4 or 16 bytes in network order, and a port. */
export interface Endpoint {
  readonly address?: Uint8Array;
  readonly port?: number;
}

/** What a socket is made from; by default a TCP socket over IPv4 that is neither bound nor connected. */
export interface SocketOptions {
  readonly family?: SocketRef['family'];
  readonly type?: SocketRef['type'];
  /** IPPROTO_* number; by default what the type means for IP, 0 for other families. */
  readonly protocol?: number;
  /** By default `established` with a remote endpoint, else `close`. */
  readonly state?: SocketRef['state'];
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  /** SO_REUSEPORT was set. */
  readonly reuseport?: boolean;
  readonly mark?: number;
  readonly priority?: number;
  /** Index of the device that it is bound to. */
  readonly ifindex?: number;
  /** AF_XDP: the queue of the device that it is bound to. */
  readonly queue?: number;
  /** By default the cgroup of the current task. */
  readonly cgroup?: Cgroup;
}

export class Socket extends KernelObject implements SocketRef, PacketSocket {
  readonly address: number;
  readonly cookie: number;
  readonly family: SocketRef['family'];
  readonly type: SocketRef['type'];
  readonly protocol: number;
  readonly state: SocketRef['state'];
  readonly hashed: boolean;
  readonly reuseport: boolean;
  readonly queue: number;
  readonly cgroup: Cgroup;
  sockArray: object | undefined;
  private readonly memory: Memory;

  constructor(memory: Memory, cookie: number, cgroup: Cgroup, options: SocketOptions) {
    super();
    const { family = 'inet', type = 'stream', local, remote, reuseport = false, queue = 0 } = options;
    this.memory = memory;
    this.cookie = cookie;
    this.cgroup = cgroup;
    this.family = family;
    this.type = type;
    this.protocol = options.protocol ?? protocolOf(family, type);
    this.state = options.state ?? (remote === undefined ? 'close' : 'established');
    this.hashed = this.state !== 'close' || local !== undefined;
    this.reuseport = reuseport;
    this.queue = queue;
    this.address = memory.allocate({ size: BpfSock.bytes, kind: 'kernel', name: `socket ${cookie}` });
    memory.setAccess(this.address, BpfSock.bytes, 'read');
    if (family === 'xdp') this.write32(0, queue);
    else this.writeImage(options);
  }

  file(): KernelFile {
    return { kind: 'socket', socket: this, held: UNCOUNTED };
  }

  isUnder(cgroup: CgroupRef): boolean {
    return this.cgroup.isUnder(cgroup);
  }

  /** Closes the socket: it leaves all maps, and its values go. */
  close(): void {
    if (this.ended) return;
    this.finish();
    this.memory.free(this.address);
  }

  private writeImage({ local, remote, mark = 0, priority = 0, ifindex = 0 }: SocketOptions): void {
    this.write32(BpfSock.boundDevIf, ifindex);
    this.write32(BpfSock.family, FAMILIES[this.family]);
    this.write32(BpfSock.type, TYPES[this.type]);
    this.write32(BpfSock.protocol, this.protocol);
    this.write32(BpfSock.mark, mark);
    this.write32(BpfSock.priority, priority);
    this.writeAddress(BpfSock.srcIp4, BpfSock.srcIp6, local?.address);
    this.write32(BpfSock.srcPort, local?.port ?? 0);
    this.memory.view.setUint16(this.address + BpfSock.dstPort, remote?.port ?? 0, false);
    this.writeAddress(BpfSock.dstIp4, BpfSock.dstIp6, remote?.address);
    this.write32(BpfSock.state, STATES[this.state]);
    this.write32(BpfSock.rxQueue, -1);
  }

  private writeAddress(at4: number, at6: number, address: Uint8Array | undefined): void {
    if (address === undefined) return;
    this.memory.u8.set(address.subarray(0, 16), this.address + (address.length === 4 ? at4 : at6));
  }

  private write32(offset: number, value: number): void {
    this.memory.view.setInt32(this.address + offset, value, true);
  }
}

function protocolOf(family: SocketRef['family'], type: SocketRef['type']): number {
  if (family !== 'inet' && family !== 'inet6') return 0;
  return type === 'stream' ? IPPROTO_TCP : type === 'dgram' ? IPPROTO_UDP : 0;
}

/** All open sockets of a machine. */
export class SocketTable {
  private readonly memory: Memory;
  private readonly currentCgroup: () => Cgroup;
  private readonly byAddress = new Map<number, Socket>();
  private lastCookie = 0;

  constructor(memory: Memory, currentCgroup: () => Cgroup) {
    this.memory = memory;
    this.currentCgroup = currentCgroup;
  }

  /** Makes a socket; it lives until it is closed. */
  open(options: SocketOptions = {}): Socket {
    const cgroup = options.cgroup ?? this.currentCgroup();
    const socket = new Socket(this.memory, ++this.lastCookie, cgroup, options);
    this.byAddress.set(socket.address, socket);
    socket.onEnd(() => this.byAddress.delete(socket.address));
    return socket;
  }

  at(address: number): Socket | undefined {
    return this.byAddress.get(address);
  }
}
