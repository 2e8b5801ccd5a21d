/**
 * BPF_MAP_TYPE_XSKMAP: AF_XDP sockets by index, to which XDP programs redirect packets. A socket leaves the map when it is closed
 * (net/xdp/xskmap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_EXIST, BPF_NOEXIST, unknownPlainUpdateFlags } from '../flags.ts';
import type { RedirectTarget, RedirectTargets } from '../map.ts';
import type { SocketRef } from '../ports.ts';
import { SlotArrayMap } from '../slots/slot-array.ts';
import { type SocketEntry, socketEntry } from '../slots/socket-entry.ts';
import { userWord } from '../values/copy.ts';

/** AF_XDP sockets by index, to redirect XDP packets to. */
export class XskMap extends SlotArrayMap<SocketEntry> implements RedirectTargets {
  readonly targets: RedirectTargets = this;
  readonly knownFlags = 0;

  targetAt(index: number): RedirectTarget | undefined {
    const entry = this.at(index);
    return entry === undefined ? undefined : { kind: 'socket', socket: entry.socket };
  }

  allTargets(): RedirectTarget[] {
    return this.occupied().map(([, { socket }]) => ({ kind: 'socket', socket }));
  }

  /** User space cannot read it. */
  protected override refuseRead(): number {
    return -Errno.EOPNOTSUPP;
  }

  /** Programs see a struct bpf_xdp_sock. */
  protected addressOf(entry: SocketEntry): number {
    return entry.socket.address;
  }

  protected readEntry(): number {
    return -Errno.EOPNOTSUPP;
  }

  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const socket = this.env.socketByFd?.(userWord(value, 0) | 0) ?? -Errno.EBADF;
    if (typeof socket === 'number') return socket;
    if (socket.family !== 'xdp') return -Errno.EOPNOTSUPP;
    return this.place(index, socket, flags);
  }

  /** An empty slot may be emptied. */
  protected deleteSlot(index: number): number {
    if (index >= this.attr.maxEntries) return -Errno.EINVAL;
    this.clear(index);
    return 0;
  }

  private place(index: number, socket: SocketRef, flags: number): number {
    const old = this.at(index)?.socket;
    if (old === socket) return 0;
    if (old !== undefined && flags === BPF_NOEXIST) return -Errno.EEXIST;
    if (old === undefined && flags === BPF_EXIST) return -Errno.ENOENT;
    this.set(
      index,
      socketEntry(socket, () => this.clear(index)),
    );
    return 0;
  }
}
