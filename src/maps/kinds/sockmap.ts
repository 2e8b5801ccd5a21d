/**
 * BPF_MAP_TYPE_SOCKMAP: TCP, UDP and UNIX sockets by index, for programs that pass data from one to another. A socket leaves the map when it
 * is closed (net/core/sock_map.c).
 */
import { Errno } from '../../base/errno.ts';
import { unknownPlainUpdateFlags } from '../flags.ts';
import type { SocketRef } from '../ports.ts';
import { SocketArrayMap } from '../slots/socket-array.ts';
import { socketEntry } from '../slots/socket-entry.ts';
import { SocketPrograms } from '../slots/socket-programs.ts';
import { heldSocket, refuseEntry, socketOfValue } from '../slots/socket-rules.ts';
import { loadWord } from '../values/copy.ts';

/** Sockets by index. */
export class SockMap extends SocketArrayMap {
  readonly socketPrograms = new SocketPrograms();

  socketIn(index: number): SocketRef | undefined {
    return this.at(index)?.socket;
  }

  put(key: number, socket: SocketRef, flags: number): number {
    return this.place(loadWord(this.owner.memory, key), socket, flags);
  }

  /** Programs put sockets in that they hold. */
  override update(key: number, value: number, flags: number): number {
    const socket = heldSocket(this.env, value);
    return typeof socket === 'number' ? socket : this.put(key, socket, flags);
  }

  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    const socket = socketOfValue(this.env, value, this.attr.valueSize);
    return typeof socket === 'number' ? socket : this.place(index, socket, flags);
  }

  protected deleteSlot(index: number): number {
    return this.clear(index) ? 0 : -Errno.EINVAL;
  }

  override free(): void {
    this.socketPrograms.clear();
    super.free();
  }

  private place(index: number, socket: SocketRef, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const error = socket.enter(this.socketPrograms);
    if (error !== 0) return error;
    const old = this.at(index);
    const refused = refuseEntry(old !== undefined, flags);
    if (refused !== 0) {
      socket.leave();
      return refused;
    }
    const leave = (): void => {
      socket.leave(this.socketPrograms);
    };
    this.set(
      index,
      socketEntry(socket, () => this.clear(index), leave),
    );
    return 0;
  }
}
