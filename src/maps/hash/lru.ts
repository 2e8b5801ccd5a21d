/**
 * Where an LRU map takes elements from: one list that all CPUs share, in front of it a few free nodes and the newest nodes of each
 * CPU; or with BPF_F_NO_COMMON_LRU a list for each CPU. Behaviour of kernel/bpf/bpf_lru_list.c.
 */

import type { MapMemory } from '../map-memory.ts';
import { type Evict, type FreshNodes, LRU_LIST_BYTES, LruList } from './lru-list.ts';
import { LruListType, LruNodes, NODE_BYTES } from './lru-nodes.ts';

/** LOCAL_FREE_TARGET and LOCAL_NR_SCANS: most nodes that a CPU fetches at once, and looks at to find them. */
const LOCAL_FREE_TARGET = 128;
/** PERCPU_FREE_TARGET and PERCPU_NR_SCANS: the same for a CPU with a list of its own. */
const PERCPU_FREE_TARGET = 4;

/** A source of nodes. */
export interface Lru {
  readonly nodes: LruNodes;
  /** A node for a new element of this CPU, evicting old ones if it must; 0 when none is to be had. */
  take(cpu: number): number;
  /** Takes back a node whose element was removed, or never put in. */
  give(node: number): void;
}

/** What an LRU is made from. */
export interface LruParts {
  readonly owner: MapMemory;
  readonly cpuCount: number;
  /** All nodes of the map; a multiple of the CPUs where each has its own list. */
  readonly count: number;
  /** Makes node `index` usable and returns its address; called once for each. */
  open(index: number): number;
  readonly evict: Evict;
}

/** Hands out the nodes [low, high) of one CPU, the last one first. */
class FreshRange implements FreshNodes {
  private readonly parts: LruParts;
  private readonly nodes: LruNodes;
  private readonly cpu: number;
  private readonly low: number;
  private high: number;

  constructor(parts: LruParts, nodes: LruNodes, cpu: number, low: number, high: number) {
    this.parts = parts;
    this.nodes = nodes;
    this.cpu = cpu;
    this.low = low;
    this.high = high;
  }

  take(): number {
    if (this.high === this.low) return 0;
    const node = this.parts.open(--this.high);
    this.nodes.setCpu(node, this.cpu);
    this.nodes.setType(node, LruListType.free);
    return node;
  }
}

/** A list for each CPU, nothing shared. */
export class PercpuLru implements Lru {
  readonly nodes: LruNodes;
  private readonly lists: readonly LruList[];

  /** @throws SyscallError ENOMEM */
  constructor(parts: LruParts) {
    const { owner, cpuCount, evict } = parts;
    this.nodes = new LruNodes(owner.memory);
    const heads = owner.allocateHidden(cpuCount * LRU_LIST_BYTES);
    const share = parts.count / cpuCount;
    this.lists = Array.from({ length: cpuCount }, (_, cpu) => {
      const fresh = new FreshRange(parts, this.nodes, cpu, cpu * share, (cpu + 1) * share);
      return new LruList(this.nodes, heads + cpu * LRU_LIST_BYTES, fresh, PERCPU_FREE_TARGET, evict);
    });
  }

  take(cpu: number): number {
    const list = this.lists[cpu]!;
    list.rotate();
    let node = list.takeFree();
    if (node === 0 && list.shrink(PERCPU_FREE_TARGET, list.free, LruListType.free) > 0) {
      node = list.takeFree();
    }
    if (node !== 0) list.admit(node, LruListType.inactive);
    return node;
  }

  give(node: number): void {
    this.lists[this.nodes.cpu(node)]!.move(node, LruListType.free);
  }
}

/** One list for all CPUs. A node goes from it to a CPU's free nodes, then to its pending ones, and from there back. */
export class CommonLru implements Lru {
  readonly nodes: LruNodes;
  private readonly list: LruList;
  private readonly evict: Evict;
  private readonly cpuCount: number;
  /** How many free nodes a CPU fetches at once. */
  private readonly target: number;
  private readonly localHeads: number;
  /** The CPU from which each CPU tries to steal next. */
  private readonly nextSteal: Uint16Array;

  /** @throws SyscallError ENOMEM */
  constructor(parts: LruParts) {
    const { owner, cpuCount, count, evict } = parts;
    this.nodes = new LruNodes(owner.memory);
    this.evict = evict;
    this.cpuCount = cpuCount;
    this.target = Math.min(Math.max(Math.floor(Math.floor(count / cpuCount) / 2), 1), LOCAL_FREE_TARGET);
    this.nextSteal = Uint16Array.from({ length: cpuCount }, (_, cpu) => cpu);
    const heads = owner.allocateHidden(LRU_LIST_BYTES + 2 * cpuCount * NODE_BYTES);
    const fresh = new FreshRange(parts, this.nodes, 0, 0, count);
    this.list = new LruList(this.nodes, heads, fresh, LOCAL_FREE_TARGET, evict);
    this.localHeads = heads + LRU_LIST_BYTES;
    for (let i = 0; i < 2 * cpuCount; i++) this.nodes.initHead(this.localHeads + i * NODE_BYTES);
  }

  take(cpu: number): number {
    let node = this.takeLocal(cpu);
    if (node === 0) {
      this.refill(cpu);
      node = this.takeLocal(cpu) || this.steal(cpu);
    }
    if (node === 0) return 0;
    this.nodes.setCpu(node, cpu);
    this.nodes.setType(node, LruListType.localPending);
    this.nodes.clearReference(node);
    this.nodes.addFirst(this.pendingOf(cpu), node);
    return node;
  }

  give(node: number): void {
    const { nodes } = this;
    if (nodes.type(node) !== LruListType.localPending) {
      this.list.move(node, LruListType.free);
      return;
    }
    nodes.unlink(node);
    nodes.setType(node, LruListType.localFree);
    nodes.clearReference(node);
    nodes.addFirst(this.freeOf(nodes.cpu(node)), node);
  }

  private freeOf(cpu: number): number {
    return this.localHeads + 2 * cpu * NODE_BYTES;
  }

  private pendingOf(cpu: number): number {
    return this.freeOf(cpu) + NODE_BYTES;
  }

  /** Unlinks the first of a CPU's free nodes, or gives 0. */
  private takeLocal(cpu: number): number {
    const head = this.freeOf(cpu);
    const node = this.nodes.next(head);
    if (node === head) return 0;
    this.nodes.unlink(node);
    return node;
  }

  /** Gives a CPU's pending nodes to the common list and gets free ones for them, evicting where there are too few. */
  private refill(cpu: number): void {
    const { list, nodes } = this;
    this.flushPending(cpu);
    list.rotate();
    const head = this.freeOf(cpu);
    let got = 0;
    while (got < this.target) {
      const node = list.takeFree();
      if (node === 0) break;
      nodes.setType(node, LruListType.localFree);
      nodes.addFirst(head, node);
      got++;
    }
    if (got < this.target) list.shrink(this.target - got, head, LruListType.localFree);
  }

  private flushPending(cpu: number): void {
    const { nodes } = this;
    const head = this.pendingOf(cpu);
    for (let oldest = nodes.previous(head); oldest !== head; oldest = nodes.previous(head)) {
      const type = nodes.isReferenced(oldest) ? LruListType.active : LruListType.inactive;
      nodes.unlink(oldest);
      this.list.admit(oldest, type);
    }
  }

  /** Takes a free or pending node of any CPU, beginning with the one where the last search of this CPU ended. */
  private steal(cpu: number): number {
    const first = this.nextSteal[cpu]!;
    let from = first;
    let node = 0;
    do {
      node = this.takeLocal(from) || this.takePending(from);
      from = (from + 1) % this.cpuCount;
    } while (node === 0 && from !== first);
    this.nextSteal[cpu] = from;
    return node;
  }

  /** Evicts a CPU's oldest pending node, one that is not referenced if there is any. */
  private takePending(cpu: number): number {
    return this.evictPending(cpu, false) || this.evictPending(cpu, true);
  }

  private evictPending(cpu: number, referencedToo: boolean): number {
    const { nodes } = this;
    const head = this.pendingOf(cpu);
    for (let node = nodes.previous(head); node !== head; node = nodes.previous(node)) {
      if ((nodes.isReferenced(node) && !referencedToo) || !this.evict(node)) continue;
      nodes.unlink(node);
      return node;
    }
    return 0;
  }
}
