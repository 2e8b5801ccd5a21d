/**
 * Walks over the elements of a map for iter/bpf_map_elem: hashes by bucket and place in it, arrays by index (bpf_hash_map_seq_* in
 * kernel/bpf/hashtab.c, bpf_array_map_seq_* in kernel/bpf/arraymap.c). Of a per-CPU map all slots are shown together, as a copy.
 */
import { BpfMapType as M } from '../../spec/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { Walk } from './walk.ts';

const PER_CPU: readonly number[] = [
  M.BPF_MAP_TYPE_PERCPU_HASH,
  M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  M.BPF_MAP_TYPE_PERCPU_ARRAY,
];
const PLAIN: readonly number[] = [M.BPF_MAP_TYPE_HASH, M.BPF_MAP_TYPE_LRU_HASH, M.BPF_MAP_TYPE_ARRAY];

/** Whether iter/bpf_map_elem walks maps of a type. */
export function hasElementWalk(type: number): boolean {
  return PLAIN.includes(type) || PER_CPU.includes(type);
}

/** An element: addresses of its key and, unless the map is per-CPU, of its value. */
interface Element {
  readonly key: number;
  readonly value: number;
}

/** A walk over a map of one of these types, which it holds. @throws BpfError `out-of-memory`. */
export function elementWalk(memory: Memory, live: LiveMap): Walk<Element> {
  live.holdUser();
  const { map } = live;
  const size = PER_CPU.includes(map.attr.type) ? map.userValueSize : 0;
  const copy =
    size === 0 ? 0 : memory.allocate({ size, kind: 'map-value', name: `copy of ${map.attr.name}` });
  return map.buckets === undefined
    ? new ArrayWalk(memory, live, copy)
    : new HashWalk(memory, live, copy, map.buckets);
}

abstract class ElementWalk implements Walk<Element> {
  protected readonly memory: Memory;
  protected readonly live: LiveMap;
  /** Address of the copy of a per-CPU value, 0 for other maps. */
  private readonly copy: number;

  constructor(memory: Memory, live: LiveMap, copy: number) {
    this.memory = memory;
    this.live = live;
    this.copy = copy;
  }

  abstract start(): Element | undefined;
  abstract next(element: Element): Element | undefined;

  words(element: Element | undefined): readonly number[] {
    const { address } = this.live.map;
    return element === undefined ? [address, 0, 0] : [address, element.key, this.valueOf(element)];
  }

  close(): void {
    if (this.copy !== 0) this.memory.free(this.copy);
    this.live.releaseUser();
  }

  private valueOf({ key, value }: Element): number {
    if (this.copy === 0) return value;
    const { map } = this.live;
    const bytes = new Uint8Array(map.userValueSize);
    map.readUser(this.memory.readBytes(key, map.attr.keySize), bytes, 0);
    this.memory.writeBytes(this.copy, bytes);
    return this.copy;
  }
}

class ArrayWalk extends ElementWalk {
  private index = 0;
  /** Address of the index, the key. */
  private readonly key: number;

  constructor(memory: Memory, live: LiveMap, copy: number) {
    super(memory, live, copy);
    this.key = memory.allocate({ size: 4, kind: 'kernel', name: 'index of an iterator', writable: false });
  }

  start(): Element | undefined {
    const { map } = this.live;
    if (this.index >= map.attr.maxEntries) return undefined;
    this.memory.view.setUint32(this.key, this.index, true);
    return { key: this.key, value: map.lookup(this.key) };
  }

  next(): Element | undefined {
    this.index++;
    return this.start();
  }

  override close(): void {
    this.memory.free(this.key);
    super.close();
  }
}

type Buckets = NonNullable<LiveMap['map']['buckets']>;

class HashWalk extends ElementWalk {
  private readonly buckets: Buckets;
  private bucket = 0;
  /** Elements of the bucket that were passed. */
  private passed = 0;

  constructor(memory: Memory, live: LiveMap, copy: number, buckets: Buckets) {
    super(memory, live, copy);
    this.buckets = buckets;
  }

  start(): Element | undefined {
    for (; this.bucket < this.buckets.count; this.bucket++, this.passed = 0) {
      let value = this.buckets.first(this.bucket);
      for (let i = 0; value !== 0 && i < this.passed; i++) value = this.buckets.next(value);
      if (value !== 0) return this.at(value);
    }
    return undefined;
  }

  next({ value }: Element): Element | undefined {
    this.passed++;
    const next = this.buckets.next(value);
    if (next !== 0) return this.at(next);
    this.bucket++;
    this.passed = 0;
    return this.start();
  }

  private at(value: number): Element {
    return { key: this.buckets.keyOf(value), value };
  }
}
