/**
 * One LRU list: the active, the inactive and the free nodes of a map, or of one CPU, and how it finds nodes to evict. Approximates
 * least recent use by one reference bit a node and a second chance; behaviour of kernel/bpf/bpf_lru_list.c.
 */
import { LruListType, type LruListTypeNumber, type LruNodes, NODE_BYTES } from './lru-nodes.ts';

/** Where nodes come from that were never used. They count as the end of the free list. */
export interface FreshNodes {
  /** A node, its list type free and its CPU set; 0 when all were handed out. */
  take(): number;
}

/** Takes the element of a node out of the hash table; false when it is not in it. */
export type Evict = (node: number) => boolean;

/** Bytes of the heads of an LruList. */
export const LRU_LIST_BYTES = 3 * NODE_BYTES;

/** One list with its policy. */
export class LruList {
  /** Head of the free nodes that were used before; `takeFree` also knows the others. */
  readonly free: number;
  private readonly active: number;
  private readonly inactive: number;
  private readonly nodes: LruNodes;
  private readonly fresh: FreshNodes;
  private readonly evict: Evict;
  /** How many nodes a step of rotation or shrinking looks at. */
  private readonly scans: number;
  private activeCount = 0;
  private inactiveCount = 0;
  /** The inactive node (or head) at which the next rotation goes on. */
  private rotation: number;

  /** `heads`: LRU_LIST_BYTES of memory. */
  constructor(nodes: LruNodes, heads: number, fresh: FreshNodes, scans: number, evict: Evict) {
    this.nodes = nodes;
    this.fresh = fresh;
    this.scans = scans;
    this.evict = evict;
    this.active = heads;
    this.inactive = heads + NODE_BYTES;
    this.free = heads + 2 * NODE_BYTES;
    this.rotation = this.inactive;
    for (const head of [this.active, this.inactive, this.free]) nodes.initHead(head);
  }

  /** Takes a node off the free list, in no list then; 0 when there is none. */
  takeFree(): number {
    const first = this.nodes.next(this.free);
    if (first === this.free) return this.fresh.take();
    this.nodes.unlink(first);
    return first;
  }

  /** Takes in a node that is in no list of this one. */
  admit(node: number, type: typeof LruListType.active | typeof LruListType.inactive): void {
    this.place(node, type);
  }

  /** Moves a node between this list's parts. */
  move(node: number, type: LruListTypeNumber): void {
    this.leave(node);
    this.place(node, type);
  }

  /**
   * Gives unreferenced nodes of the active part to the inactive one, where that is the shorter, and referenced nodes of the
   * inactive part to the active one; each looks at no more than `scans` nodes.
   */
  rotate(): void {
    if (this.inactiveCount < this.activeCount) this.rotateActive();
    this.rotateInactive();
  }

  /**
   * Evicts up to `wanted` inactive nodes that are not referenced, oldest first, and puts them into the list `head`, marked as of
   * type `type`. When none can be had so, one node goes that is referenced.
   * @returns how many were evicted
   */
  shrink(wanted: number, head: number, type: LruListTypeNumber): number {
    const evicted = this.shrinkInactive(wanted, head, type);
    return evicted > 0 ? evicted : this.shrinkByForce(head, type);
  }

  private rotateActive(): void {
    const { nodes } = this;
    for (let left = Math.min(this.scans, this.activeCount); left > 0; left--) {
      const oldest = nodes.previous(this.active);
      this.move(oldest, nodes.isReferenced(oldest) ? LruListType.active : LruListType.inactive);
    }
  }

  private rotateInactive(): void {
    const { nodes } = this;
    let node = this.rotation;
    for (let left = Math.min(this.scans, this.inactiveCount); left > 0; left--) {
      if (node === this.inactive) node = nodes.previous(node);
      const newer = nodes.previous(node);
      if (nodes.isReferenced(node)) this.move(node, LruListType.active);
      node = newer;
    }
    this.rotation = node;
  }

  private shrinkInactive(wanted: number, head: number, type: LruListTypeNumber): number {
    const { nodes } = this;
    let evicted = 0;
    let node = nodes.previous(this.inactive);
    for (let scanned = 0; scanned < this.scans && node !== this.inactive; scanned++) {
      const newer = nodes.previous(node);
      if (nodes.isReferenced(node)) {
        this.move(node, LruListType.active);
      } else if (this.evict(node)) {
        this.expel(node, head, type);
        if (++evicted === wanted) break;
      }
      node = newer;
    }
    return evicted;
  }

  private shrinkByForce(head: number, type: LruListTypeNumber): number {
    const { nodes } = this;
    const list = nodes.isEmpty(this.inactive) ? this.active : this.inactive;
    for (let node = nodes.previous(list); node !== list; node = nodes.previous(node)) {
      if (!this.evict(node)) continue;
      this.expel(node, head, type);
      return 1;
    }
    return 0;
  }

  /** Moves a node to a list of free nodes, this one's or a CPU's; its reference bit stays. */
  private expel(node: number, head: number, type: LruListTypeNumber): void {
    this.leave(node);
    this.nodes.setType(node, type);
    this.nodes.addFirst(head, node);
  }

  private leave(node: number): void {
    if (node === this.rotation) this.rotation = this.nodes.previous(node);
    this.count(this.nodes.type(node), -1);
    this.nodes.unlink(node);
  }

  private place(node: number, type: LruListTypeNumber): void {
    this.count(type, 1);
    this.nodes.setType(node, type);
    this.nodes.clearReference(node);
    this.nodes.addFirst(this.headOf(type), node);
  }

  private headOf(type: LruListTypeNumber): number {
    if (type === LruListType.active) return this.active;
    return type === LruListType.inactive ? this.inactive : this.free;
  }

  private count(type: number, change: number): void {
    if (type === LruListType.active) this.activeCount += change;
    else if (type === LruListType.inactive) this.inactiveCount += change;
  }
}
