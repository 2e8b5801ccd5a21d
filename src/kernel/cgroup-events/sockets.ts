/**
 * Events about sockets and their packets: made, bound, released (programs see struct bpf_sock), a packet on its way in or out (struct
 * __sk_buff, from the network header on). kernel/bpf/cgroup.c: __cgroup_bpf_run_filter_sk and _skb.
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import { BpfAttachType as A } from '../../spec/index.ts';
import { ETH_HLEN } from '../../spec/uapi.ts';
import {
  type Arrival,
  PacketBuffer,
  type PacketSinks,
  SHARED_INFO_BYTES,
  SKB_HEADROOM,
  SkBuff,
} from '../packets/packet-buffer.ts';
import type { Socket } from '../sockets/socket.ts';
import { BPF_SOCK_BYTES, writeAddresses } from '../sockets/socket-image.ts';
import { type CgroupAnswer, type CgroupRunner, isError } from './run.ts';

/** Bit of what an egress program returns, shifted: congestion. */
const SET_CN = 1;
const NET_XMIT_DROP = 1;
/** Sent, but there is congestion (include/linux/netdevice.h). */
export const NET_XMIT_CN = 2;

/** What happens to a socket: it is made, released, or was bound. */
export type SocketEvent = 'create' | 'release' | 'post_bind';

/** Runs the programs for an event of a socket, which may change its mark, priority and device when it is made. */
export function runSocketEvent(runner: CgroupRunner, event: SocketEvent, socket: Socket): CgroupAnswer {
  if (socket.family !== 'inet' && socket.family !== 'inet6') return { retval: 0, flags: 0, runs: [] };
  const { memory } = runner.machine;
  const attachType = attachTypeOf(event, socket);
  memory.setAccess(socket.address, BPF_SOCK_BYTES, 'readwrite');
  try {
    return runner.run({ cgroup: socket.cgroup, attachType, context: socket.address });
  } finally {
    memory.setAccess(socket.address, BPF_SOCK_BYTES, 'read');
  }
}

function attachTypeOf(event: SocketEvent, { family }: Socket): number {
  switch (event) {
    case 'create':
      return A.BPF_CGROUP_INET_SOCK_CREATE;
    case 'release':
      return A.BPF_CGROUP_INET_SOCK_RELEASE;
    case 'post_bind':
      return family === 'inet' ? A.BPF_CGROUP_INET4_POST_BIND : A.BPF_CGROUP_INET6_POST_BIND;
  }
}

/** What came of a packet. */
export interface PacketAnswer extends CgroupAnswer {
  /** The packet as programs left it, link header included. */
  readonly frame: Uint8Array;
}

/**
 * Runs the programs for a packet of a socket. On the way out the answer is 0, NET_XMIT_DROP (1), NET_XMIT_CN (2) or a negative errno.
 * @param frame The packet from its Ethernet header on.
 * @throws UsageError for frames without an Ethernet header.
 */
export function runPacketEvent(
  runner: CgroupRunner,
  direction: 'ingress' | 'egress',
  socket: Socket,
  frame: Uint8Array,
  arrival: Arrival,
): PacketAnswer {
  if (frame.length < ETH_HLEN)
    throw new UsageError('short-frame', `a frame has at least ${ETH_HLEN} bytes, not ${frame.length}`);
  const attachType = direction === 'egress' ? A.BPF_CGROUP_INET_EGRESS : A.BPF_CGROUP_INET_INGRESS;
  const isIp = socket.family === 'inet' || socket.family === 'inet6';
  if (!isIp || !runner.hasPrograms(socket.cgroup, attachType))
    return { retval: 0, flags: 0, runs: [], frame };
  const room = SKB_HEADROOM + frame.length + SHARED_INFO_BYTES;
  const packet = new PacketBuffer(runner.machine.memory, 'skb', room, NOWHERE);
  try {
    packet.socket = socket;
    packet.fillSkb(frame, arrival, false);
    writeAddresses(runner.machine.memory, packet.context + SkBuff.family, socket);
    const isEgress = direction === 'egress';
    const answer = runner.run({
      cgroup: socket.cgroup,
      attachType,
      context: packet.context,
      hasFlags: isEgress,
      situation: { packet },
    });
    const out = new Uint8Array(frame);
    out.set(packet.frame(), ETH_HLEN);
    return { ...answer, retval: isEgress ? outcome(answer) : errorOf(answer.retval), frame: out };
  } finally {
    packet.free();
  }
}

/** An answer that is no error number is a broken one. */
function errorOf(retval: number): number {
  return retval !== 0 && !isError(retval) ? -Errno.EFAULT : retval;
}

function outcome({ retval, flags }: CgroupAnswer): number {
  const error = errorOf(retval);
  if ((flags & SET_CN) === 0) return error;
  return error === 0 ? NET_XMIT_CN : NET_XMIT_DROP;
}

/** Programs of cgroups cannot send packets elsewhere. */
const NOWHERE: PacketSinks = {
  redirect: () => undefined,
  cloneRedirect: () => -Errno.EINVAL,
};
