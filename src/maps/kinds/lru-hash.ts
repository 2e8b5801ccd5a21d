/**
 * BPF_MAP_TYPE_LRU_HASH: a hash that evicts instead of being full. Every update takes a new element first, also one that then fails
 * or replaces an old element (htab_lru_map_update_elem in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import { unknownPlainUpdateFlags } from '../flags.ts';
import { LruMapBase } from '../hash/lru-base.ts';
import type { MapContext } from '../map-context.ts';

/** The LRU hash with one value for all CPUs. */
export class LruHashMap extends LruMapBase {
  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context, false);
  }

  /** Lookups of programs count as use; those of user space do not, so that a walk over the map changes nothing. */
  override lookup(key: number): number {
    const element = this.table.find(key);
    if (element !== 0) this.reference(element);
    return element;
  }

  protected put(key: number, value: number, user: Uint8Array | undefined, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const hash = this.table.hashOf(key);
    const element = this.takeElement();
    if (element === 0) return -Errno.ENOMEM;
    this.table.writeKey(element, key);
    this.fill(element, value, user);
    const old = this.table.findHashed(key, hash);
    const refused = this.refuseByFlags(old, flags);
    if (refused !== 0) {
      this.discard(element);
      return refused;
    }
    this.table.insert(element, hash);
    if (old !== 0) {
      this.reference(element);
      this.table.remove(old);
      this.discard(old);
    }
    return 0;
  }
}
