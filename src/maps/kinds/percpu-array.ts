/**
 * BPF_MAP_TYPE_PERCPU_ARRAY: for each index a value for each CPU, side by side: CPU `c`'s value `i` is at `values + i * stride + c * slot`
 * (kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import type { MapLayout } from '../../vm/index.ts';
import { BPF_F_LOCK, BPF_NOEXIST, unknownPlainUpdateFlags, unknownUpdateFlags } from '../flags.ts';
import type { BpfMap, MapIterator } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { INDEX_BYTES, IndexWalks, nextIndex } from '../slots/index-keys.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { ValueLayout } from '../values/value-layout.ts';
import { allocateValues } from './array.ts';

/** Values by index, one for each CPU. */
export class PercpuArrayMap extends MapBase implements BpfMap {
  readonly userValueSize: number;
  /** Address of CPU 0's value 0. */
  readonly values: number;
  /** Distance from one index to the next. */
  readonly stride: number;
  /** Distance from one CPU's value to the next CPU's. */
  readonly slot: number;
  private readonly layout: ValueLayout;
  private readonly walks: IndexWalks;
  private readonly maxEntries: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { env, attr, owner } = context;
    this.maxEntries = attr.maxEntries;
    this.layout = new ValueLayout(env, attr, context.fields, true);
    this.userValueSize = this.layout.userSize;
    this.stride = this.layout.total;
    this.slot = this.layout.slot;
    this.walks = new IndexWalks(owner);
    this.values = allocateValues(context, this.layout, { size: this.stride * attr.maxEntries, align: 8 });
  }

  get placement(): MapLayout {
    return {
      kind: 'array',
      values: this.values,
      stride: this.stride,
      count: this.maxEntries,
      cpuStride: this.slot,
    };
  }

  lookup(key: number): number {
    const index = loadWord(this.owner.memory, key);
    return index < this.maxEntries ? this.slotOf(index, this.env.currentCpu()) : 0;
  }

  lookupPercpu(key: number, cpu: number): number {
    const index = loadWord(this.owner.memory, key);
    return cpu >>> 0 < this.env.cpuCount && index < this.maxEntries ? this.slotOf(index, cpu) : 0;
  }

  update(key: number, value: number, flags: number): number {
    const index = loadWord(this.owner.memory, key);
    if (unknownUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if ((flags & BPF_NOEXIST) !== 0) return -Errno.EEXIST;
    if ((flags & BPF_F_LOCK) !== 0) return -Errno.EINVAL;
    const slot = this.slotOf(index, this.env.currentCpu());
    this.layout.store(slot, value);
    this.layout.freeSlot(slot);
    return 0;
  }

  delete(): number {
    return -Errno.EINVAL;
  }

  iterate(): MapIterator {
    return this.walks.begin(this.maxEntries, (index) => this.slotOf(index, this.env.currentCpu()));
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const index = userWord(key, 0);
    if (index >= this.maxEntries) return -Errno.ENOENT;
    this.layout.loadUser(this.slotOf(index, 0), value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const index = userWord(key, 0);
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if (flags === BPF_NOEXIST) return -Errno.EEXIST;
    this.layout.storeUser(this.slotOf(index, 0), value);
    this.layout.free(this.slotOf(index, 0));
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
      for (let i = 0; i < this.maxEntries; i++) this.layout.free(this.slotOf(i, 0));
    }
    this.owner.freeAll();
  }

  private slotOf(index: number, cpu: number): number {
    return this.values + index * this.stride + cpu * this.slot;
  }
}
