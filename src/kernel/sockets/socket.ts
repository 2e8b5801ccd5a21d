/**
 * A socket: its addresses and its state, shown to programs as a struct bpf_sock (or bpf_xdp_sock), what waits to be read of it, and the socket maps
 * that it is in. What it does with others is the stack's (socket-stack.ts).
 */
import { UsageError } from '../../base/errors.ts';
import type { EventSocket, PacketSocket } from '../../helpers/index.ts';
import type { CgroupRef, SocketProgramSet, SocketRef } from '../../maps/index.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import type { Cgroup } from '../objects/cgroups.ts';
import type { KernelFile } from '../objects/files.ts';
import { KernelObject, UNCOUNTED } from '../objects/kernel-object.ts';
import type { Flow } from './flow.ts';
import { enterSocketMap, leaveSocketMap, Psock } from './psock.ts';
import { ReceiveQueue } from './receive-queue.ts';
import {
  BPF_SOCK_BYTES,
  type Endpoint,
  readKnob,
  type SocketFacts,
  writeBpfSock,
  writeKnob,
} from './socket-image.ts';

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

/** What sockets do with each other and with the programs between them; see Socket for what each does. */
export interface SocketActions {
  bind(socket: Socket, local: Endpoint): void;
  listen(socket: Socket, backlog: number): void;
  connect(socket: Socket, remote: Endpoint): void;
  accept(socket: Socket): Socket | undefined;
  send(socket: Socket, data: Uint8Array, to: Endpoint | undefined): number;
  receive(socket: Socket, limit: number): Uint8Array<ArrayBuffer> | undefined;
  created(socket: Socket): void;
  closed(socket: Socket): void;
  reuseportHook(socket: Socket): string;
  find(flow: Flow): Socket | undefined;
}

/** A group of sockets that share an address; how one of them is chosen is reuseport.ts'. */
export interface ReuseportSockets {
  readonly hook: string;
  readonly sockets: Socket[];
  add(socket: Socket): void;
  remove(socket: Socket): void;
}

/** State that changes with connect, listen and what arrives; the stack's. */
export interface SocketChange {
  readonly state?: SocketRef['state'];
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
}

/** A socket as tests use it: bind, connect, send, receive. What a system call would refuse throws a SyscallError. */
export class Socket extends KernelObject implements EventSocket, PacketSocket, SocketFacts {
  readonly address: number;
  readonly family: SocketRef['family'];
  readonly type: SocketRef['type'];
  readonly protocol: number;
  readonly reuseport: boolean;
  readonly queue: number;
  readonly cgroup: Cgroup;
  userData: object | undefined;
  /** The sockets with SO_REUSEPORT at the same address. */
  group: ReuseportSockets | undefined;
  /** The socket at the other end of a connection. */
  peer: Socket | undefined;
  /** What waits to be read, unless programs of socket maps took it. */
  readonly received = new ReceiveQueue();
  /** Connections that wait for `accept`, and how many may. */
  readonly pending: Socket[] = [];
  backlog = 0;
  /** BPF_SOCK_OPS_*_CB_FLAG: what SOCK_OPS programs want to be told of it. */
  callbackFlags = 0;
  /** An errno that the next call gets (sk_err). */
  error = 0;
  private current: Required<SocketChange>;
  private readonly actions: () => SocketActions;
  private readonly memory: Memory;
  private readonly nextCookie: () => number;
  private givenCookie = 0;

  /** @param nextCookie Gives it its cookie when somebody wants to know that. */
  constructor(
    memory: Memory,
    actions: () => SocketActions,
    nextCookie: () => number,
    cgroup: Cgroup,
    options: SocketOptions,
  ) {
    super();
    const { family = 'inet', type = 'stream', local = {}, remote } = options;
    this.memory = memory;
    this.actions = actions;
    this.nextCookie = nextCookie;
    this.cgroup = cgroup;
    this.family = family;
    this.type = type;
    this.protocol = options.protocol ?? protocolOf(family, type);
    this.reuseport = options.reuseport ?? false;
    this.queue = options.queue ?? 0;
    const state = options.state ?? (remote === undefined ? 'close' : 'established');
    this.current = { state, local, remote: remote ?? {} };
    this.address = memory.allocate({ size: BPF_SOCK_BYTES, kind: 'kernel', name: `${family} socket` });
    memory.setAccess(this.address, BPF_SOCK_BYTES, 'read');
    memory.u8.fill(0, this.address, this.address + BPF_SOCK_BYTES);
    if (family === 'xdp') {
      memory.view.setUint32(this.address, this.queue, true);
      return;
    }
    writeBpfSock(memory, this.address, this);
    writeKnob(memory, this.address, 'mark', options.mark ?? 0);
    writeKnob(memory, this.address, 'priority', options.priority ?? 0);
    writeKnob(memory, this.address, 'boundDevIf', options.ifindex ?? 0);
  }

  /** Its unique number, which it has from the first time that somebody asks on (sock_gen_cookie). */
  get cookie(): number {
    if (this.givenCookie === 0) this.givenCookie = this.nextCookie();
    return this.givenCookie;
  }

  get mark(): number {
    return readKnob(this.memory, this.address, 'mark');
  }

  get priority(): number {
    return readKnob(this.memory, this.address, 'priority');
  }

  /** Index of the device that it is bound to, or 0. */
  get ifindex(): number {
    return readKnob(this.memory, this.address, 'boundDevIf');
  }

  get state(): SocketRef['state'] {
    return this.current.state;
  }

  get local(): Endpoint {
    return this.current.local;
  }

  get remote(): Endpoint {
    return this.current.remote;
  }

  /** It can be found by its address. */
  get hashed(): boolean {
    return this.state !== 'close' || (!this.isTcp && this.local.port !== undefined);
  }

  get isTcp(): boolean {
    return (this.family === 'inet' || this.family === 'inet6') && this.type === 'stream';
  }

  get isUdp(): boolean {
    return (this.family === 'inet' || this.family === 'inet6') && this.type === 'dgram';
  }

  /** What it has from the socket maps that it is in. */
  get psock(): Psock | undefined {
    return this.userData instanceof Psock ? this.userData : undefined;
  }

  /** Gives it an address and port; port 0, the default, stands for any free one. @throws SyscallError EINVAL, EADDRINUSE. */
  bind(local: Endpoint): void {
    this.use().bind(this, local);
  }

  /** Waits for connections: so many may wait for `accept`. @throws SyscallError as listen(2). */
  listen(backlog = 128): void {
    this.use().listen(this, backlog);
  }

  /**
   * Connects to a socket of this kernel. A TCP connection is there at once: SOCK_OPS programs of both ends' cgroups have run, and the other end
   * waits to be accepted. @throws SyscallError as connect(2): ECONNREFUSED when nobody listens.
   */
  connect(remote: Endpoint): void {
    this.use().connect(this, remote);
  }

  /** The connection that has waited longest, or undefined. @throws SyscallError EINVAL when it does not listen. */
  accept(): Socket | undefined {
    return this.use().accept(this);
  }

  /**
   * Sends bytes: SK_MSG programs of the socket maps that it is in see them first, those of SK_SKB at the other end last. Without a connection,
   * `to` says where a datagram goes.
   * @returns how many bytes were taken. @throws SyscallError as send(2): EACCES when a program drops them, EPIPE.
   */
  send(data: Uint8Array, to?: Endpoint): number {
    return this.use().send(this, data, to);
  }

  /**
   * Takes what has arrived, at most `limit` bytes: a datagram, or what there is of a stream. Undefined when nothing is there (EAGAIN); no bytes
   * when the other end has closed.
   */
  receive(limit = 0x7fffffff): Uint8Array<ArrayBuffer> | undefined {
    return this.use().receive(this, limit);
  }

  /** The hook at which the SK_REUSEPORT program of the socket's group is. @throws SyscallError EINVAL without SO_REUSEPORT. */
  get reuseportHook(): string {
    return this.use().reuseportHook(this);
  }

  file(): KernelFile {
    return { kind: 'socket', socket: this, held: UNCOUNTED };
  }

  isUnder(cgroup: CgroupRef): boolean {
    return this.cgroup.isUnder(cgroup);
  }

  enter(programs: SocketProgramSet): number {
    return enterSocketMap(this, programs);
  }

  leave(programs?: SocketProgramSet): void {
    leaveSocketMap(this, programs);
  }

  /** The error that waits to be told, which is told once. */
  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  /** Changes what programs see of it. */
  change(change: SocketChange): void {
    this.current = { ...this.current, ...change };
    if (this.family !== 'xdp') writeBpfSock(this.memory, this.address, this);
  }

  /** Closes the socket: it leaves all maps, and its values go. */
  close(): void {
    if (this.ended) return;
    this.actions().closed(this);
    this.discard();
  }

  /** Ends a socket that nobody was to have. */
  discard(): void {
    this.finish();
    this.memory.free(this.address);
  }

  private use(): SocketActions {
    if (this.ended) throw new UsageError('closed-socket', `socket ${this.cookie} is closed`);
    return this.actions();
  }
}

function protocolOf(family: SocketRef['family'], type: SocketRef['type']): number {
  if (family !== 'inet' && family !== 'inet6') return 0;
  return type === 'stream' ? IPPROTO_TCP : type === 'dgram' ? IPPROTO_UDP : 0;
}
