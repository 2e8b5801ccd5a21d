/**
 * What the four kinds of local storage share: a value for each owner, made on demand, gone with the owner, named by user space through a
 * descriptor of the owner (kernel/bpf/bpf_local_storage.c). A kind says what descriptors it takes.
 */
import { Errno } from '../base/errno.ts';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, MapFlag, unknownUpdateFlags } from './flags.ts';
import type { BpfMap, LocalStorage } from './map.ts';
import { MapBase } from './map-base.ts';
import type { MapContext } from './map-context.ts';
import type { StorageOwner } from './ports.ts';
import { userWord } from './values/copy.ts';
import { type OwnedValue, ValuePool } from './values/value-pool.ts';

/** Bytes of a descriptor, the key. */
const KEY_BYTES = 4;

/** Values that hang on kernel objects and end with them. */
export abstract class LocalStorageMap extends MapBase implements BpfMap, LocalStorage {
  readonly userValueSize: number;
  readonly storage: LocalStorage = this;
  private readonly pool: ValuePool;
  private readonly stored = new Map<StorageOwner, OwnedValue>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.userValueSize = context.attr.valueSize;
    this.pool = new ValuePool(context, false);
  }

  /** The owner behind a descriptor, or a negative errno. */
  protected abstract ownerByFd(fd: number): StorageOwner | number;

  get(owner: StorageOwner, create: boolean, initial: number): number {
    const found = this.stored.get(owner);
    if (found !== undefined) return found.value;
    if (!create) return 0;
    const value = this.pool.take();
    if (value === 0) return 0;
    if (initial !== 0) this.pool.values.store(value, initial);
    this.keep(owner, value);
    return value;
  }

  values(): Iterable<readonly [owner: StorageOwner, value: number]> {
    return [...this.stored].map(([owner, { value }]) => [owner, value] as const);
  }

  remove(owner: StorageOwner): number {
    const found = this.stored.get(owner);
    if (found === undefined) return -Errno.ENOENT;
    this.stored.delete(owner);
    found.stop();
    this.pool.give(found.value);
    return 0;
  }

  /** Only maps of sockets can have the flag: nothing else is made as a copy. */
  inherit(from: StorageOwner, to: StorageOwner): number {
    const found = this.stored.get(from);
    if (found === undefined || (this.attr.flags & MapFlag.BPF_F_CLONE) === 0) return 0;
    return this.get(to, true, found.value) === 0 ? -Errno.ENOMEM : 0;
  }

  /** Programs use the helpers of their kind instead. */
  lookup(): number {
    return -Errno.EOPNOTSUPP;
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(): number {
    return -Errno.EOPNOTSUPP;
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0 && !(flags === BPF_F_LOCK && this.pool.values.hasLock)) return -Errno.EINVAL;
    const owner = this.ownerByFd(userWord(key, 0) | 0);
    if (typeof owner === 'number') return owner;
    const found = this.stored.get(owner);
    if (found === undefined) return -Errno.ENOENT;
    this.pool.values.loadUser(found.value, value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    const locked = (flags & BPF_F_LOCK) !== 0;
    const owner = this.ownerByFd(userWord(key, 0) | 0);
    if (typeof owner === 'number') return owner;
    if (unknownUpdateFlags(flags) || (locked && !this.pool.values.hasLock)) return -Errno.EINVAL;
    const found = this.stored.get(owner);
    const wish = flags & ~BPF_F_LOCK;
    if (found !== undefined && wish === BPF_NOEXIST) return -Errno.EEXIST;
    if (found === undefined && wish === BPF_EXIST) return -Errno.ENOENT;
    if (found !== undefined && locked) {
      this.pool.values.storeUser(found.value, value);
      return 0;
    }
    const fresh = this.pool.take();
    if (fresh === 0) return -Errno.ENOMEM;
    this.pool.values.storeUser(fresh, value);
    if (found !== undefined) this.remove(owner);
    this.keep(owner, fresh);
    return 0;
  }

  deleteUser(key: Uint8Array): number {
    if (key.length < KEY_BYTES) return -Errno.EFAULT;
    const owner = this.ownerByFd(userWord(key, 0) | 0);
    return typeof owner === 'number' ? owner : this.remove(owner);
  }

  nextKey(): number {
    return -Errno.ENOTSUPP;
  }

  free(): void {
    this.pool.end(this.stored.values());
    this.stored.clear();
    this.owner.freeAll();
  }

  private keep(owner: StorageOwner, value: number): void {
    const stop = owner.onEnd(() => {
      this.remove(owner);
    });
    this.stored.set(owner, { value, stop });
  }
}
