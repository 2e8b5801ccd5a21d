/**
 * Arrays of kernel objects that may go by themselves (devices, sockets): what is in which slot, and the user's side that all such kinds
 * share. A kind says what it puts in, what user space reads, and what deleting answers.
 */
import { Errno } from '../../base/errno.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { INDEX_BYTES, nextIndex } from './index-keys.ts';

/** What a slot holds. */
export interface SlotEntry {
  /** Called when the entry leaves its slot: gives back what it holds and listens to. */
  dispose(): void;
}

/** Entries by index; `T` is what the kind keeps in a slot. */
export abstract class SlotArrayMap<T extends SlotEntry> extends MapBase implements BpfMap {
  readonly userValueSize: number;
  private readonly slots = new Map<number, T>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.userValueSize = context.attr.valueSize;
  }

  /** Puts what user space names into a slot that exists. 0 or a negative errno; `flags` are any unsigned number. */
  protected abstract updateSlot(index: number, value: Uint8Array, flags: number): number;

  /** Copies what user space reads of an entry; 0 or a negative errno. */
  protected abstract readEntry(entry: T, value: Uint8Array): number;

  /** Empties a slot; 0 or a negative errno. */
  protected abstract deleteSlot(index: number): number;

  /** The errno of reading any slot, for kinds that user space cannot read as they are. */
  protected refuseRead(): number {
    return 0;
  }

  /** The address that a program gets of an entry. */
  protected abstract addressOf(entry: T, index: number): number;

  lookup(key: number): number {
    const index = loadWord(this.owner.memory, key);
    const entry = this.slots.get(index);
    return entry === undefined ? 0 : this.addressOf(entry, index);
  }

  update(_key: number, _value: number, _flags: number): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(key: number): number {
    return this.deleteSlot(loadWord(this.owner.memory, key));
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const refused = this.refuseRead();
    if (refused !== 0) return refused;
    const entry = this.slots.get(userWord(key, 0));
    return entry === undefined ? -Errno.ENOENT : this.readEntry(entry, value);
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    return this.updateSlot(userWord(key, 0), value, flags);
  }

  deleteUser(key: Uint8Array): number {
    return key.length < INDEX_BYTES ? -Errno.EFAULT : this.deleteSlot(userWord(key, 0));
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return nextIndex(key, next, this.attr.maxEntries);
  }

  free(): void {
    for (const index of [...this.slots.keys()]) this.clear(index);
    this.owner.freeAll();
  }

  protected at(index: number): T | undefined {
    return this.slots.get(index);
  }

  /** The slots that are in use, by ascending index. */
  protected occupied(): [index: number, entry: T][] {
    return [...this.slots].sort(([a], [b]) => a - b);
  }

  /** Puts an entry into a slot; what was there is disposed of. */
  protected set(index: number, entry: T): void {
    const old = this.slots.get(index);
    this.slots.set(index, entry);
    old?.dispose();
  }

  /** Empties a slot; false when it was empty. */
  protected clear(index: number): boolean {
    const old = this.slots.get(index);
    if (old === undefined) return false;
    this.slots.delete(index);
    old.dispose();
    return true;
  }
}
