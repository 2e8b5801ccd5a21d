/** Sockets that programs hold: of their packet, or looked up in a map (net/core/filter.c). Here no reference to one has to be counted. */
import { type FamilyMaker, plain } from './implementation.ts';

/** Facts of sockets. */
export const socketHelpers: FamilyMaker = (runtime, result) => ({
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
