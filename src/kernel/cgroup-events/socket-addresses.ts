/**
 * Events about addresses of sockets: connect, bind, sendmsg, recvmsg, getpeername, getsockname. Programs see struct bpf_sock_addr and may change
 * the address (__cgroup_bpf_run_filter_sock_addr in kernel/bpf/cgroup.c, sock_addr_convert_ctx_access in net/core/filter.c).
 */
import { BpfAttachType as A } from '../../spec/index.ts';
import type { Socket } from '../sockets/socket.ts';
import type { Endpoint } from '../sockets/socket-image.ts';
import type { CgroupAnswer, CgroupRunner } from './run.ts';

/** What happens to a socket's address. */
export type AddressEvent = 'bind' | 'connect' | 'sendmsg' | 'recvmsg' | 'getpeername' | 'getsockname';

/** Attach types of an event, for sockets of IPv4, IPv6 and AF_UNIX; bind has none for the latter. */
const ATTACH_TYPES: Readonly<Record<AddressEvent, readonly [inet: number, inet6: number, unix?: number]>> = {
  bind: [A.BPF_CGROUP_INET4_BIND, A.BPF_CGROUP_INET6_BIND],
  connect: [A.BPF_CGROUP_INET4_CONNECT, A.BPF_CGROUP_INET6_CONNECT, A.BPF_CGROUP_UNIX_CONNECT],
  sendmsg: [A.BPF_CGROUP_UDP4_SENDMSG, A.BPF_CGROUP_UDP6_SENDMSG, A.BPF_CGROUP_UNIX_SENDMSG],
  recvmsg: [A.BPF_CGROUP_UDP4_RECVMSG, A.BPF_CGROUP_UDP6_RECVMSG, A.BPF_CGROUP_UNIX_RECVMSG],
  getpeername: [
    A.BPF_CGROUP_INET4_GETPEERNAME,
    A.BPF_CGROUP_INET6_GETPEERNAME,
    A.BPF_CGROUP_UNIX_GETPEERNAME,
  ],
  getsockname: [
    A.BPF_CGROUP_INET4_GETSOCKNAME,
    A.BPF_CGROUP_INET6_GETSOCKNAME,
    A.BPF_CGROUP_UNIX_GETSOCKNAME,
  ],
};

/** Offsets in struct bpf_sock_addr; addresses and the port are in network order. */
const SockAddr = {
  userFamily: 0,
  userIp4: 4,
  userIp6: 8,
  userPort: 24,
  family: 28,
  type: 32,
  protocol: 36,
  sourceIp4: 40,
  sourceIp6: 44,
  sk: 64,
  bytes: 72,
} as const;

/** Where a struct bpf_sock has what struct bpf_sock_addr repeats: family, type, protocol. */
const SOCK_FACTS = 4;
const SOCK_FACTS_BYTES = 12;

/** What came of it; `endpoint` is the address as programs left it. */
export interface AddressAnswer extends CgroupAnswer {
  readonly endpoint: Required<Endpoint>;
  /** sendmsg: the source address as programs left it; undefined when there is none. */
  readonly source?: Uint8Array;
}

/** Runs the programs for an event of a socket. `source`: sendmsg, the address that it is sent from. */
export function runAddressEvent(
  runner: CgroupRunner,
  event: AddressEvent,
  socket: Socket,
  endpoint: Endpoint,
  source?: Uint8Array,
): AddressAnswer {
  const { memory } = runner.machine;
  const isV6 = socket.family === 'inet6';
  const addressBytes = isV6 ? 16 : 4;
  const given = { address: endpoint.address ?? new Uint8Array(addressBytes), port: endpoint.port ?? 0 };
  const attachType = attachTypeOf(event, socket);
  if (attachType === undefined || !runner.hasPrograms(socket.cgroup, attachType))
    return { retval: 0, flags: 0, runs: [], endpoint: given };
  const context = memory.allocate({ size: SockAddr.bytes, kind: 'ctx', name: 'bpf_sock_addr' });
  const [userAt, sourceAt] = isV6
    ? [context + SockAddr.userIp6, context + SockAddr.sourceIp6]
    : [context + SockAddr.userIp4, context + SockAddr.sourceIp4];
  try {
    memory.u8.copyWithin(
      context + SockAddr.family,
      socket.address + SOCK_FACTS,
      socket.address + SOCK_FACTS + SOCK_FACTS_BYTES,
    );
    memory.u8.copyWithin(
      context + SockAddr.userFamily,
      context + SockAddr.family,
      context + SockAddr.family + 4,
    );
    memory.writeBytes(userAt, given.address.subarray(0, addressBytes));
    memory.view.setUint16(context + SockAddr.userPort, given.port, false);
    if (source !== undefined) memory.writeBytes(sourceAt, source.subarray(0, addressBytes));
    memory.view.setBigUint64(context + SockAddr.sk, BigInt(socket.address), true);
    const answer = runner.run({ cgroup: socket.cgroup, attachType, context, hasFlags: event === 'bind' });
    return {
      ...answer,
      endpoint: {
        address: memory.readBytes(userAt, addressBytes),
        port: memory.view.getUint16(context + SockAddr.userPort, false),
      },
      ...(source === undefined ? {} : { source: memory.readBytes(sourceAt, addressBytes) }),
    };
  } finally {
    memory.free(context);
  }
}

function attachTypeOf(event: AddressEvent, { family }: Socket): number | undefined {
  const types = ATTACH_TYPES[event];
  switch (family) {
    case 'inet':
      return types[0];
    case 'inet6':
      return types[1];
    case 'unix':
      return types[2];
    case 'xdp':
    case 'netlink':
    case 'unspec':
      return undefined;
  }
}
