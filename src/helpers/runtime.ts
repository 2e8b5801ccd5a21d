/**
 * What the helpers need of the machine around them: the ports that the simulated kernel implements, and tests fake. One
 * object a kernel; what changes between runs (task, CPU, packet) is asked for at each call.
 */
import type {
  BpfMap,
  CgroupRef,
  CgroupValues,
  RedirectTarget,
  SocketRef,
  StorageOwner,
} from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';

/** The clocks that helpers read. `jiffies` counts ticks, the others nanoseconds. */
export type ClockName = 'monotonic' | 'boottime' | 'coarse' | 'tai' | 'jiffies';

/** 64-bit time without BigInt: `read` returns the low half and leaves the high half in `high`. */
export interface ClockPort {
  read(clock: ClockName): number;
  readonly high: number;
}

/**
 * Addresses of numbers that the machine keeps in linear memory, so that compiled programs need no call to get them. They hold what the
 * methods of the runtime would give.
 */
export interface RuntimeWords {
  /** 32 bits: the current CPU. */
  readonly cpu: number;
  /** 64 bits: what bpf_get_current_pid_tgid gives. */
  readonly pidTgid: number;
  /** 32 bits: address of the current task's struct task_struct. */
  readonly task: number;
  /** 64 bits each; absent when the clocks move by themselves. */
  readonly clocks?: Readonly<Record<ClockName, number>>;
}

/** The task that runs when a program is called: `current`. */
export interface CurrentTask {
  /** Thread id. */
  readonly pid: number;
  /** Process id. */
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  /** Address of its struct task_struct. */
  readonly address: number;
}

/** A 64-bit number as signed halves. */
export interface Halves {
  readonly lo: number;
  readonly hi: number;
}

/** Names of kernel addresses, for %ps and its kin. */
export interface SymbolPort {
  /** The function or variable that an address lies in, as `ksys_read+0x10/0x20`; undefined when there is none. */
  symbolAt(address: Halves): string | undefined;
}

/** How a tc or XDP program asked for its packet to be sent elsewhere; the verdict that follows says whether it counts. */
export interface RedirectRequest {
  /** `map`: to what a map holds, by bpf_redirect_map. */
  readonly how: 'device' | 'peer' | 'neighbour' | 'map';
  readonly ifindex: number;
  /** BPF_F_INGRESS for `device`, the flags of a broadcast for `map`, else 0. */
  readonly flags: number;
  /** What the map gave; more than one for a broadcast. */
  readonly targets?: readonly RedirectTarget[];
  /** A broadcast leaves out the device that the packet came from. */
  readonly excludesIngress?: boolean;
}

/**
 * The packet that a program runs on. Its place is what the context in memory says (struct xdp_md or struct __sk_buff, with whole
 * addresses in data, data_end and data_meta); helpers that move its ends write the context and the memory's access rights.
 */
export interface PacketPort {
  readonly kind: 'xdp' | 'skb';
  /** Bytes of a frame alone, without an skb: what a flow dissector may get, whose bpf_skb_load_bytes then fails. */
  readonly isBare?: boolean;
  /** Address of the context. */
  readonly context: number;
  /** Lowest address that the packet or its metadata may grow to: hard start plus what the driver keeps for itself. */
  readonly headLimit: number;
  /** Address right behind the last byte that the packet may grow to. */
  readonly tailLimit: number;
  /** Address of the link-layer header, or 0 when it has none (skb). */
  readonly macHeader: number;
  /** Address of the network header (skb). */
  readonly networkHeader: number;
  /** The socket that the packet belongs to, if there is one. */
  readonly socket?: PacketSocket | undefined;
  redirect(request: RedirectRequest): void;
  /** Sends a copy out of (or, with `ingress`, into) a device; 0 or a negative errno, EINVAL when there is no such device. */
  cloneRedirect(ifindex: number, ingress: boolean): number;
}

/** The socket of a packet. */
export interface PacketSocket {
  /** Address of its struct bpf_sock. */
  readonly address: number;
  /** Below 2^53. */
  readonly cookie: number;
  /** Whether it was made in a cgroup or below it. */
  isUnder(cgroup: CgroupRef): boolean;
}

/** The file that an iterator's program writes to, as far as it has room (struct seq_file). */
export interface SeqFilePort {
  /** Address where the next byte goes. */
  readonly position: number;
  /** Bytes from there to the end of the buffer; 0 after an overflow. */
  readonly room: number;
  /** So many bytes were written, if they are fewer than there is room; else the file has overflowed, for which it gives false. */
  advance(bytes: number): boolean;
}

/** The event of a cgroup that the running program is asked about (struct bpf_cg_run_ctx). */
export interface CgroupRun {
  /** What the event will answer: 0 or a negative errno, for getsockopt(2) what the kernel answered. */
  retval: number;
  /** The access to a sysctl that it is about. */
  readonly sysctl: SysctlAccess | undefined;
  /** Address of the value that the cgroup at which the program is attached has in a map, 0 when it has none. */
  valueOf(values: CgroupValues): number;
}

/** An access to a sysctl (struct bpf_sysctl_kern). */
export interface SysctlAccess {
  /** From /proc/sys on: `net/ipv4/tcp_mem`. */
  readonly name: string;
  readonly write: boolean;
  /** What it is now; empty when that is not known. */
  readonly current: Uint8Array;
  /** What it is to become; empty for reads. */
  newValue: Uint8Array;
  /** A program changed it. */
  isReplaced: boolean;
}

/** A message that is being sent (struct sk_msg); what changes it changes what is in reach of the program, too. */
export interface MessagePort {
  /** Bytes that the verdict is for; 0: the message. */
  applyBytes: number;
  /** Bytes that there must be before anything is sent. */
  corkBytes: number;
  /** Brings bytes in reach, those alone: 0 or a negative errno. */
  pull(from: number, to: number): number;
  /** Puts so many bytes in: 0 or a negative errno. */
  push(at: number, count: number): number;
  /** Takes so many bytes out: 0 or a negative errno. */
  pop(at: number, count: number): number;
}

/** A socket that programs are told about. */
export interface EventSocket extends SocketRef {
  /** BPF_SOCK_OPS_*_CB_FLAG: what they want to be told of it. */
  callbackFlags: number;
}

/** What the running program says of sockets: where data is redirected to, or which socket takes a connection. */
export interface SocketChoice {
  /** The socket that it chose last. */
  socket: SocketRef | undefined;
  /** BPF_F_INGRESS, or 0. */
  flags: number;
}

/** What is known of the event that a tracing program runs on. */
export interface TracedEvent {
  /** Address of the traced function, 0 when there is none. */
  readonly functionAddress: Halves;
  /** Cookie given when the program was attached. */
  readonly cookie: Halves;
}

/** The running program, as far as helpers differ by it. */
export interface RunningProgram {
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  readonly name: string;
}

/** All ports. */
/** Clocks that timers go by. */
export type TimerClock = 'monotonic' | 'boottime' | 'realtime';

/** Timers in map values, each named by its address; results are 0 or negative errno values, but for `cancel`. */
export interface TimerPort {
  /** Makes a timer in a value of the map at an address. */
  init(timer: number, map: number, clock: TimerClock): number;
  /** Has it call a function of the running program, given by its code pointer. */
  setCallback(timer: number, callback: number): number;
  /** Has it expire in so many nanoseconds, or when its clock shows them. */
  start(timer: number, nanoseconds: bigint, absolute: boolean): number;
  /** Stops it; 1 when it was started, 0 when not. */
  cancel(timer: number): number;
}

/** The machine as helpers see it. */
export interface HelperRuntime extends SymbolPort {
  readonly memory: Memory;
  readonly clock: ClockPort;
  readonly cpuCount: number;
  /** Absent: compiled programs call helpers for all of it. */
  readonly words?: RuntimeWords;
  /** Absent: timers are faults. */
  readonly timers?: TimerPort;
  currentCpu(): number;
  /** NUMA node of the current CPU. */
  numaNode(): number;
  /** 32 random bits. */
  random(): number;
  currentTask(): CurrentTask;
  /** Cgroup ids of the current task from the root (level 0) down to its own; below 2^53. */
  cgroupPath(): readonly number[];
  /** Whether the current task is in a cgroup or below it. */
  currentTaskIsUnder(cgroup: CgroupRef): boolean;
  /** Whatever of the kernel stands at an address that values can hang on. */
  storageOwnerAt(address: number): StorageOwner | undefined;
  /** The event of a cgroup that the program runs for, if it does. */
  cgroupRun(): CgroupRun | undefined;
  /** Address of the value of the cgroup that the running program is attached to; 0 when there is no memory for one. */
  cgroupValue(values: CgroupValues): number;
  /** The call stack of the event, innermost frame first, as pairs of halves; empty when it is not known. */
  callStack(user: boolean): Uint32Array;
  /** The file whose struct seq_file stands at an address. */
  seqFileAt(address: number): SeqFilePort | undefined;
  /** The map whose kernel object stands at an address, in constant time. */
  mapAt(address: number): BpfMap | undefined;
  /** Takes a line of bpf_trace_printk, without its end of line unless the program wrote one. */
  trace(text: string): void;
  runningProgram(): RunningProgram;
  tracedEvent(): TracedEvent;
  /** The packet of the running program, if it runs on one. */
  packet(): PacketPort | undefined;
  /** The message that the running program decides about, if it is one of SK_MSG. */
  message(): MessagePort | undefined;
  /** The socket that an event is about which is no packet. */
  eventSocket(): EventSocket | undefined;
  /** The socket whose struct bpf_sock stands at an address. */
  socketAt(address: number): SocketRef | undefined;
  /** Who would get a packet of a protocol with the addresses and ports of a struct bpf_sock_tuple. */
  findSocket(protocol: number, tuple: Uint8Array): SocketRef | undefined;
  /** Where the running program's choice of a socket is kept, if it has one. */
  socketChoice(): SocketChoice | undefined;
}
