/**
 * What the LRU hash kinds share: elements that are nodes of an LRU, the reference bit, and eviction (kernel/bpf/hashtab.c,
 * htab_lru_*). Updates differ and stand in the kinds.
 */

import { MapFlag } from '../flags.ts';
import type { MapIterator } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { ElementArea } from '../values/elements.ts';
import { HashMapBase } from './hash-base.ts';
import { CommonLru, type Lru, type LruParts, PercpuLru } from './lru.ts';
import { NODE_BYTES } from './lru-nodes.ts';

/** Hashes that evict what was not used for long instead of refusing new keys. */
export abstract class LruMapBase extends HashMapBase {
  private readonly lru: Lru;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext, perCpu: boolean) {
    super(context, { perCpu, nodeBytes: NODE_BYTES });
    const { attr, env, owner } = context;
    const area = ElementArea.allocate(owner, this.layout, this.values, attr.maxEntries);
    const { nodeAt } = this.layout;
    const parts: LruParts = {
      owner,
      cpuCount: env.cpuCount,
      count: attr.maxEntries,
      open: (index) => area.open(index) + nodeAt,
      evict: (node) => this.evict(node - nodeAt),
    };
    const ownLists = (attr.flags & MapFlag.BPF_F_NO_COMMON_LRU) !== 0;
    this.lru = ownLists ? new PercpuLru(parts) : new CommonLru(parts);
  }

  iterate(): MapIterator {
    return this.walk();
  }

  protected discard(element: number): void {
    this.values.free(element);
    this.giveBack(element);
  }

  /** An element for the current CPU, 0 when none is to be had. Others may have been evicted for it. */
  protected takeElement(): number {
    const node = this.lru.take(this.env.currentCpu());
    return node === 0 ? 0 : node - this.layout.nodeAt;
  }

  /** Gives back an element that is in no bucket and whose special fields hold nothing. */
  protected giveBack(element: number): void {
    this.lru.give(element + this.layout.nodeAt);
  }

  /** Notes that an element was used. */
  protected reference(element: number): void {
    this.lru.nodes.reference(element + this.layout.nodeAt);
  }

  private evict(element: number): boolean {
    if (!this.table.remove(element)) return false;
    this.values.free(element);
    return true;
  }
}
