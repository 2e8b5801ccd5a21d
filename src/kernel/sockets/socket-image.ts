/**
 * How programs see a socket: struct bpf_sock, and the addresses that struct bpf_sock_ops, sk_msg_md and __sk_buff show of it
 * (include/uapi/linux/bpf.h, the convert_ctx_access functions of net/core/filter.c).
 */
import type { SocketRef } from '../../maps/index.ts';
import type { Memory } from '../../vm/index.ts';

/** Address families and socket types by their numbers (include/linux/socket.h, include/linux/net.h). */
const FAMILIES = { unspec: 0, unix: 1, inet: 2, inet6: 10, netlink: 16, xdp: 44 } as const;
const TYPES = { none: 0, stream: 1, dgram: 2, raw: 3 } as const;
/** TCP_* states (include/net/tcp_states.h). */
const STATES = {
  established: 1,
  'syn-sent': 2,
  'syn-received': 3,
  'fin-wait-1': 4,
  'fin-wait-2': 5,
  close: 7,
  'close-wait': 8,
  'last-ack': 9,
  listen: 10,
} as const;

/** Offsets in struct bpf_sock; addresses and the destination port are in network order. */
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
} as const;

/** sizeof(struct bpf_sock). */
export const BPF_SOCK_BYTES = 80;

/** Offsets of a socket's addresses in contexts, counted from the member `family`. Ports: the remote one in network order, in 32 bits. */
const Addresses = {
  family: 0,
  remoteIp4: 4,
  localIp4: 8,
  remoteIp6: 12,
  localIp6: 28,
  remotePort: 44,
  localPort: 48,
} as const;

/** An endpoint: an address of 4 or 16 bytes in network order, and a port. */
export interface Endpoint {
  readonly address?: Uint8Array;
  readonly port?: number;
}

/** What programs see of a socket. */
export interface SocketFacts {
  readonly family: SocketRef['family'];
  readonly type: SocketRef['type'];
  readonly protocol: number;
  readonly state: SocketRef['state'];
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** The members that programs of cgroups may change: mark, priority, and the device that it is bound to. */
export type SocketKnob = 'mark' | 'priority' | 'boundDevIf';

/** The number in a knob. */
export function readKnob(memory: Memory, at: number, knob: SocketKnob): number {
  return memory.view.getUint32(at + BpfSock[knob], true);
}

/** Changes the number in a knob. */
export function writeKnob(memory: Memory, at: number, knob: SocketKnob, value: number): void {
  memory.view.setUint32(at + BpfSock[knob], value, true);
}

/** The number of a family. */
export function familyNumber(family: SocketRef['family']): number {
  return FAMILIES[family];
}

/** The number of a type. */
export function typeNumber(type: SocketRef['type']): number {
  return TYPES[type];
}

/** The number of a socket's state. */
export function stateNumber(state: SocketRef['state']): number {
  return STATES[state];
}

/** Writes a socket's struct bpf_sock, but for what programs may have changed. */
export function writeBpfSock(memory: Memory, at: number, socket: SocketFacts): void {
  const { view } = memory;
  const { local, remote } = socket;
  view.setUint32(at + BpfSock.family, FAMILIES[socket.family], true);
  view.setUint32(at + BpfSock.type, TYPES[socket.type], true);
  view.setUint32(at + BpfSock.protocol, socket.protocol, true);
  memory.u8.fill(0, at + BpfSock.srcIp4, at + BPF_SOCK_BYTES);
  writeAddress(memory, at + BpfSock.srcIp4, at + BpfSock.srcIp6, local.address);
  view.setUint32(at + BpfSock.srcPort, local.port ?? 0, true);
  view.setUint16(at + BpfSock.dstPort, remote.port ?? 0, false);
  writeAddress(memory, at + BpfSock.dstIp4, at + BpfSock.dstIp6, remote.address);
  view.setUint32(at + BpfSock.state, STATES[socket.state], true);
  view.setInt32(at + BpfSock.rxQueue, -1, true);
}

/** Writes a socket's family, addresses and ports, which begin with the member `family` in all contexts that have them. */
export function writeAddresses(
  memory: Memory,
  at: number,
  { family, local, remote }: Pick<SocketFacts, 'family' | 'local' | 'remote'>,
): void {
  const { view } = memory;
  view.setUint32(at + Addresses.family, FAMILIES[family], true);
  writeAddress(memory, at + Addresses.remoteIp4, at + Addresses.remoteIp6, remote.address);
  writeAddress(memory, at + Addresses.localIp4, at + Addresses.localIp6, local.address);
  view.setUint32(at + Addresses.remotePort, remote.port ?? 0, false);
  view.setUint32(at + Addresses.localPort, local.port ?? 0, true);
}

/** Writes an address where those of its length belong. */
export function writeAddress(
  memory: Memory,
  at4: number,
  at6: number,
  address: Uint8Array | undefined,
): void {
  if (address !== undefined) memory.u8.set(address.subarray(0, 16), address.length === 4 ? at4 : at6);
}
