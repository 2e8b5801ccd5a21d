/**
 * Groups of sockets that share an address (SO_REUSEPORT), and the SK_REUSEPORT program of a group, which chooses who gets a packet
 * (net/core/sock_reuseport.c, bpf_run_sk_reuseport in net/core/filter.c). Without one, or where it chooses nobody, the packet's hash does.
 */
import { Errno } from '../../base/errno.ts';
import type { SocketChoice } from '../../helpers/index.ts';
import { ETH_HLEN, LOOPBACK_IFINDEX, SK_PASS } from '../../spec/uapi.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { PacketBuffer, type PacketSinks, SHARED_INFO_BYTES, SKB_HEADROOM } from '../packets/packet-buffer.ts';
import { type Flow, flowNumber, frameOf, networkHeaderBytes } from './flow.ts';
import type { ReuseportSockets, Socket } from './socket.ts';

const NO_DEVICES: PacketSinks = { redirect: () => undefined, cloneRedirect: () => -Errno.EINVAL };

/** Offsets in struct sk_reuseport_md. */
const ReuseportMd = {
  data: 0,
  dataEnd: 8,
  len: 16,
  ethProtocol: 20,
  ipProtocol: 24,
  bindInany: 28,
  hash: 32,
  sk: 40,
  bytes: 56,
} as const;

/** Sockets of one address, in the order in which the hash counts them. */
class ReuseportGroup implements ReuseportSockets {
  readonly hook: string;
  readonly sockets: Socket[] = [];

  constructor(id: number) {
    this.hook = `reuseport:${id}`;
  }

  add(socket: Socket): void {
    if (!this.sockets.includes(socket)) this.sockets.push(socket);
  }

  /** Takes a socket out; the last one takes its place. */
  remove(socket: Socket): void {
    const at = this.sockets.indexOf(socket);
    const last = this.sockets.pop();
    if (at >= 0 && last !== undefined && last !== socket) this.sockets[at] = last;
  }
}

/** The groups of a machine. */
export class ReuseportGroups {
  private readonly machine: Machine;
  private readonly hooks: HookTable;
  private lastId = 0;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
  }

  /** The group of a socket with SO_REUSEPORT; one of its own when it is in none yet. */
  of(socket: Socket): ReuseportSockets {
    socket.group ??= new ReuseportGroup(++this.lastId);
    return socket.group;
  }

  /** A socket can be found by its address from now on: it joins the group of another at the same address, or begins one. */
  join(socket: Socket, neighbour: Socket | undefined): void {
    if (!socket.reuseport) return;
    if (neighbour?.group !== undefined && neighbour.group !== socket.group) {
      this.leave(socket);
      socket.group = neighbour.group;
    }
    this.of(socket).add(socket);
  }

  /** A socket can be found no more; the last one takes the group's program along. */
  leave(socket: Socket): void {
    const { group } = socket;
    if (group === undefined) return;
    socket.group = undefined;
    group.remove(socket);
    if (group.sockets.length === 0) this.hooks.empty(group.hook);
  }

  /** Who of a socket's group gets a packet; undefined when the program refuses it. */
  select(socket: Socket, flow: Flow): Socket | undefined {
    const { group } = socket;
    if (group === undefined || group.sockets.length === 0) return socket;
    const hash = flowNumber(flow);
    const [place] = this.hooks.at(group.hook);
    if (place === undefined || flow.isReal === false) return byHash(group, hash);
    const { retval, choice } = this.run(place.program, socket, flow, hash);
    if (retval !== SK_PASS) return undefined;
    return (choice.socket as Socket | undefined) ?? byHash(group, hash);
  }

  private run(
    program: LoadedProgram,
    socket: Socket,
    flow: Flow,
    hash: number,
  ): { readonly retval: number; readonly choice: SocketChoice } {
    const { machine } = this;
    const { memory } = machine;
    const frame = frameOf(flow);
    const packet = new PacketBuffer(
      memory,
      'skb',
      SKB_HEADROOM + frame.length + SHARED_INFO_BYTES,
      NO_DEVICES,
    );
    const context = memory.allocate({ size: ReuseportMd.bytes, kind: 'ctx', name: 'sk_reuseport_md' });
    try {
      packet.fillSkb(frame, { ifindex: LOOPBACK_IFINDEX, queue: 0 }, false);
      const data = packet.dropHeader(networkHeaderBytes(flow));
      const end = data + frame.length - ETH_HLEN - networkHeaderBytes(flow);
      const { view } = memory;
      memory.u8.fill(0, context, context + ReuseportMd.bytes);
      view.setUint32(context + ReuseportMd.data, data, true);
      view.setUint32(context + ReuseportMd.dataEnd, end, true);
      view.setUint32(context + ReuseportMd.len, end - data, true);
      view.setUint16(context + ReuseportMd.ethProtocol, flow.family === 'inet' ? 0x0800 : 0x86dd, false);
      view.setUint32(context + ReuseportMd.ipProtocol, flow.protocol, true);
      view.setUint32(context + ReuseportMd.bindInany, isAny(socket) ? 1 : 0, true);
      view.setUint32(context + ReuseportMd.hash, hash, true);
      view.setUint32(context + ReuseportMd.sk, socket.address, true);
      const choice: SocketChoice = { socket: undefined, flags: 0 };
      const { retval } = machine.during({ packet, choice, socket }, () =>
        machine.runner.run(program, context),
      );
      return { retval, choice };
    } finally {
      packet.free();
      memory.free(context);
    }
  }
}

/** The socket at the hash's part of the group, or the next that is not connected. */
function byHash({ sockets }: ReuseportSockets, hash: number): Socket | undefined {
  const first = Math.floor((hash * sockets.length) / 0x1_0000_0000);
  const inTurn = [...sockets.slice(first), ...sockets.slice(0, first)];
  return inTurn.find(({ state }) => state !== 'established');
}

function isAny({ local }: Socket): boolean {
  return local.address?.every((byte) => byte === 0) ?? true;
}
