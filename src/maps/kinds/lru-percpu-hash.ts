/**
 * BPF_MAP_TYPE_LRU_PERCPU_HASH: a value for each CPU, changed where it is, in a hash that evicts instead of being full
 * (__htab_lru_percpu_map_update_elem in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_EXIST, unknownPlainUpdateFlags } from '../flags.ts';
import { LruMapBase } from '../hash/lru-base.ts';
import type { MapContext } from '../map-context.ts';

/** The LRU hash with a value for each CPU. */
export class LruPercpuHashMap extends LruMapBase {
  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context, true);
  }

  override lookup(key: number): number {
    return this.lookupPercpu(key, this.env.currentCpu());
  }

  lookupPercpu(key: number, cpu: number): number {
    if (cpu >>> 0 >= this.env.cpuCount) return 0;
    const element = this.table.find(key);
    if (element === 0) return 0;
    this.reference(element);
    return element + cpu * this.values.slot;
  }

  protected put(key: number, value: number, user: Uint8Array | undefined, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const hash = this.table.hashOf(key);
    let element = 0;
    if (flags !== BPF_EXIST) {
      element = this.takeElement();
      if (element === 0) return -Errno.ENOMEM;
      this.table.writeKey(element, key);
    }
    const old = this.table.findHashed(key, hash);
    const refused = this.refuseByFlags(old, flags);
    if (refused === 0 && old !== 0) {
      this.reference(old);
      this.overwriteSlots(old, value, user);
    } else if (refused === 0) {
      this.fillSlots(element, value, user);
      this.table.insert(element, hash);
      return 0;
    }
    if (element !== 0) this.giveBack(element);
    return refused;
  }
}
