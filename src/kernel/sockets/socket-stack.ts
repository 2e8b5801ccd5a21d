/**
 * What sockets do with each other: connections, data on its way, and what programs of socket maps make of it. Streams and datagrams arrive at
 * once and in order; there are no segments, windows or losses.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import type { HookTable } from '../attach/hooks.ts';
import { CgroupRunner } from '../cgroup-events/run.ts';
import { runAddressEvent } from '../cgroup-events/socket-addresses.ts';
import { runSocketEvent } from '../cgroup-events/sockets.ts';
import type { Machine } from '../machine/machine.ts';
import type { Flow } from './flow.ts';
import { MessageVerdicts } from './message-verdicts.ts';
import { SkbVerdicts } from './skb-verdicts.ts';
import { SockOpsEvents } from './sock-ops.ts';
import type { Socket, SocketActions } from './socket.ts';
import { addressOf, SocketDirectory } from './socket-directory.ts';
import type { Endpoint } from './socket-image.ts';
import { SocketLookup } from './socket-lookup.ts';

/** Bytes that wait at one socket: net.ipv4.tcp_rmem's largest. A sender of a stream is told to wait, datagrams are lost. */
const MAX_QUEUED_BYTES = 6 << 20;
/** Bytes of a stream that stay together on their way. */
const MAX_PIECE_BYTES = 65536;
/** What programs may send on before they are taken to send in a circle. */
const MAX_FORWARDS = 10_000;

interface Parcel {
  readonly target: Socket;
  readonly data: Uint8Array;
  readonly ingress: boolean;
}

/** The sockets of one machine: connections, data, and the programs in between. */
export class SocketStack implements SocketActions {
  private readonly machine: Machine;
  private readonly cgroups: CgroupRunner;
  private readonly directory = new SocketDirectory();
  private readonly lookup: SocketLookup;
  private readonly verdicts: SkbVerdicts;
  private readonly messages: MessageVerdicts;
  private readonly events: SockOpsEvents;
  /** Redirected data that is yet to be handled. */
  private readonly backlog: Parcel[] = [];
  private isForwarding = false;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.cgroups = new CgroupRunner(machine, hooks);
    this.events = new SockOpsEvents(this.cgroups);
    this.lookup = new SocketLookup(machine, hooks, this.directory);
    this.messages = new MessageVerdicts(machine, {
      push: (socket, data) => Math.min(this.carry(socket, data, undefined), 0),
      deliver: (socket, data) => this.deliver(socket, data),
    });
    this.verdicts = new SkbVerdicts(machine, (target, data, ingress) => {
      if (target.psock?.transmits === true) this.backlog.push({ target, data, ingress });
    });
  }

  /** Programs of the cgroup may refuse a socket, which then is none, or set its mark, priority and device. */
  created(socket: Socket): void {
    const { retval } = runSocketEvent(this.cgroups, 'create', socket);
    if (retval === 0) return;
    socket.discard();
    throw refuse(-retval, socket);
  }

  bind(socket: Socket, local: Endpoint): void {
    if (socket.family !== 'inet' && socket.family !== 'inet6') {
      this.bindTo(socket, local);
      return;
    }
    const wanted = { address: addressOf(local, socket.family), port: local.port ?? 0 };
    const { retval, endpoint } = runAddressEvent(this.cgroups, 'bind', socket, wanted);
    if (retval !== 0) throw refuse(-retval, socket);
    this.bindTo(socket, endpoint);
    const after = runSocketEvent(this.cgroups, 'post_bind', socket);
    if (after.retval === 0) return;
    this.forget(socket);
    socket.change({ local: {} });
    throw refuse(-after.retval, socket);
  }

  private bindTo(socket: Socket, local: Endpoint): void {
    if (socket.local.port !== undefined || socket.state !== 'close') throw refuse(Errno.EINVAL, socket);
    const error = this.directory.bind(socket, local);
    if (error !== 0) throw refuse(-error, socket);
    if (socket.type === 'dgram') this.joinGroup(socket);
  }

  listen(socket: Socket, backlog: number): void {
    if (socket.type !== 'stream' || socket.family === 'unix') throw refuse(Errno.EOPNOTSUPP, socket);
    if (socket.state === 'listen') return;
    if (socket.state !== 'close') throw refuse(Errno.EINVAL, socket);
    if (socket.local.port === undefined) this.bindTo(socket, {});
    socket.backlog = backlog;
    this.events.changeState(socket, 'listen');
    this.joinGroup(socket);
    if (socket.isTcp) this.events.listens(socket);
  }

  connect(socket: Socket, remote: Endpoint): void {
    if (socket.family !== 'inet' && socket.family !== 'inet6') throw refuse(Errno.EOPNOTSUPP, socket);
    if (socket.type === 'stream' && socket.state !== 'close') throw refuse(Errno.EISCONN, socket);
    const wanted = { address: addressOf(remote, socket.family), port: remote.port ?? 0 };
    const { retval, endpoint: to } = runAddressEvent(this.cgroups, 'connect', socket, wanted);
    if (retval !== 0) throw refuse(-retval, socket);
    const error = this.directory.bindForConnect(socket, to);
    if (error !== 0) throw refuse(-error, socket);
    socket.change({ remote: to });
    if (socket.type === 'stream') this.connectStream(socket);
    else socket.change({ state: 'established' });
  }

  /** Who would get a packet, as bpf_sk_lookup_tcp and _udp ask; of a group the hash chooses. */
  find(flow: Flow): Socket | undefined {
    return this.lookup.find(flow);
  }

  /** The hook of the program that chooses for the socket's group. */
  reuseportHook(socket: Socket): string {
    if (!socket.reuseport) throw refuse(Errno.EINVAL, socket);
    return this.lookup.groups.of(socket).hook;
  }

  accept(socket: Socket): Socket | undefined {
    if (socket.state !== 'listen') throw refuse(Errno.EINVAL, socket);
    return socket.pending.shift();
  }

  send(socket: Socket, data: Uint8Array, to: Endpoint | undefined): number {
    const sent = this.transmit(socket, data.slice(), to);
    this.handleBacklog();
    if (sent < 0) throw refuse(-sent, socket);
    return sent;
  }

  receive(socket: Socket, limit: number): Uint8Array<ArrayBuffer> | undefined {
    if (socket.state === 'listen') throw refuse(Errno.ENOTCONN, socket);
    if (this.isUnread(socket)) return undefined;
    const { psock, received } = socket;
    if (psock?.ingress.isEmpty === false) {
      // What programs left nothing of stands in the way.
      if (psock.ingress.first?.length === 0) throw refuse(Errno.EFAULT, socket);
      return psock.ingress.read(limit);
    }
    if (psock?.hasEnded === true) return new Uint8Array(0);
    if (received.isEmpty) {
      const error = socket.takeError();
      if (error !== 0) throw refuse(error, socket);
      return socket.type === 'stream' && socket.peer?.ended === true ? new Uint8Array(0) : undefined;
    }
    if (socket.type === 'stream') return received.read(limit);
    return received.shift()?.slice(0, limit);
  }

  closed(socket: Socket): void {
    runSocketEvent(this.cgroups, 'release', socket);
    this.forget(socket);
    for (const waiting of socket.pending.splice(0)) waiting.close();
    const { peer } = socket;
    if (!socket.isTcp) return;
    this.leaveConnection(socket, peer);
    if (peer === undefined || peer.ended) return;
    // The segment that says so comes to programs as any other.
    if (peer.psock?.reader === 'verdict') peer.received.push(new Uint8Array(0));
    this.verdicts.dataReady(peer);
    this.handleBacklog();
  }

  /** The states that the ends of a connection go through when one closes. */
  private leaveConnection(socket: Socket, peer: Socket | undefined): void {
    const { events } = this;
    if (socket.state === 'close-wait') {
      for (const state of ['last-ack', 'close'] as const) events.changeState(socket, state);
    } else if (socket.state === 'established' && peer !== undefined) {
      events.changeState(socket, 'fin-wait-1');
      events.changeState(peer, 'close-wait');
      for (const state of ['fin-wait-2', 'close'] as const) events.changeState(socket, state);
    } else {
      events.changeState(socket, 'close');
    }
  }

  private joinGroup(socket: Socket): void {
    this.lookup.groups.join(socket, this.directory.neighbour(socket));
  }

  /** The socket can be found by its address no more. */
  private forget(socket: Socket): void {
    this.directory.remove(socket);
    this.lookup.groups.leave(socket);
  }

  private connectStream(socket: Socket): void {
    this.events.changeState(socket, 'syn-sent');
    this.events.connects(socket);
    const listener = this.lookup.listener(flowTo(socket, socket.remote, new Uint8Array(0)));
    if (listener === undefined) throw this.giveUp(socket, Errno.ECONNREFUSED);
    if (listener.pending.length > listener.backlog) throw this.giveUp(socket, Errno.ETIMEDOUT);
    const { local, remote } = socket;
    this.events.requested({ listener, local: remote, remote: local });
    const { family, type, cgroup, mark, priority, ifindex } = listener;
    const inherited = { family, type, cgroup, mark, priority, ifindex };
    const child = this.machine.objects.sockets.make({
      ...inherited,
      state: 'syn-received',
      local: remote,
      remote: local,
    });
    if (!this.machine.inheritStorage(listener, child)) {
      child.close();
      throw this.giveUp(socket, Errno.ETIMEDOUT);
    }
    this.directory.add(child);
    socket.peer = child;
    child.peer = socket;
    child.callbackFlags = listener.callbackFlags;
    this.events.changeState(socket, 'established');
    this.events.established(socket);
    this.events.accepted(child);
    this.events.changeState(child, 'established');
    listener.pending.push(child);
  }

  private giveUp(socket: Socket, errno: number): SyscallError {
    this.forget(socket);
    socket.change({ state: 'close', local: {}, remote: {} });
    return refuse(errno, socket);
  }

  /** What comes of sending to an end that was closed: TCP hears of it by its first segment, which is lost. */
  private refused(socket: Socket): number | undefined {
    if (socket.state !== 'close-wait') return -Errno.EPIPE;
    this.events.changeState(socket, 'close');
    return undefined;
  }

  /** Whether data waits for programs that do not take it, which keeps processes from reading; what came before the programs did is theirs, too. */
  private isUnread(socket: Socket): boolean {
    if (!socket.isTcp || socket.psock?.reader === undefined) return false;
    this.verdicts.dataReady(socket);
    this.handleBacklog();
    return !socket.received.isEmpty;
  }

  /** Sends data for a process. @returns how many bytes were taken, or a negative errno. */
  private transmit(socket: Socket, data: Uint8Array, to: Endpoint | undefined): number {
    const error = socket.takeError();
    if (error !== 0) return -error;
    const { psock } = socket;
    const isJudged = socket.isTcp && psock?.programs.at('message') !== undefined;
    return isJudged ? this.messages.send({ socket, psock }, data) : this.carry(socket, data, to);
  }

  /** Brings data to the other end. @returns how many bytes were taken, or a negative errno. */
  private carry(socket: Socket, data: Uint8Array, to: Endpoint | undefined): number {
    const target = this.otherEnd(socket, data, to);
    if (typeof target === 'number') return target;
    if (target === undefined) return data.length;
    const isFull = target.received.length + data.length > MAX_QUEUED_BYTES;
    if (isFull) return socket.type === 'stream' ? -Errno.EAGAIN : data.length;
    if (!socket.isTcp) {
      target.received.push(data);
      this.verdicts.dataReady(target);
    }
    for (let at = 0; socket.isTcp && at < data.length; at += MAX_PIECE_BYTES) {
      target.received.append(data.subarray(at, at + MAX_PIECE_BYTES), MAX_PIECE_BYTES);
      this.verdicts.dataReady(target);
    }
    return data.length;
  }

  /** Where data goes; undefined when it is lost; a negative errno. */
  private otherEnd(socket: Socket, data: Uint8Array, to: Endpoint | undefined): Socket | undefined | number {
    if (socket.type === 'stream' || socket.family === 'unix') {
      const { peer, state } = socket;
      if (peer === undefined) return -Errno.ENOTCONN;
      if (peer.ended) return this.refused(socket);
      return state === 'established' ? peer : -Errno.ENOTCONN;
    }
    if (to === undefined && socket.state !== 'established') return -Errno.EDESTADDRREQ;
    const target = to ?? socket.remote;
    const remote = { address: addressOf(target, socket.family), port: target.port ?? 0 };
    const error = socket.local.port === undefined ? this.directory.bindForConnect(socket, remote) : 0;
    if (error !== 0) return error;
    if (to === undefined) {
      const receiver = this.lookup.receiver(flowTo(socket, remote, data));
      // Only connected sockets hear that nobody is there.
      if (receiver === undefined) socket.error = Errno.ECONNREFUSED;
      return receiver;
    }
    const asked = runAddressEvent(this.cgroups, 'sendmsg', socket, remote, socket.local.address);
    if (asked.retval !== 0) return asked.retval;
    return asked.endpoint.port === 0
      ? -Errno.EINVAL
      : this.lookup.receiver(flowTo(socket, asked.endpoint, data));
  }

  /** Handles what programs redirected, until nothing is left (sk_psock_backlog). */
  private handleBacklog(): void {
    if (this.isForwarding) return;
    this.isForwarding = true;
    try {
      for (let count = 0; this.backlog.length > 0; count++) {
        if (count === MAX_FORWARDS) throw new SyscallError(Errno.ELOOP, 'programs redirect data in a circle');
        this.handle(this.backlog.shift()!);
      }
    } finally {
      this.backlog.length = 0;
      this.isForwarding = false;
    }
  }

  /** Puts data in the queue that is read ahead of what the other end sends. 0 or -ENOMEM. */
  private deliver({ psock }: Socket, data: Uint8Array): number {
    if (psock?.transmits !== true) return 0;
    if (psock.ingress.length + data.length > MAX_QUEUED_BYTES) return -Errno.ENOMEM;
    psock.ingress.push(data);
    return 0;
  }

  private handle({ target, data, ingress }: Parcel): void {
    const { psock } = target;
    if (psock?.transmits !== true) return;
    // An error breaks the pipe, and so does a segment without data, as the last of a connection is.
    if (data.length === 0) {
      psock.transmits = false;
      psock.hasEnded = ingress;
      target.error = Errno.EPIPE;
    } else if (ingress) this.deliver(target, data);
    else if (this.transmit(target, data, undefined) < 0) psock.transmits = false;
  }
}

/** A packet from a socket. A source that can be any address is the one that leads to the target. */
function flowTo(socket: Socket, to: Endpoint, payload: Uint8Array): Flow {
  const family = socket.family === 'inet6' ? 'inet6' : 'inet';
  const target = { address: addressOf(to, family), port: to.port ?? 0 };
  const { address, port = 0 } = socket.local;
  const isAny = address?.every((byte) => byte === 0) ?? true;
  const source = { address: isAny ? target.address : (address ?? target.address), port };
  return { protocol: socket.protocol, family, source, target, payload };
}

function refuse(errno: number, socket: Socket): SyscallError {
  return new SyscallError(errno, `socket ${socket.cookie} (${socket.type}, ${socket.state})`);
}
