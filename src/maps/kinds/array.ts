/**
 * BPF_MAP_TYPE_ARRAY: values by index, all there from the start, each at `values + index * stride`, as the kernel lays them out and
 * as user space sees them through mmap (kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import { alignUp } from '../../base/int64.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { MapLayout } from '../../vm/index.ts';
import { BPF_F_LOCK, BPF_NOEXIST, MapFlag, unknownUpdateFlags } from '../flags.ts';
import type { BpfMap, MapIterator, WordFinder } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { INDEX_BYTES, IndexWalks, nextIndex } from '../slots/index-keys.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { ValueLayout } from '../values/value-layout.ts';

/** Values by index, one for all CPUs, side by side in one region. */
export class ArrayMap extends MapBase implements BpfMap, WordFinder {
  readonly userValueSize: number;
  /** Address of value 0. */
  readonly values: number;
  /** Distance between values: the value size rounded up to 8. */
  readonly stride: number;
  private readonly layout: ValueLayout;
  private readonly walks: IndexWalks;
  private readonly maxEntries: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { env, attr, owner } = context;
    this.maxEntries = attr.maxEntries;
    this.layout = new ValueLayout(env, attr, context.fields, false);
    this.userValueSize = this.layout.userSize;
    this.stride = this.layout.slot;
    this.walks = new IndexWalks(owner);
    const mmapable = (attr.flags & MapFlag.BPF_F_MMAPABLE) !== 0;
    const bytes = this.stride * attr.maxEntries;
    this.values = allocateValues(context, this.layout, {
      size: mmapable ? alignUp(bytes, PAGE_BYTES) : bytes,
      align: mmapable ? PAGE_BYTES : 8,
    });
  }

  get placement(): MapLayout {
    return { kind: 'array', values: this.values, stride: this.stride, count: this.attr.maxEntries };
  }

  get byWord(): WordFinder | undefined {
    return this.layout.isPlain ? this : undefined;
  }

  /** Address of the value at an index; 0 behind the last one. */
  findWord(index: number): number {
    return index < this.maxEntries ? this.values + index * this.stride : 0;
  }

  lookup(key: number): number {
    return this.findWord(loadWord(this.owner.memory, key));
  }

  update(key: number, value: number, flags: number): number {
    const index = loadWord(this.owner.memory, key);
    const refused = this.refuse(index, flags);
    if (refused !== 0) return refused;
    const at = this.values + index * this.stride;
    this.layout.store(at, value);
    this.layout.free(at);
    return 0;
  }

  delete(): number {
    return -Errno.EINVAL;
  }

  iterate(): MapIterator {
    return this.walks.begin(this.maxEntries, (index) => this.values + index * this.stride);
  }

  directValue(offset: number): number {
    if (this.maxEntries !== 1) return -Errno.ENOTSUPP;
    return offset < this.attr.valueSize ? this.values + offset : -Errno.EINVAL;
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0 && !(flags === BPF_F_LOCK && this.layout.hasLock)) return -Errno.EINVAL;
    const index = userWord(key, 0);
    if (index >= this.maxEntries) return -Errno.ENOENT;
    this.layout.loadUser(this.values + index * this.stride, value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    const index = userWord(key, 0);
    const refused = this.refuse(index, flags);
    if (refused !== 0) return refused;
    const at = this.values + index * this.stride;
    this.layout.storeUser(at, value);
    this.layout.free(at);
    return 0;
  }

  deleteUser(): number {
    return -Errno.EINVAL;
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return nextIndex(key, next, this.maxEntries);
  }

  free(): void {
    if (this.layout.holdsResources) {
      for (let i = 0; i < this.maxEntries; i++) this.layout.free(this.values + i * this.stride);
    }
    this.owner.freeAll();
  }

  private refuse(index: number, flags: number): number {
    if (unknownUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if ((flags & BPF_NOEXIST) !== 0) return -Errno.EEXIST;
    if ((flags & BPF_F_LOCK) !== 0 && !this.layout.hasLock) return -Errno.EINVAL;
    return 0;
  }
}

/**
 * Memory for the values of an array kind, one `ValueLayout.total` behind the other, open to programs but for padding.
 * @throws SyscallError ENOMEM
 */
export function allocateValues(
  context: MapContext,
  layout: ValueLayout,
  options: { readonly size: number; readonly align: number },
): number {
  const { attr, owner } = context;
  const { size, align } = options;
  const elements = { stride: layout.total, size: layout.slots === 1 ? layout.size : layout.total };
  const exact = layout.size === layout.slot && size === layout.total * attr.maxEntries;
  const writable = (attr.flags & MapFlag.BPF_F_RDONLY_PROG) === 0;
  const values = owner.allocate({ size, align, kind: 'map-value', elements, writable });
  if (exact) return values;
  owner.memory.setAccess(values, size, 'none');
  for (let i = 0; i < attr.maxEntries; i++) layout.expose(values + i * layout.total);
  return values;
}
