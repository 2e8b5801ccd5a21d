/**
 * What SOCKMAP and REUSEPORT_SOCKARRAY share: sockets by index, which programs see as struct bpf_sock and user space reads as cookies. Which
 * sockets a kind takes is the kind's.
 */
import { Errno } from '../../base/errno.ts';
import type { SocketSlots } from '../map.ts';
import type { SocketRef } from '../ports.ts';
import { loadWord } from '../values/copy.ts';
import { SlotArrayMap } from './slot-array.ts';
import { type SocketEntry, writeCookie } from './socket-entry.ts';

/** Bytes of a value that can hold a cookie; the smaller size holds descriptors alone. */
export const COOKIE_BYTES = 8;

/** Sockets by index. */
export abstract class SocketArrayMap extends SlotArrayMap<SocketEntry> implements SocketSlots {
  readonly sockets: SocketSlots = this;

  socketAt(key: number): SocketRef | undefined {
    return this.at(loadWord(this.owner.memory, key))?.socket;
  }

  /** Cookies need the larger of the two value sizes. */
  protected override refuseRead(): number {
    return this.attr.valueSize === COOKIE_BYTES ? 0 : -Errno.ENOSPC;
  }

  /** Programs see a struct bpf_sock. */
  protected addressOf(entry: SocketEntry): number {
    return entry.socket.address;
  }

  protected readEntry(entry: SocketEntry, value: Uint8Array): number {
    writeCookie(entry.socket, value);
    return 0;
  }
}
