/**
 * BPF_MAP_TYPE_PERCPU_HASH. A value for each CPU; updates change it where it is. A program writes its own CPU's, user space all
 * of them (__htab_percpu_map_update_elem and pcpu_init_value in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import type { MapLayout } from '../../vm/index.ts';
import { MapFlag, unknownPlainUpdateFlags } from '../flags.ts';
import { HashMapBase } from '../hash/hash-base.ts';
import type { MapIterator } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { type ElementPool, GrowingPool, PreallocatedPool } from '../values/elements.ts';

/** Values by key, one for each CPU. */
export class PercpuHashMap extends HashMapBase {
  private readonly pool: ElementPool;
  private readonly preallocated: boolean;
  private count = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context, { perCpu: true, nodeBytes: 0 });
    const { attr, env, owner } = context;
    const { layout, values } = this;
    this.preallocated = (attr.flags & MapFlag.BPF_F_NO_PREALLOC) === 0;
    this.pool = this.preallocated
      ? new PreallocatedPool(owner, layout, values, attr.maxEntries, env.cpuCount)
      : new GrowingPool(owner, layout, values, env.cpuCount);
  }

  get placement(): MapLayout | undefined {
    const { placement } = this.table;
    return placement === undefined ? undefined : { ...placement, cpuStride: this.values.slot };
  }

  iterate(): MapIterator {
    return this.walk();
  }

  override lookup(key: number): number {
    const element = this.table.find(key);
    return element === 0 ? 0 : element + this.env.currentCpu() * this.values.slot;
  }

  lookupPercpu(key: number, cpu: number): number {
    if (cpu >>> 0 >= this.env.cpuCount) return 0;
    const element = this.table.find(key);
    return element === 0 ? 0 : element + cpu * this.values.slot;
  }

  protected put(key: number, value: number, user: Uint8Array | undefined, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const hash = this.table.hashOf(key);
    const old = this.table.findHashed(key, hash);
    const refused = this.refuseByFlags(old, flags);
    if (refused !== 0) return refused;
    if (old !== 0) {
      this.overwriteSlots(old, value, user);
      return 0;
    }
    if (!this.preallocated && this.count >= this.attr.maxEntries) return -Errno.E2BIG;
    const element = this.pool.take(this.env.currentCpu());
    if (element === 0) return this.preallocated ? -Errno.E2BIG : -Errno.ENOMEM;
    this.count++;
    this.table.writeKey(element, key);
    this.fillSlots(element, value, user);
    this.table.insert(element, hash);
    return 0;
  }

  protected discard(element: number): void {
    this.count--;
    this.values.free(element);
    this.pool.give(this.env.currentCpu(), element);
  }
}
