/**
 * Kernel objects by key, in a hash like the kernel's: new ones stand first in their bucket, and keys come in the order of the buckets. An
 * element holds 8 bytes that programs may read: the kind says what is there. Shared by DEVMAP_HASH and SOCKHASH.
 */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../flags.ts';
import { HashTable } from '../hash/hash-table.ts';
import type { MapContext } from '../map-context.ts';
import { copyOut } from '../values/copy.ts';
import { type ElementLayout, elementLayout, GrowingPool } from '../values/elements.ts';
import { ValueLayout } from '../values/value-layout.ts';
import type { SlotEntry } from './slot-array.ts';

/** Bytes of an element that programs can read. */
const IMAGE_BYTES = 8;

/** `hash`: how keys are hashed; by default as jhash does with a seed of 0. */
export interface KeyedOptions {
  readonly hash?: (key: number) => number;
}

/** Entries by key. */
export class KeyedSlots<T extends SlotEntry> {
  readonly table: HashTable;
  private readonly context: MapContext;
  private readonly layout: ElementLayout;
  private readonly pool: GrowingPool;
  private readonly hashOf: (key: number) => number;
  private readonly entries = new Map<number, T>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext, options: KeyedOptions = {}) {
    const { env, attr, owner } = context;
    this.context = context;
    const flags = attr.flags | MapFlag.BPF_F_RDONLY_PROG;
    const values = new ValueLayout(env, { ...attr, valueSize: IMAGE_BYTES, flags }, [], false);
    this.layout = elementLayout(attr.keySize, values.total, 0);
    this.table = new HashTable(owner, this.layout, attr.maxEntries, 0);
    this.pool = new GrowingPool(owner, this.layout, values, env.cpuCount);
    this.hashOf = options.hash ?? ((key) => this.table.hashOf(key));
  }

  get count(): number {
    return this.entries.size;
  }

  /** The element of the key at an address: where its image is; 0 when there is none. */
  find(key: number): number {
    return this.table.findHashed(key, this.hashOf(key));
  }

  entryOf(element: number): T | undefined {
    return this.entries.get(element);
  }

  /** The element of a user's key, which has been found long enough. */
  findUser(key: Uint8Array): number {
    this.table.takeUserKey(key);
    return this.find(this.table.userKey);
  }

  /** Puts an entry in ahead of its bucket; one that had the key is disposed of. 0, or -ENOMEM and the entry is not taken. */
  put(key: number, entry: T, image: Uint8Array): number {
    const { owner, env } = this.context;
    const hash = this.hashOf(key);
    const old = this.table.findHashed(key, hash);
    const element = this.pool.take(env.currentCpu());
    if (element === 0) return -Errno.ENOMEM;
    this.table.writeKey(element, key);
    owner.memory.writeBytes(element, image);
    this.table.insert(element, hash);
    this.entries.set(element, entry);
    if (old !== 0) this.remove(old);
    return 0;
  }

  /** Takes an entry out and disposes of it. */
  remove(element: number): void {
    const entry = this.entries.get(element);
    if (entry === undefined) return;
    this.entries.delete(element);
    this.table.remove(element);
    this.pool.give(this.context.env.currentCpu(), element);
    entry.dispose();
  }

  /** Takes an entry out wherever it is. */
  removeEntry(entry: T): void {
    for (const [element, found] of this.entries) {
      if (found !== entry) continue;
      this.remove(element);
      return;
    }
  }

  /** As get_next_key: the first key behind one that is not there. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    const { owner, attr } = this.context;
    const { keySize } = attr;
    if (next.length < keySize || (key !== undefined && key.length < keySize)) return -Errno.EFAULT;
    const at = key === undefined ? 0 : this.findUser(key);
    const element = at === 0 ? this.table.firstFrom(0) : this.table.after(at);
    if (element === 0) return -Errno.ENOENT;
    copyOut(owner.memory, next, 0, element + this.layout.keyAt, keySize);
    return 0;
  }

  /** All entries, bucket by bucket. */
  inOrder(): T[] {
    const found: T[] = [];
    for (let at = this.table.firstFrom(0); at !== 0; at = this.table.after(at)) {
      const entry = this.entries.get(at);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  clear(): void {
    for (const element of [...this.entries.keys()]) this.remove(element);
  }
}
