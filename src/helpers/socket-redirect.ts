/**
 * Redirection of data between the sockets of a SOCKMAP or SOCKHASH: bpf_sk_redirect_map and _hash for SK_SKB programs, bpf_msg_redirect_map
 * and _hash for SK_MSG programs (net/core/sock_map.c). The choice counts when the program returns SK_PASS.
 */
import { mayRedirectTo, type SocketRef, type SocketSlots } from '../maps/index.ts';
import { BPF_F_INGRESS, SK_DROP, SK_PASS } from '../spec/uapi.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** Redirecting to sockets of maps, and putting sockets into maps. */
export const socketRedirectHelpers: FamilyMaker = (runtime) => {
  const slotsOf = (helper: string, address: number): SocketSlots => {
    const map = needMap(runtime, helper, address);
    if (map.sockets === undefined) throw unsupported(map, helper);
    return map.sockets;
  };

  const choose = (
    helper: string,
    socket: SocketRef | undefined,
    flagsLo: number,
    flagsHi: number,
  ): number => {
    if ((flagsLo & ~BPF_F_INGRESS) !== 0 || flagsHi !== 0) return SK_DROP;
    if (socket === undefined || !mayRedirectTo(socket)) return SK_DROP;
    const choice = runtime.socketChoice();
    if (choice === undefined) {
      const { name } = runtime.runningProgram();
      throw new HelperFault(
        'helper-no-packet',
        `${helper} needs data to redirect; program '${name}' has none`,
      );
    }
    choice.socket = socket;
    choice.flags = flagsLo;
    return SK_PASS;
  };

  /** Data that is sent out of a socket, not into it, must be a TCP socket's. */
  const isSender = (socket: SocketRef, flagsLo: number): boolean =>
    (flagsLo & BPF_F_INGRESS) !== 0 || (socket.type === 'stream' && socket.family !== 'unix');

  const forMessage = (socket: SocketRef | undefined, flagsLo: number): SocketRef | undefined =>
    socket !== undefined && isSender(socket, flagsLo) ? socket : undefined;

  return {
    bpf_sk_redirect_map: plain((_context, map, index, _indexHi, flagsLo, flagsHi) => {
      const socket = slotsOf('bpf_sk_redirect_map', map).socketIn?.(index >>> 0);
      return choose('bpf_sk_redirect_map', socket, flagsLo, flagsHi);
    }),

    bpf_sk_redirect_hash: plain((_context, map, key, flagsLo, flagsHi) => {
      const socket = slotsOf('bpf_sk_redirect_hash', map).socketAt(key >>> 0);
      return choose('bpf_sk_redirect_hash', socket, flagsLo, flagsHi);
    }),

    bpf_msg_redirect_map: plain((_context, map, index, _indexHi, flagsLo, flagsHi) => {
      const socket = forMessage(slotsOf('bpf_msg_redirect_map', map).socketIn?.(index >>> 0), flagsLo);
      return choose('bpf_msg_redirect_map', socket, flagsLo, flagsHi);
    }),

    bpf_msg_redirect_hash: plain((_context, map, key, flagsLo, flagsHi) => {
      const socket = forMessage(slotsOf('bpf_msg_redirect_hash', map).socketAt(key >>> 0), flagsLo);
      return choose('bpf_msg_redirect_hash', socket, flagsLo, flagsHi);
    }),
  };
};
