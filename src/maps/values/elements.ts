/**
 * Elements of hash tables: their layout in linear memory, and where new ones come from. An element starts with its value, so that its
 * address is the value's; then come the link of its bucket, its key, its hash, and what an LRU list needs. Programs may touch
 * the value and read the key; the words around the key catch what reaches too far.
 */
import { alignUp } from '../../base/int64.ts';
import type { MapMemory } from '../map-memory.ts';
import type { ValueLayout } from './value-layout.ts';

/** Byte offsets in an element, multiples of 4. */
export interface ElementLayout {
  /** Address of the next element of the bucket, 0 at its end. A removed element keeps it, for walks that stand on it. */
  readonly nextAt: number;
  readonly keyAt: number;
  readonly keySize: number;
  /** The key's hash; in an element that is free, the address of the next free one. */
  readonly hashAt: number;
  /** Where an LRU node is, if there is one. */
  readonly nodeAt: number;
  /** Distance from one element to the next, a multiple of 8. */
  readonly stride: number;
}

/** Places in an element, by the sizes of its parts in bytes; `nodeBytes` is 0 without an LRU list. */
export function elementLayout(keySize: number, valueBytes: number, nodeBytes: number): ElementLayout {
  const keyAt = valueBytes + 4;
  const hashAt = keyAt + alignUp(keySize, 4);
  const nodeAt = hashAt + 4;
  return { nextAt: valueBytes, keyAt, keySize, hashAt, nodeAt, stride: alignUp(nodeAt + nodeBytes, 8) };
}

/** A region of elements. None is accessible to programs before it was opened. */
export class ElementArea {
  private readonly base: number;
  private readonly owner: MapMemory;
  private readonly layout: ElementLayout;
  private readonly values: ValueLayout;

  private constructor(owner: MapMemory, layout: ElementLayout, values: ValueLayout, base: number) {
    this.owner = owner;
    this.layout = layout;
    this.values = values;
    this.base = base;
  }

  /** Memory for `count` elements. @throws SyscallError ENOMEM */
  static allocate(owner: MapMemory, layout: ElementLayout, values: ValueLayout, count: number): ElementArea {
    const area = ElementArea.tryAllocate(owner, layout, values, count);
    if (area === undefined) throw owner.outOfMemory(layout.stride * count);
    return area;
  }

  /** The same without an exception: undefined when there is no room. */
  static tryAllocate(
    owner: MapMemory,
    layout: ElementLayout,
    values: ValueLayout,
    count: number,
  ): ElementArea | undefined {
    const size = layout.stride * count;
    const elements = { stride: layout.stride, size: values.slots === 1 ? values.size : values.total };
    const base = owner.tryAllocate({ size, kind: 'map-value', elements });
    if (base === 0) return undefined;
    owner.memory.setAccess(base, size, 'none');
    return new ElementArea(owner, layout, values, base);
  }

  /** Lets programs touch element `index` and returns its address. */
  open(index: number): number {
    const element = this.base + index * this.layout.stride;
    this.values.expose(element);
    this.owner.memory.setAccess(element + this.layout.keyAt, this.layout.keySize, 'read');
    return element;
  }
}

/** Where a hash table takes elements from and gives them back to. */
export interface ElementPool {
  /** An element that is in no bucket, 0 when there is none. */
  take(cpu: number): number;
  give(cpu: number, element: number): void;
}

/** A stack of free elements for each CPU. */
class FreeStacks {
  private readonly owner: MapMemory;
  private readonly linkAt: number;
  private readonly tops: Uint32Array;

  constructor(owner: MapMemory, layout: ElementLayout, cpuCount: number) {
    this.owner = owner;
    this.linkAt = layout.hashAt;
    this.tops = new Uint32Array(cpuCount);
  }

  pop(cpu: number): number {
    const element = this.tops[cpu]!;
    if (element !== 0) this.tops[cpu] = this.owner.memory.u32[(element + this.linkAt) >>> 2]!;
    return element;
  }

  push(cpu: number, element: number): void {
    this.owner.memory.u32[(element + this.linkAt) >>> 2] = this.tops[cpu]!;
    this.tops[cpu] = element;
  }
}

/**
 * A fixed number of elements, dealt out to the CPUs at creation; a CPU that has none left takes from the others in turn
 * (kernel/bpf/percpu_freelist.c). Those that were never used are handed out from the end of each CPU's share, when all
 * that it got back are in use.
 */
export class PreallocatedPool implements ElementPool {
  private readonly area: ElementArea;
  private readonly freed: FreeStacks;
  /** Elements [low, high) of a CPU were never handed out. */
  private readonly low: Uint32Array;
  private readonly high: Uint32Array;

  /** @throws SyscallError ENOMEM */
  constructor(owner: MapMemory, layout: ElementLayout, values: ValueLayout, count: number, cpuCount: number) {
    this.area = ElementArea.allocate(owner, layout, values, count);
    this.freed = new FreeStacks(owner, layout, cpuCount);
    this.low = new Uint32Array(cpuCount);
    this.high = new Uint32Array(cpuCount);
    const share = Math.floor(count / cpuCount);
    const remainder = count % cpuCount;
    for (let cpu = 0, at = 0; cpu < cpuCount; cpu++) {
      this.low[cpu] = at;
      at += share + (cpu < remainder ? 1 : 0);
      this.high[cpu] = at;
    }
  }

  take(cpu: number): number {
    const cpuCount = this.low.length;
    for (let i = 0, from = cpu; i < cpuCount; i++) {
      const element = this.freed.pop(from);
      if (element !== 0) return element;
      const last = this.high[from]! - 1;
      if (last >= this.low[from]!) {
        this.high[from] = last;
        return this.area.open(last);
      }
      if (++from === cpuCount) from = 0;
    }
    return 0;
  }

  give(cpu: number, element: number): void {
    this.freed.push(cpu, element);
  }
}

const FIRST_SLAB_BYTES = 4 << 10;
const LARGEST_SLAB_BYTES = 256 << 10;

/** Elements for BPF_F_NO_PREALLOC: memory is taken when it is needed, in slabs that double, and kept until the map goes. */
export class GrowingPool implements ElementPool {
  private readonly owner: MapMemory;
  private readonly layout: ElementLayout;
  private readonly values: ValueLayout;
  private readonly freed: FreeStacks;
  private readonly cpuCount: number;
  private slab: ElementArea | undefined;
  private unopened = 0;
  private slabBytes = FIRST_SLAB_BYTES;

  constructor(owner: MapMemory, layout: ElementLayout, values: ValueLayout, cpuCount: number) {
    this.owner = owner;
    this.layout = layout;
    this.values = values;
    this.cpuCount = cpuCount;
    this.freed = new FreeStacks(owner, layout, cpuCount);
  }

  take(cpu: number): number {
    for (let i = 0, from = cpu; i < this.cpuCount; i++) {
      const element = this.freed.pop(from);
      if (element !== 0) return element;
      if (++from === this.cpuCount) from = 0;
    }
    if (this.unopened === 0 && !this.grow()) return 0;
    return this.slab!.open(--this.unopened);
  }

  give(cpu: number, element: number): void {
    this.freed.push(cpu, element);
  }

  private grow(): boolean {
    const count = Math.max(1, Math.floor(this.slabBytes / this.layout.stride));
    const slab = ElementArea.tryAllocate(this.owner, this.layout, this.values, count);
    if (slab === undefined) return false;
    this.slab = slab;
    this.unopened = count;
    this.slabBytes = Math.min(this.slabBytes * 2, LARGEST_SLAB_BYTES);
    return true;
  }
}
