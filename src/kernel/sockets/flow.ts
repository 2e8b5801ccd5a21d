/** A packet that a socket is looked for, and its bytes as they would be on the loopback device. */
import { ethernet, ipv4, ipv6, packet, tcp, udp } from '../../net/index.ts';
import { ETH_HLEN, IPPROTO_TCP } from '../../spec/uapi.ts';
import type { Endpoint } from './socket-image.ts';

const NOWHERE = '00:00:00:00:00:00';
/** What Linux asks for with the first segment: segment size, selective acknowledgements, timestamps, window scale. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 0xff, 0xd7, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7);
/** Where TCP's header says how long it is. */
const TCP_OFFSET_AT = 12;

/** An endpoint with all that it has. */
export type FullEndpoint = Required<Endpoint>;

/** A segment that asks for a connection, or a datagram. */
export interface Flow {
  readonly protocol: number;
  readonly family: 'inet' | 'inet6';
  readonly source: FullEndpoint;
  readonly target: FullEndpoint;
  /** False for what programs ask about: there is no packet. */
  readonly isReal?: boolean;
  /** The datagram's content. */
  readonly payload: Uint8Array;
}

/** A flow by struct bpf_sock_tuple: source and target address, source and target port; undefined when it is neither IPv4's nor IPv6's. */
export function flowOf(protocol: number, tuple: Uint8Array): Flow | undefined {
  const family = tuple.length === 12 ? 'inet' : tuple.length === 36 ? 'inet6' : undefined;
  if (family === undefined) return undefined;
  const bytes = (tuple.length - 4) / 2;
  const port = (at: number): number => (tuple[at]! << 8) | tuple[at + 1]!;
  const source = { address: tuple.slice(0, bytes), port: port(2 * bytes) };
  const target = { address: tuple.slice(bytes, 2 * bytes), port: port(2 * bytes + 2) };
  return { protocol, family, source, target, payload: new Uint8Array(0) };
}

/** Bytes of the headers ahead of TCP's or UDP's, the Ethernet header not counted. */
export function networkHeaderBytes({ family }: Flow): number {
  return family === 'inet' ? 20 : 40;
}

/** The frame. Checksums of what loops back are not computed. */
export function frameOf(flow: Flow): Uint8Array {
  const { protocol, family, source, target, payload } = flow;
  const ends = { src: textOf(source.address), dst: textOf(target.address) };
  const network = family === 'inet' ? ipv4(ends) : ipv6(ends);
  const link = ethernet({ src: NOWHERE, dst: NOWHERE });
  const ports = { sport: source.port, dport: target.port };
  if (protocol !== IPPROTO_TCP) return packet(link, network, udp({ ...ports, checksum: 0 }), payload);
  const frame = packet(link, network, tcp({ ...ports, flags: ['syn'], checksum: 0 }), SYN_OPTIONS);
  frame[ETH_HLEN + networkHeaderBytes(flow) + TCP_OFFSET_AT] = 10 << 4;
  return frame;
}

/** A number that is the same for all packets of a flow and spreads flows, as the kernel's hash with its random seed does. */
export function flowNumber({ source, target }: Flow): number {
  let hash = 0x811c9dc5;
  const mix = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (const { address, port } of [source, target]) {
    for (const byte of address) mix(byte);
    mix(port & 0xff);
    mix(port >>> 8);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}

function textOf(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  );
  return groups.join(':');
}
