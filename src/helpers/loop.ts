/**
 * Helpers that call back into the program: bpf_loop (kernel/bpf/bpf_iter.c) and bpf_for_each_map_elem (map_for_each_callback of the
 * map kinds). The engine drives them; drivers are reused, so that a loop allocates nothing once its depth was reached before.
 */
import { Errno } from '../base/errno.ts';
import type { BpfMap, MapIterator } from '../maps/index.ts';
import type { CallbackDriver } from '../vm/index.ts';
import { type FamilyMaker, type HighHalf, wideInt, wideU32 } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** BPF_MAX_LOOPS of include/linux/bpf.h. */
const BPF_MAX_LOOPS = 8 << 20;

/** A stack of drivers: nested calls take further ones, `result` gives one back. */
class Pool<T> {
  private readonly free: T[] = [];
  private readonly make: (pool: Pool<T>) => T;

  constructor(make: (pool: Pool<T>) => T) {
    this.make = make;
  }

  take(): T {
    return this.free.pop() ?? this.make(this);
  }

  give(item: T): void {
    this.free.push(item);
  }
}

/** `fill` takes longer than this for so few. */
function clear(args: Int32Array): void {
  for (let i = 0; i < args.length; i++) args[i] = 0;
}

/** Calls back with an index from 0 until the count is reached or the callback returns other than 0. */
class LoopDriver implements CallbackDriver {
  callback = 0;
  private count = 0;
  private context = 0;
  private index = 0;
  private stopped = false;
  private readonly pool: Pool<LoopDriver>;
  private readonly high: HighHalf;

  constructor(pool: Pool<LoopDriver>, high: HighHalf) {
    this.pool = pool;
    this.high = high;
  }

  begin(count: number, callback: number, context: number): this {
    this.count = count;
    this.callback = callback;
    this.context = context;
    this.index = 0;
    this.stopped = false;
    return this;
  }

  next(args: Int32Array): boolean {
    if (this.stopped || this.index === this.count) return false;
    clear(args);
    args[0] = this.index++;
    args[2] = this.context;
    return true;
  }

  returned(lo: number, hi: number): void {
    this.stopped = (lo | hi) !== 0;
  }

  result(): number {
    this.pool.give(this);
    return wideU32(this.high, this.index);
  }
}

/** Calls back with each entry of a map until the callback returns other than 0. */
class MapDriver implements CallbackDriver {
  callback = 0;
  private map = 0;
  private entries: MapIterator | undefined;
  private context = 0;
  private calls = 0;
  private stopped = false;
  private readonly pool: Pool<MapDriver>;

  constructor(pool: Pool<MapDriver>) {
    this.pool = pool;
  }

  begin(map: BpfMap, entries: MapIterator, callback: number, context: number): this {
    this.map = map.address;
    this.entries = entries;
    this.callback = callback;
    this.context = context;
    this.calls = 0;
    this.stopped = false;
    return this;
  }

  next(args: Int32Array): boolean {
    const { entries } = this;
    if (entries === undefined || this.stopped || !entries.next()) return false;
    this.calls++;
    clear(args);
    args[0] = this.map;
    args[2] = entries.key;
    args[4] = entries.value;
    args[6] = this.context;
    return true;
  }

  returned(lo: number, hi: number): void {
    this.stopped = (lo | hi) !== 0;
  }

  result(): number {
    this.entries?.close();
    this.entries = undefined;
    this.pool.give(this);
    return this.calls;
  }
}

/** bpf_loop and bpf_for_each_map_elem. */
export const loopHelpers: FamilyMaker = (runtime, result) => {
  const loops = new Pool<LoopDriver>((pool) => new LoopDriver(pool, result));
  const walks = new Pool<MapDriver>((pool) => new MapDriver(pool));
  return {
    bpf_loop: {
      kind: 'callback',
      inline: { kind: 'loop' },
      // With flags 0 the kernel inlines the loop: the count is compared in full, and the error comes zero-extended.
      start: (count, countHi, callback, context, flagsLo, flagsHi) => {
        if ((flagsLo | flagsHi) !== 0) return wideInt(result, -Errno.EINVAL);
        if (countHi !== 0 || count >>> 0 > BPF_MAX_LOOPS) return wideU32(result, -Errno.E2BIG);
        return loops.take().begin(count, callback, context);
      },
    },
    bpf_for_each_map_elem: {
      kind: 'callback',
      inline: {
        kind: 'map-walk',
        layout: (map) => runtime.mapAt(map)?.placement,
        ...(runtime.words === undefined ? {} : { cpuAddress: runtime.words.cpu }),
      },
      start: (mapAddress, callback, context, flagsLo, flagsHi) => {
        const map = needMap(runtime, 'bpf_for_each_map_elem', mapAddress);
        if ((flagsLo | flagsHi) !== 0) return -Errno.EINVAL;
        const entries = map.iterate?.();
        if (entries === undefined) throw unsupported(map, 'bpf_for_each_map_elem');
        return walks.take().begin(map, entries, callback, context);
      },
    },
  };
};
