/** Sockets that programs hold: of their packet, or looked up in a map (net/core/filter.c). Here no reference to one has to be counted. */
import { IPPROTO_TCP, IPPROTO_UDP } from '../spec/uapi.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import type { HelperRuntime } from './runtime.ts';

/** Looking sockets up, giving them back, and what is known of them. */
export const socketHelpers: FamilyMaker = (runtime, result) => ({
  bpf_sk_lookup_tcp: plain((_context, tuple, size, netnsLo, netnsHi, flagsLo, flagsHi) =>
    lookUp(runtime, IPPROTO_TCP, tuple >>> 0, size >>> 0, [netnsLo, netnsHi, flagsLo, flagsHi]),
  ),
  bpf_skc_lookup_tcp: plain((_context, tuple, size, netnsLo, netnsHi, flagsLo, flagsHi) =>
    lookUp(runtime, IPPROTO_TCP, tuple >>> 0, size >>> 0, [netnsLo, netnsHi, flagsLo, flagsHi]),
  ),
  bpf_sk_lookup_udp: plain((_context, tuple, size, netnsLo, netnsHi, flagsLo, flagsHi) =>
    lookUp(runtime, IPPROTO_UDP, tuple >>> 0, size >>> 0, [netnsLo, netnsHi, flagsLo, flagsHi]),
  ),
  bpf_get_listener_sock: plain((address) =>
    runtime.socketAt(address >>> 0)?.state === 'listen' ? address : 0,
  ),
  bpf_sk_release: plain(() => 0),
  // Request and timewait sockets, which are not full ones, are not simulated.
  bpf_sk_fullsock: plain((socket) => socket),
  // Some programs give the socket, others the context of an event that is about one.
  bpf_get_socket_cookie: plain((given) => {
    const socket = runtime.socketAt(given >>> 0) ?? runtime.packet()?.socket ?? runtime.eventSocket();
    const cookie = socket?.cookie ?? 0;
    result.high = Math.floor(cookie / 0x1_0000_0000) | 0;
    return cookie | 0;
  }),
});

/** Address of the socket that a packet would go to, 0 when there is none. Of other network namespaces than the current one there are none. */
function lookUp(
  runtime: HelperRuntime,
  protocol: number,
  tuple: number,
  size: number,
  [netnsLo = 0, , flagsLo = 0, flagsHi = 0]: readonly number[],
): number {
  if (netnsLo >= 0 || (flagsLo | flagsHi) !== 0) return 0;
  return runtime.findSocket(protocol, runtime.memory.readBytes(tuple, size))?.address ?? 0;
}
