/**
 * BPF_MAP_TYPE_SOCKHASH: sockets by any key, else as BPF_MAP_TYPE_SOCKMAP. Its hash has no seed (net/core/sock_map.c).
 */
import { Errno } from '../base/errno.ts';
import { BPF_EXIST, BPF_NOEXIST, unknownPlainUpdateFlags } from './flags.ts';
import { KeyedSlots } from './keyed-slots.ts';
import type { BpfMap, MapAttr, MapEnv, SocketSlots } from './map.ts';
import type { MapContext } from './map-context.ts';
import { allocateMapObject, type MapMemory } from './map-memory.ts';
import type { SocketRef } from './ports.ts';
import { type SocketEntry, socketEntry, writeCookie } from './socket-entry.ts';
import { socketOfValue } from './socket-rules.ts';

const COOKIE_BYTES = 8;
const NO_IMAGE = new Uint8Array(0);

export class SockHashMap implements BpfMap, SocketSlots {
  readonly attr: MapAttr;
  readonly address: number;
  readonly userValueSize: number;
  readonly sockets: SocketSlots = this;
  private readonly env: MapEnv;
  private readonly owner: MapMemory;
  private readonly slots: KeyedSlots<SocketEntry>;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    this.env = context.env;
    this.attr = context.attr;
    this.owner = context.owner;
    this.userValueSize = context.attr.valueSize;
    this.address = allocateMapObject(context.owner, context.attr);
    this.slots = new KeyedSlots(context);
  }

  socketAt(key: number): SocketRef | undefined {
    return this.slots.entryOf(this.slots.find(key))?.socket;
  }

  put(key: number, socket: SocketRef, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const old = this.slots.find(key);
    if (old !== 0 && flags === BPF_NOEXIST) return -Errno.EEXIST;
    if (old === 0 && flags === BPF_EXIST) return -Errno.ENOENT;
    if (old === 0 && this.slots.count >= this.attr.maxEntries) return -Errno.E2BIG;
    const entry = socketEntry(socket, () => {
      this.slots.removeEntry(entry);
    });
    const error = this.slots.put(key, entry, NO_IMAGE);
    if (error !== 0) entry.dispose();
    return error;
  }

  /** Programs see a struct bpf_sock. */
  lookup(key: number): number {
    return this.socketAt(key)?.address ?? 0;
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
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
    this.slots.clear();
    this.owner.freeAll();
  }

  private remove(element: number): number {
    if (element === 0) return -Errno.ENOENT;
    this.slots.remove(element);
    return 0;
  }
}
