/**
 * BPF_MAP_TYPE_SOCKHASH: sockets by any key, else as BPF_MAP_TYPE_SOCKMAP. Its hash has no seed (net/core/sock_map.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_EXIST, unknownPlainUpdateFlags } from '../flags.ts';
import type { BpfMap, SocketSlots } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import type { SocketRef } from '../ports.ts';
import { KeyedSlots } from '../slots/keyed-slots.ts';
import { type SocketEntry, socketEntry, writeCookie } from '../slots/socket-entry.ts';
import { SocketPrograms } from '../slots/socket-programs.ts';
import { heldSocket, refuseEntry, socketOfValue } from '../slots/socket-rules.ts';

const COOKIE_BYTES = 8;
const NO_IMAGE = new Uint8Array(0);

/** Sockets by key. */
export class SockHashMap extends MapBase implements BpfMap, SocketSlots {
  readonly userValueSize: number;
  readonly sockets: SocketSlots = this;
  readonly socketPrograms = new SocketPrograms();
  private readonly slots: KeyedSlots<SocketEntry>;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.userValueSize = context.attr.valueSize;
    this.slots = new KeyedSlots(context);
  }

  socketAt(key: number): SocketRef | undefined {
    return this.slots.entryOf(this.slots.find(key))?.socket;
  }

  put(key: number, socket: SocketRef, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const taken = socket.enter(this.socketPrograms);
    if (taken !== 0) return taken;
    const refused = this.refuse(key, flags);
    if (refused !== 0) {
      socket.leave();
      return refused;
    }
    const leave = (): void => {
      socket.leave(this.socketPrograms);
    };
    const onGone = (): void => {
      this.slots.removeEntry(entry);
    };
    const entry = socketEntry(socket, onGone, leave);
    const error = this.slots.put(key, entry, NO_IMAGE);
    if (error !== 0) entry.dispose();
    return error;
  }

  /** Programs see a struct bpf_sock. */
  lookup(key: number): number {
    return this.socketAt(key)?.address ?? 0;
  }

  /** Programs put sockets in that they hold. */
  update(key: number, value: number, flags: number): number {
    const socket = heldSocket(this.env, value);
    return typeof socket === 'number' ? socket : this.put(key, socket, flags);
  }

  delete(key: number): number {
    return this.remove(this.slots.find(key));
  }

  /** Cookies need the larger of the two value sizes. */
  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    if (this.attr.valueSize !== COOKIE_BYTES) return -Errno.ENOSPC;
    const entry = this.slots.entryOf(this.slots.findUser(key));
    if (entry === undefined) return -Errno.ENOENT;
    writeCookie(entry.socket, value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    const socket = socketOfValue(this.env, value, this.attr.valueSize);
    if (typeof socket === 'number') return socket;
    this.slots.table.takeUserKey(key);
    return this.put(this.slots.table.userKey, socket, flags);
  }

  deleteUser(key: Uint8Array): number {
    return key.length < this.attr.keySize ? -Errno.EFAULT : this.remove(this.slots.findUser(key));
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return this.slots.nextKey(key, next);
  }

  free(): void {
    this.socketPrograms.clear();
    this.slots.clear();
    this.owner.freeAll();
  }

  private refuse(key: number, flags: number): number {
    const isThere = this.slots.find(key) !== 0;
    if (!isThere && flags !== BPF_EXIST && this.slots.count >= this.attr.maxEntries) return -Errno.E2BIG;
    return refuseEntry(isThere, flags);
  }

  private remove(element: number): number {
    if (element === 0) return -Errno.ENOENT;
    this.slots.remove(element);
    return 0;
  }
}
