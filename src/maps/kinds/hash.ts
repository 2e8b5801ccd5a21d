/**
 * BPF_MAP_TYPE_HASH. An update of a key that exists puts a new element in and the old one out, so that whoever looked the
 * old value up goes on reading it. Elements are preallocated, with one to spare for each CPU's replacements, unless
 * BPF_F_NO_PREALLOC says otherwise (htab_map_update_elem and alloc_htab_elem in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import type { MapLayout } from '../../vm/index.ts';
import { BPF_F_LOCK, MapFlag, unknownUpdateFlags } from '../flags.ts';
import { HashMapBase } from '../hash/hash-base.ts';
import type { MapIterator } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { type ElementPool, GrowingPool, PreallocatedPool } from '../values/elements.ts';

/** Values by key, one for all CPUs. */
export class HashMap extends HashMapBase {
  private readonly pool: ElementPool;
  /** Each CPU's element for its next replacement; empty without preallocation. */
  private readonly spare: Uint32Array;
  private readonly preallocated: boolean;
  private count = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context, { perCpu: false, nodeBytes: 0 });
    const { attr, env, owner } = context;
    const { layout, values } = this;
    this.preallocated = (attr.flags & MapFlag.BPF_F_NO_PREALLOC) === 0;
    if (!this.preallocated) {
      this.pool = new GrowingPool(owner, layout, values, env.cpuCount);
      this.spare = new Uint32Array(0);
      return;
    }
    this.pool = new PreallocatedPool(owner, layout, values, attr.maxEntries + env.cpuCount, env.cpuCount);
    this.spare = new Uint32Array(env.cpuCount);
    const here = env.currentCpu();
    for (let cpu = 0; cpu < env.cpuCount; cpu++) this.spare[cpu] = this.pool.take(here);
  }

  get placement(): MapLayout | undefined {
    return this.table.placement;
  }

  iterate(): MapIterator {
    return this.walk();
  }

  protected put(key: number, value: number, user: Uint8Array | undefined, flags: number): number {
    if (unknownUpdateFlags(flags)) return -Errno.EINVAL;
    const locked = (flags & BPF_F_LOCK) !== 0;
    if (locked && !this.values.hasLock) return -Errno.EINVAL;
    const hash = this.table.hashOf(key);
    const old = this.table.findHashed(key, hash);
    const refused = this.refuseByFlags(old, flags);
    if (refused !== 0) return refused;
    if (locked && old !== 0) {
      this.fill(old, value, user);
      return 0;
    }
    const element = old === 0 ? this.takeNew() : this.takeReplacement(old);
    if (element < 0) return element;
    this.table.writeKey(element, key);
    this.fill(element, value, user);
    this.table.insert(element, hash);
    if (old !== 0) this.retire(old);
    return 0;
  }

  protected discard(element: number): void {
    this.count--;
    this.drop(element);
    this.pool.give(this.env.currentCpu(), element);
  }

  /** Releases what the value of an element holds that has left the table. */
  protected drop(element: number): void {
    this.values.free(element);
  }

  /** An element for a key that is new, or a negative errno. */
  private takeNew(): number {
    if (!this.preallocated && this.count >= this.attr.maxEntries) return -Errno.E2BIG;
    const element = this.pool.take(this.env.currentCpu());
    if (element === 0) return this.preallocated ? -Errno.E2BIG : -Errno.ENOMEM;
    this.count++;
    return element;
  }

  /** An element to replace `old`, also when the map is full, or a negative errno. */
  private takeReplacement(old: number): number {
    const cpu = this.env.currentCpu();
    if (!this.preallocated) return this.pool.take(cpu) || -Errno.ENOMEM;
    const element = this.spare[cpu]!;
    this.spare[cpu] = old;
    return element;
  }

  /** Takes the replaced element out; a preallocated one is its CPU's spare by now. */
  private retire(old: number): void {
    this.table.remove(old);
    this.drop(old);
    if (!this.preallocated) this.pool.give(this.env.currentCpu(), old);
  }
}
