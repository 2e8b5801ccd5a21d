/**
 * BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: the sockets of a SO_REUSEPORT group by index, for programs that choose which of them gets a packet. A
 * socket is in one such map at most and leaves it when it is closed (kernel/bpf/reuseport_array.c).
 */
import { Errno } from '../base/errno.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../spec/uapi.ts';
import { loadWord, userWord } from './copy.ts';
import { BPF_EXIST, BPF_NOEXIST, unknownPlainUpdateFlags } from './flags.ts';
import type { SocketSlots } from './map.ts';
import type { SocketRef } from './ports.ts';
import { SlotArrayMap } from './slot-array.ts';
import { type SocketEntry, socketEntry, writeCookie } from './socket-entry.ts';
import { descriptorIn } from './socket-rules.ts';

const COOKIE_BYTES = 8;

export class ReuseportSockArrayMap extends SlotArrayMap<SocketEntry> implements SocketSlots {
  readonly sockets: SocketSlots = this;

  socketAt(key: number): SocketRef | undefined {
    return this.at(loadWord(this.owner.memory, key))?.socket;
  }

  /** Cookies need the larger of the two value sizes. */
  protected override refuseRead(): number {
    return this.attr.valueSize === COOKIE_BYTES ? 0 : -Errno.ENOSPC;
  }

  protected addressOf(entry: SocketEntry): number {
    return entry.socket.address;
  }

  protected readEntry(entry: SocketEntry, value: Uint8Array): number {
    writeCookie(entry.socket, value);
    return 0;
  }

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
