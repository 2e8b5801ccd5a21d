/**
 * Arrays whose slots hold kernel objects: user space writes a file descriptor, the map keeps a reference to what it stands for. Shared by
 * the kinds that differ in what they hold (fd_array_map_* and bpf_fd_array_map_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_ANY } from '../flags.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import type { Held } from '../ports.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { INDEX_BYTES, nextIndex } from './index-keys.ts';

/** Bytes of a slot in linear memory: the kernel keeps a pointer. */
export const SLOT_BYTES = 8;

/** Kernel objects by index, which user space gives by descriptor. */
export abstract class FdArrayMap<T extends Held> extends MapBase implements BpfMap {
  /** File descriptors and ids have 32 bits. */
  readonly userValueSize = 4;
  /** Address of the slots: in each the handle of what it holds, 0 when it is empty. */
  protected readonly slots: number;
  private readonly held = new Map<number, T>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.slots = context.owner.allocateHidden(context.attr.maxEntries * SLOT_BYTES);
  }

  /** What a file descriptor stands for, or a negative errno. */
  protected abstract resolve(fd: number): T | number;

  /** The word that linear memory holds for an object; not 0. */
  protected abstract handleOf(object: T): number;

  /** The id that user space reads from a slot; undefined where it cannot read. */
  protected abstract readonly idOf: ((object: T) => number) | undefined;

  /** 0 when `object` may be kept here, else a negative errno. */
  protected abstract refuse(object: T): number;

  /** The object in a slot; undefined when it is empty or there is no such slot. */
  at(index: number): T | undefined {
    return this.held.get(index);
  }

  /** Puts an object into a slot and takes a reference to it. 0 or a negative errno. */
  install(index: number, object: T): number {
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const refused = this.refuse(object);
    if (refused !== 0) return refused;
    const old = this.held.get(index);
    object.hold();
    this.held.set(index, object);
    this.writeSlot(index, this.handleOf(object));
    old?.release();
    return 0;
  }

  /** Empties a slot. 0 or a negative errno. */
  remove(index: number): number {
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const old = this.held.get(index);
    if (old === undefined) return -Errno.ENOENT;
    this.held.delete(index);
    this.writeSlot(index, 0);
    old.release();
    return 0;
  }

  /** Empties all slots (bpf_fd_array_map_clear). */
  clear(): void {
    for (const index of [...this.held.keys()]) this.remove(index);
  }

  lookup(_key: number): number {
    return -Errno.EOPNOTSUPP;
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(key: number): number {
    return this.remove(loadWord(this.owner.memory, key));
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    if (this.idOf === undefined) return -Errno.ENOTSUPP;
    const object = this.held.get(userWord(key, 0));
    if (object === undefined) return -Errno.ENOENT;
    const id = this.idOf(object);
    for (let i = 0; i < this.userValueSize; i++) value[i] = id >>> (8 * i);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== BPF_ANY) return -Errno.EINVAL;
    const index = userWord(key, 0);
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    const object = this.resolve(userWord(value, 0) | 0);
    return typeof object === 'number' ? object : this.install(index, object);
  }

  deleteUser(key: Uint8Array): number {
    return key.length < INDEX_BYTES ? -Errno.EFAULT : this.remove(userWord(key, 0));
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return nextIndex(key, next, this.attr.maxEntries);
  }

  free(): void {
    this.clear();
    this.owner.freeAll();
  }

  private writeSlot(index: number, handle: number): void {
    this.owner.memory.u32[(this.slots + index * SLOT_BYTES) >>> 2] = handle;
  }
}
