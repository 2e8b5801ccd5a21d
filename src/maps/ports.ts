/**
 * What maps hold of the rest of the kernel, seen through small interfaces: programs, perf events, devices, sockets, cgroups, and
 * the owners of local storage. kernel/ implements them; maps only keep, count and hand them out.
 */
import type { PreparedProgram } from '../vm/index.ts';

/** An object that is counted: it lives while someone holds it. */
export interface Held {
  /** Takes a reference. */
  hold(): void;
  /** Gives one back. */
  release(): void;
}

/** How a map is counted, for maps that hold themselves. */
export interface MapCounts extends Held {
  /** References that user space does not hold. */
  readonly kernelReferences: number;
}

/** A loaded program as a prog array sees it (struct bpf_prog). */
export interface ProgRef extends Held {
  /** The program's id: what user space reads from a slot. */
  readonly id: number;
  /** BPF_PROG_TYPE_* number; for a BPF_PROG_TYPE_EXT program that runs as another's part, still EXT. */
  readonly type: number;
  /** BPF_* attach type number. */
  readonly expectedAttachType: number;
  /** BPF_F_XDP_HAS_FRAGS was given at load. */
  readonly xdpHasFrags: boolean;
  /** BTF id of the kernel's type that it attaches to. */
  readonly attachBtfId?: number | undefined;
  /** Tracing kinds: identity of the prototype of the function it is attached to. */
  readonly attachFuncProto?: object;
  /** What a tail call runs. */
  readonly prepared: PreparedProgram;
}

/** A perf event as a perf event array sees it: where samples of programs go to. */
export interface PerfEventRef extends Held {
  /** CPU on which the event is open: it takes samples of programs that run there. */
  readonly cpu: number;
  /** Its type is PERF_TYPE_SOFTWARE and its config PERF_COUNT_SW_BPF_OUTPUT. */
  readonly isBpfOutput: boolean;
  /**
   * Takes one sample: `size` bytes at address `data`, then `extraSize` bytes at `extra` (packet bytes of the networking
   * helpers). 0 or a negative errno (ENOSPC when its buffer is full).
   */
  output(data: number, size: number, extra: number, extraSize: number): number;
}

/** A network device in a map (struct net_device); it leaves the map when it goes. */
export interface DeviceRef {
  readonly ifindex: number;
  /** Calls `listener` once when the device goes; returns what ends that. */
  onEnd(listener: () => void): () => void;
}

/** An object of the kernel that values can hang on (local storage), until it ends. */
export interface StorageOwner {
  /** Address of its image in linear memory: what programs hold of it. */
  readonly address: number;
  /** Calls `listener` once when the object goes; returns what ends that. */
  onEnd(listener: () => void): () => void;
}

/** States of a TCP connection, of which other sockets have `established` and `close` (include/net/tcp_states.h). */
export type SocketState =
  | 'established'
  | 'syn-sent'
  | 'syn-received'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close'
  | 'close-wait'
  | 'last-ack'
  | 'listen';

/**
 * Places of programs in a socket map. `message`: SK_MSG programs, on what a socket sends. `parser` and `streamVerdict`: SK_SKB programs on what
 * it receives, cut into messages by the parser if there is one. `verdict`: the SK_SKB program that takes packets as they come.
 */
export type SocketProgramPlace = 'message' | 'parser' | 'streamVerdict' | 'verdict';

/** The programs of a socket map. */
export interface SocketProgramSet {
  at(place: SocketProgramPlace): ProgRef | undefined;
}

/** A socket as the socket maps see it (struct sock). */
export interface SocketRef extends StorageOwner {
  /** Its unique number, what user space reads from a socket map; below 2^53. */
  readonly cookie: number;
  /** `unspec` and `none`: the socket of a test run's packet. */
  readonly family: 'inet' | 'inet6' | 'unix' | 'xdp' | 'netlink' | 'unspec';
  readonly type: 'stream' | 'dgram' | 'raw' | 'none';
  /** IPPROTO_* number, 0 outside IP. */
  readonly protocol: number;
  readonly state: SocketState;
  /** It can be found by its address: bound, or listening. */
  readonly hashed: boolean;
  /** It shares its address with others (SO_REUSEPORT). */
  readonly reuseport: boolean;
  /** Queue of the device that an XDP socket is bound to. */
  readonly queue: number;
  /** The sockets with SO_REUSEPORT that share its address (sk_reuseport_cb). */
  readonly group?: object | undefined;
  /** Who put the socket to a use that excludes others: a BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, or the socket maps (sk_user_data). */
  userData: object | undefined;
  /** Takes the programs of a SOCKMAP or SOCKHASH that the socket is put in; 0 or a negative errno (sock_map_link in net/core/sock_map.c). */
  enter(programs: SocketProgramSet): number;
  /** Leaves such a map; without its programs when the entry was not made after all (sock_map_unref, sk_psock_put). */
  leave(programs?: SocketProgramSet): void;
}

/** A cgroup in a cgroup array. */
export interface CgroupRef extends Held, StorageOwner {
  /** Its inode number; below 2^53. */
  readonly id: number;
}
