/**
 * What all hash kinds share: finding, deleting, walking, and the user's side of it. A kind adds how an element is put in and what
 * becomes of one that was taken out. Behaviour: kernel/bpf/hashtab.c.
 */
import { Errno } from '../../base/errno.ts';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, MapFlag } from '../flags.ts';
import type {
  BatchOutcome,
  BatchRequest,
  BpfMap,
  HashBuckets,
  MapEnv,
  MapIterator,
  WordFinder,
} from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { copyOut, userWord } from '../values/copy.ts';
import { type ElementLayout, elementLayout } from '../values/elements.ts';
import { ValueLayout } from '../values/value-layout.ts';
import { readBuckets } from './hash-batch.ts';
import { HashTable } from './hash-table.ts';

/** Differences between hash kinds that the shared part must know. */
export interface HashShape {
  readonly perCpu: boolean;
  /** Bytes of the LRU node of an element, 0 without. */
  readonly nodeBytes: number;
}

/** What hashes share, whatever their elements hold and wherever they come from. */
export abstract class HashMapBase extends MapBase implements BpfMap {
  readonly userValueSize: number;
  protected readonly values: ValueLayout;
  protected readonly layout: ElementLayout;
  protected readonly table: HashTable;
  private readonly keySize: number;

  constructor(context: MapContext, shape: HashShape) {
    super(context);
    const { env, attr, owner } = context;
    this.keySize = attr.keySize;
    this.values = new ValueLayout(env, attr, context.fields, shape.perCpu);
    this.userValueSize = this.values.userSize;
    this.layout = elementLayout(attr.keySize, this.values.total, shape.nodeBytes);
    const seed = (attr.flags & MapFlag.BPF_F_ZERO_SEED) === 0 ? env.random() : 0;
    this.table = new HashTable(owner, this.layout, attr.maxEntries, seed);
  }

  /**
   * Puts a key and its value in. The value is at address `value`, or in `user`.
   * @returns 0 or a negative errno
   */
  protected abstract put(key: number, value: number, user: Uint8Array | undefined, flags: number): number;

  /** Disposes of an element that was taken out of the table. */
  protected abstract discard(element: number): void;

  lookup(key: number): number {
    return this.table.find(key);
  }

  update(key: number, value: number, flags: number): number {
    return this.put(key, value, undefined, flags);
  }

  delete(key: number): number {
    return this.remove(this.table.find(key));
  }

  get byWord(): WordFinder | undefined {
    return this.keySize === 4 && this.values.isPlain ? this.table : undefined;
  }

  get buckets(): HashBuckets {
    const { table, layout } = this;
    return {
      count: table.bucketCount,
      first: (bucket) => table.firstIn(bucket),
      next: (element) => table.nextInBucket(element),
      keyOf: (element) => element + layout.keyAt,
    };
  }

  /** A walk over all elements, for the kinds that programs may walk. */
  protected walk(): MapIterator {
    return new HashWalk(this.env, this.table, this.layout, this.values);
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== 0 || key.length < this.keySize || value.length < this.userValueSize) {
      const refused = this.refuseUser(key, value, flags);
      if (refused !== 0) return refused;
    }
    const { table } = this;
    // The short way for the most frequent size, small enough for engines to inline it all: a fifth of a lookup's time.
    const element = this.keySize === 4 ? table.findWord(userWord(key, 0)) : table.findUser(key);
    if (element === 0) return -Errno.ENOENT;
    this.loadUser(element, value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    this.table.takeUserKey(key);
    return this.put(this.table.userKey, 0, value, flags);
  }

  deleteUser(key: Uint8Array): number {
    if (key.length < this.keySize) return -Errno.EFAULT;
    return this.remove(this.table.findUser(key));
  }

  lookupAndDeleteUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    const error = this.readUser(key, value, flags);
    return error === 0 ? this.deleteUser(key) : error;
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    const { table, layout, keySize } = this;
    if (next.length < keySize || (key !== undefined && key.length < keySize)) return -Errno.EFAULT;
    const at = key === undefined ? 0 : table.findUser(key);
    const element = at === 0 ? table.firstFrom(0) : table.after(at);
    if (element === 0) return -Errno.ENOENT;
    copyOut(this.env.memory, next, 0, element + layout.keyAt, keySize);
    return 0;
  }

  readBuckets(request: BatchRequest, remove: boolean): BatchOutcome {
    const { table, keySize, userValueSize, layout } = this;
    const reader = {
      table,
      keySize,
      userValueSize,
      copy: (element: number, key: Uint8Array, value: Uint8Array): void => {
        copyOut(this.env.memory, key, 0, element + layout.keyAt, keySize);
        this.loadUser(element, value);
      },
      remove: (element: number): void => {
        this.remove(element);
      },
    };
    return readBuckets(reader, request, remove);
  }

  free(): void {
    if (this.values.holdsResources) {
      for (let element = this.table.firstFrom(0); element !== 0; element = this.table.after(element)) {
        this.values.free(element);
      }
    }
    this.owner.freeAll();
  }

  /** The errno of an update that its flags forbid, given the element that has the key already (0: none). */
  protected refuseByFlags(old: number, flags: number): number {
    const wish = flags & ~BPF_F_LOCK;
    if (old !== 0 && wish === BPF_NOEXIST) return -Errno.EEXIST;
    if (old === 0 && wish === BPF_EXIST) return -Errno.ENOENT;
    return 0;
  }

  /** Copies what user space sees of an element's value. */
  protected loadUser(element: number, value: Uint8Array): void {
    this.values.loadUser(element, value);
  }

  /** Writes the value of a kind that has one slot. */
  protected fill(element: number, value: number, user: Uint8Array | undefined): void {
    if (user === undefined) this.values.store(element, value);
    else this.values.storeUser(element, user);
  }

  /** Writes the value of a per-CPU kind into an element that has one already: a program changes its own CPU's slot. */
  protected overwriteSlots(element: number, value: number, user: Uint8Array | undefined): void {
    const { values } = this;
    if (user === undefined) {
      const slot = element + this.env.currentCpu() * values.slot;
      values.store(slot, value);
      values.freeSlot(slot);
    } else {
      values.storeUser(element, user);
      values.free(element);
    }
  }

  /** Writes the value of a per-CPU kind into an element that is new. */
  protected fillSlots(element: number, value: number, user: Uint8Array | undefined): void {
    if (user === undefined) this.values.storeFirst(element, value, this.env.currentCpu());
    else this.values.storeUser(element, user);
  }

  private refuseUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags === 0 || (flags === BPF_F_LOCK && this.values.hasLock)) return 0;
    return -Errno.EINVAL;
  }

  private remove(element: number): number {
    if (element === 0) return -Errno.ENOENT;
    this.table.remove(element);
    this.discard(element);
    return 0;
  }
}

/** Bucket by bucket; the successor is known before an element is shown, so that it may be deleted meanwhile. */
class HashWalk implements MapIterator {
  private readonly env: MapEnv;
  private readonly table: HashTable;
  private readonly layout: ElementLayout;
  private readonly values: ValueLayout;
  private element = 0;
  private upcoming = 0;
  private bucket = 0;

  constructor(env: MapEnv, table: HashTable, layout: ElementLayout, values: ValueLayout) {
    this.env = env;
    this.table = table;
    this.layout = layout;
    this.values = values;
  }

  next(): boolean {
    let element = this.upcoming;
    if (element === 0) {
      element = this.bucket < this.table.bucketCount ? this.table.firstFrom(this.bucket) : 0;
      if (element === 0) return false;
      this.bucket = this.table.bucketOf(element) + 1;
    }
    this.element = element;
    this.upcoming = this.table.nextInBucket(element);
    return true;
  }

  get key(): number {
    return this.element + this.layout.keyAt;
  }

  get value(): number {
    const { slots, slot } = this.values;
    return slots === 1 ? this.element : this.element + this.env.currentCpu() * slot;
  }

  close(): void {
    this.upcoming = 0;
    this.bucket = this.table.bucketCount;
  }
}
