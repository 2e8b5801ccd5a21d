/**
 * BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: the sockets of a SO_REUSEPORT group by index, for programs that choose which of them gets a packet. A
 * socket is in one such map at most and leaves it when it is closed (kernel/bpf/reuseport_array.c).
 */
import { Errno } from '../../base/errno.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../spec/uapi.ts';
import { BPF_EXIST, BPF_NOEXIST, unknownPlainUpdateFlags } from '../flags.ts';
import type { SocketRef } from '../ports.ts';
import { COOKIE_BYTES, SocketArrayMap } from '../slots/socket-array.ts';
import { socketEntry } from '../slots/socket-entry.ts';
import { descriptorIn } from '../slots/socket-rules.ts';
import { userWord } from '../values/copy.ts';

/** Sockets of groups by index. */
export class ReuseportSockArrayMap extends SocketArrayMap {
  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const wide = this.attr.valueSize === COOKIE_BYTES;
    const fd = wide ? descriptorIn(value, COOKIE_BYTES) : userWord(value, 0) | 0;
    if (wide && fd < 0) return fd;
    const socket = this.env.socketByFd?.(fd) ?? -Errno.EBADF;
    if (typeof socket === 'number') return socket;
    const refused = this.refuse(index, socket, flags);
    if (refused !== 0) return refused;
    socket.userData = this;
    const entry = socketEntry(
      socket,
      () => this.clear(index),
      () => {
        socket.userData = undefined;
      },
    );
    this.set(index, entry);
    return 0;
  }

  protected deleteSlot(index: number): number {
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    return this.clear(index) ? 0 : -Errno.ENOENT;
  }

  /** reuseport_array_update_check. */
  private refuse(index: number, socket: SocketRef, flags: number): number {
    const old = this.at(index);
    if (old !== undefined && flags === BPF_NOEXIST) return -Errno.EEXIST;
    if (old === undefined && flags === BPF_EXIST) return -Errno.ENOENT;
    const { family, type, protocol } = socket;
    const known =
      (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) &&
      (family === 'inet' || family === 'inet6') &&
      type !== 'raw';
    if (!known) return -Errno.ENOTSUPP;
    if (!socket.hashed || !socket.reuseport) return -Errno.EINVAL;
    return socket.userData === undefined ? 0 : -Errno.EBUSY;
  }
}
