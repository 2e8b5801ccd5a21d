/**
 * SOCK_OPS programs: what a cgroup's programs are told of its TCP connections, and when (tcp_call_bpf in include/net/tcp.h and its callers). Numbers
 * of TCP's engine, such as windows and times, are 0: nothing of it is simulated. What programs answer has no effect, as it would be on those.
 */
import { BpfAttachType } from '../../spec/index.ts';
import type { CgroupRunner } from '../cgroup-events/run.ts';
import type { Socket } from './socket.ts';
import { type Endpoint, stateNumber, writeAddresses } from './socket-image.ts';

/** BPF_SOCK_OPS_* of include/uapi/linux/bpf.h. */
const Op = {
  timeoutInit: 1,
  rwndInit: 2,
  tcpConnect: 3,
  activeEstablished: 4,
  passiveEstablished: 5,
  needsEcn: 6,
  state: 10,
  tcpListen: 11,
} as const;

/** BPF_SOCK_OPS_STATE_CB_FLAG. */
const STATE_CB_FLAG = 1 << 2;
/** TCP_NEW_SYN_RECV: the state of a connection that is asked for. */
const NEW_SYN_RECV = 12;

/** Offsets in struct bpf_sock_ops. */
const SockOps = {
  op: 0,
  args: 4,
  family: 20,
  isFullsock: 72,
  cbFlags: 84,
  state: 88,
  sk: 184,
  bytes: 224,
} as const;

/** A connection that a listener was asked for; there is no socket of it yet. */
export interface ConnectionRequest {
  readonly listener: Socket;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** Tells SOCK_OPS programs of events of connections. */
export class SockOpsEvents {
  private readonly runner: CgroupRunner;

  constructor(runner: CgroupRunner) {
    this.runner = runner;
  }

  /** A socket begins to listen. */
  listens(socket: Socket): void {
    this.fire(socket, Op.tcpListen);
  }

  /** A socket is about to connect. */
  connects(socket: Socket): void {
    for (const op of [Op.tcpConnect, Op.rwndInit, Op.timeoutInit, Op.needsEcn]) this.fire(socket, op);
  }

  /** A listener was asked for a connection. */
  requested(request: ConnectionRequest): void {
    for (const op of [Op.rwndInit, Op.timeoutInit, Op.needsEcn]) this.fireRequest(request, op);
  }

  /** The connection is there, at the side that asked for it. */
  established(socket: Socket): void {
    this.fire(socket, Op.activeEstablished);
  }

  /** The same at the other side. */
  accepted(socket: Socket): void {
    this.fire(socket, Op.passiveEstablished);
  }

  /** Changes a socket's state; programs that want to know are told ahead of it. */
  changeState(socket: Socket, state: Socket['state']): void {
    if ((socket.callbackFlags & STATE_CB_FLAG) !== 0)
      this.fire(socket, Op.state, [stateNumber(socket.state), stateNumber(state)]);
    socket.change({ state });
  }

  private fire(socket: Socket, op: number, args: readonly number[] = []): void {
    this.inContext(socket, (context) => {
      const { view } = this.runner.machine.memory;
      view.setUint32(context + SockOps.op, op, true);
      args.forEach((value, i) => {
        view.setUint32(context + SockOps.args + 4 * i, value, true);
      });
      writeAddresses(this.runner.machine.memory, context + SockOps.family, socket);
      view.setUint32(context + SockOps.isFullsock, 1, true);
      view.setUint32(context + SockOps.cbFlags, socket.callbackFlags, true);
      view.setUint32(context + SockOps.state, stateNumber(socket.state), true);
      view.setUint32(context + SockOps.sk, socket.address, true);
    });
  }

  private fireRequest({ listener, local, remote }: ConnectionRequest, op: number): void {
    this.inContext(listener, (context) => {
      const { memory } = this.runner.machine;
      memory.view.setUint32(context + SockOps.op, op, true);
      writeAddresses(memory, context + SockOps.family, { family: listener.family, local, remote });
      memory.view.setUint32(context + SockOps.state, NEW_SYN_RECV, true);
    });
  }

  private inContext(socket: Socket, fill: (context: number) => void): void {
    const { runner } = this;
    const attachType = BpfAttachType.BPF_CGROUP_SOCK_OPS;
    if (!runner.hasPrograms(socket.cgroup, attachType)) return;
    const { memory } = runner.machine;
    const context = memory.allocate({ size: SockOps.bytes, kind: 'ctx', name: 'bpf_sock_ops' });
    try {
      memory.u8.fill(0, context, context + SockOps.bytes);
      fill(context);
      runner.run({ cgroup: socket.cgroup, attachType, context, situation: { socket } });
    } finally {
      memory.free(context);
    }
  }
}
