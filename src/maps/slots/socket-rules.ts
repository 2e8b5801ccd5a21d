/**
 * Which sockets SOCKMAP and SOCKHASH take, how user space names them, and what it reads of them (net/core/sock_map.c).
 */
import { Errno } from '../../base/errno.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../spec/uapi.ts';
import { BPF_EXIST, BPF_NOEXIST } from '../flags.ts';
import type { MapEnv } from '../map.ts';
import type { SocketRef } from '../ports.ts';
import { userWord } from '../values/copy.ts';

/** The descriptor in a value of 4 or 8 bytes, -EINVAL when it is above INT_MAX. */
export function descriptorIn(value: Uint8Array, valueSize: number): number {
  const low = userWord(value, 0);
  const high = valueSize > 4 ? userWord(value, 4) : 0;
  return high !== 0 || low > 0x7fffffff ? -Errno.EINVAL : low;
}

/**
 * Whether socket maps can hold a socket of this kind at all: where sockmap knows how to put itself between a socket and its protocol
 * (sk_prot->psock_update_sk_prot).
 */
export function isSuitable({ family, type, protocol }: SocketRef): boolean {
  switch (family) {
    case 'inet':
    case 'inet6':
      return (
        (type === 'stream' && protocol === IPPROTO_TCP) || (type === 'dgram' && protocol === IPPROTO_UDP)
      );
    case 'unix':
      return type !== 'raw';
    case 'xdp':
    case 'netlink':
    case 'unspec':
      return false;
  }
}

/** sock_map_sk_state_allowed. */
function stateAllowed({ family, type, state, hashed }: SocketRef): boolean {
  if (family === 'unix') return type !== 'stream' || state === 'established';
  return type === 'stream' ? state === 'established' || state === 'listen' : hashed;
}

/** Whether data can be sent on through a socket of a map (sock_map_redirect_allowed). */
export function mayRedirectTo({ family, type, state }: SocketRef): boolean {
  const isTcp = family !== 'unix' && type === 'stream';
  return isTcp ? state !== 'listen' : state === 'established';
}

/** What the update flags make of an entry that is there or not: 0, -EEXIST or -ENOENT. */
export function refuseEntry(isThere: boolean, flags: number): number {
  if (isThere && flags === BPF_NOEXIST) return -Errno.EEXIST;
  return !isThere && flags === BPF_EXIST ? -Errno.ENOENT : 0;
}

/** 0 when a socket may be in a SOCKMAP or SOCKHASH, else -EOPNOTSUPP. */
function refuseSocket(socket: SocketRef): number {
  return isSuitable(socket) && stateAllowed(socket) ? 0 : -Errno.EOPNOTSUPP;
}

/** The socket that a user's value names, when it may be in a map; else a negative errno. */
export function socketOfValue(env: MapEnv, value: Uint8Array, valueSize: number): SocketRef | number {
  const fd = descriptorIn(value, valueSize);
  if (fd < 0) return fd;
  const socket = env.socketByFd?.(fd) ?? -Errno.EBADF;
  if (typeof socket === 'number') return socket;
  const refused = refuseSocket(socket);
  return refused === 0 ? socket : refused;
}

/** The socket that a program holds at an address, when it may be in a map; else a negative errno (sock_map_update_elem). */
export function heldSocket(env: MapEnv, address: number): SocketRef | number {
  const socket = env.socketAt?.(address);
  if (socket === undefined) return -Errno.EINVAL;
  const refused = refuseSocket(socket);
  return refused === 0 ? socket : refused;
}
