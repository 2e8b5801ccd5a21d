/** What SOCK_OPS programs do with the socket that they are told about (net/core/sock_map.c, net/core/filter.c). */
import { Errno } from '../base/errno.ts';
import { isSuitable } from '../maps/index.ts';
import { type FamilyMaker, plain, unsigned64 } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** The events at which a socket can be put in a map: BPF_SOCK_OPS_ACTIVE_ and PASSIVE_ESTABLISHED_CB, TCP_LISTEN_CB. */
const MAP_EVENTS: readonly number[] = [4, 5, 11];
/** BPF_SOCK_OPS_ALL_CB_FLAGS. */
const KNOWN_CALLBACKS = 0x7f;
/** Offsets in struct bpf_sock_ops. */
const IS_FULLSOCK = 72;
const CALLBACK_FLAGS = 84;

/** What SOCK_OPS programs may do with their connection. */
export const sockOpsHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;

  const update = (helper: string, context: number, map: number, key: number, flags: number): number => {
    const target = needMap(runtime, helper, map);
    const { sockets } = target;
    if (sockets?.put === undefined) throw unsupported(target, helper);
    const socket = runtime.eventSocket();
    const event = memory.view.getUint32(context, true);
    if (socket === undefined || !isSuitable(socket) || !MAP_EVENTS.includes(event)) return -Errno.EOPNOTSUPP;
    return sockets.put(key >>> 0, socket, flags);
  };

  return {
    bpf_sock_map_update: plain((context, map, key, flagsLo, flagsHi) =>
      update('bpf_sock_map_update', context >>> 0, map, key, unsigned64(flagsLo, flagsHi)),
    ),

    bpf_sock_hash_update: plain((context, map, key, flagsLo, flagsHi) =>
      update('bpf_sock_hash_update', context >>> 0, map, key, unsigned64(flagsLo, flagsHi)),
    ),

    // Gives the flags that are not known.
    bpf_sock_ops_cb_flags_set: plain((context, flags) => {
      const socket = runtime.eventSocket();
      const isFull = memory.view.getUint32((context >>> 0) + IS_FULLSOCK, true) !== 0;
      if (socket === undefined || !isFull) return -Errno.EINVAL;
      socket.callbackFlags = flags & KNOWN_CALLBACKS;
      memory.view.setUint32((context >>> 0) + CALLBACK_FLAGS, socket.callbackFlags, true);
      return flags & ~KNOWN_CALLBACKS;
    }),
  };
};
