/**
 * Nodes of LRU lists in linear memory: circular doubly linked lists with a head that is no node, and per node the list it is in, its
 * CPU and its reference bit. No policy. Layout of a node: next, previous (addresses), CPU (16 bits), list (8 bits), reference bit (8 bits).
 */
import type { Memory } from '../../vm/index.ts';

/** Bytes of a node, and of the head of a list. */
export const NODE_BYTES = 12;

/** Lists that a node can be in (enum bpf_lru_list_type of kernel/bpf/bpf_lru_list.h). */
export const LruListType = { active: 0, inactive: 1, free: 2, localFree: 3, localPending: 4 } as const;

/** The number of a list in a node. */
export type LruListTypeNumber = (typeof LruListType)[keyof typeof LruListType];

const PREVIOUS = 4;
const CPU = 8;
const TYPE = 10;
const REFERENCED = 11;

/** Operations on nodes and heads by address. */
export class LruNodes {
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Makes a head the head of an empty list. */
  initHead(head: number): void {
    this.link(head, head);
  }

  isEmpty(head: number): boolean {
    return this.next(head) === head;
  }

  next(node: number): number {
    return this.memory.u32[node >>> 2]!;
  }

  previous(node: number): number {
    return this.memory.u32[(node + PREVIOUS) >>> 2]!;
  }

  /** Puts a node that is in no list behind a head, as the list's first. */
  addFirst(head: number, node: number): void {
    const first = this.next(head);
    this.link(node, first);
    this.link(head, node);
  }

  /** Takes a node out of its list. */
  unlink(node: number): void {
    this.link(this.previous(node), this.next(node));
  }

  cpu(node: number): number {
    return this.memory.u16[(node + CPU) >>> 1]!;
  }

  setCpu(node: number, cpu: number): void {
    this.memory.u16[(node + CPU) >>> 1] = cpu;
  }

  type(node: number): number {
    return this.memory.u8[node + TYPE]!;
  }

  setType(node: number, type: LruListTypeNumber): void {
    this.memory.u8[node + TYPE] = type;
  }

  isReferenced(node: number): boolean {
    return this.memory.u8[node + REFERENCED] !== 0;
  }

  /** Sets the reference bit: someone has used the element since the bit was last cleared. */
  reference(node: number): void {
    this.memory.u8[node + REFERENCED] = 1;
  }

  clearReference(node: number): void {
    this.memory.u8[node + REFERENCED] = 0;
  }

  private link(before: number, after: number): void {
    const words = this.memory.u32;
    words[before >>> 2] = after;
    words[(after + PREVIOUS) >>> 2] = before;
  }
}
