/**
 * What DEVMAP and CPUMAP share: slots that are redirected to, and a copy of what user space put into each (struct bpf_devmap_val, struct
 * bpf_cpumap_val), which programs look up.
 */
import { Errno } from '../../base/errno.ts';
import { BPF_NOEXIST, unknownPlainUpdateFlags } from '../flags.ts';
import type { RedirectTarget, RedirectTargets } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { SlotArrayMap, type SlotEntry } from './slot-array.ts';

/** Bytes of either struct: a number, then the descriptor of an XDP program or, when it is read, its id. */
export const TARGET_VALUE_BYTES = 8;

/** A slot in use. */
export interface TargetEntry extends SlotEntry {
  readonly target: RedirectTarget;
  /** The struct that is read back, TARGET_VALUE_BYTES. */
  readonly image: Uint8Array;
}

/** Redirect targets by index. */
export abstract class TargetArrayMap extends SlotArrayMap<TargetEntry> implements RedirectTargets {
  readonly targets: RedirectTargets = this;
  abstract readonly knownFlags: number;
  private readonly values: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const size = this.attr.maxEntries * TARGET_VALUE_BYTES;
    this.values = this.owner.allocate({ size, kind: 'map-value', writable: false });
  }

  /** The entry for a value of `valueSize` bytes; undefined empties the slot, a negative errno refuses the value. */
  protected abstract makeEntry(index: number, value: Uint8Array): TargetEntry | undefined | number;

  targetAt(index: number): RedirectTarget | undefined {
    return this.at(index)?.target;
  }

  allTargets(): RedirectTarget[] {
    return this.occupied().map(([, entry]) => entry.target);
  }

  protected addressOf(_entry: TargetEntry, index: number): number {
    return this.values + index * TARGET_VALUE_BYTES;
  }

  protected readEntry(entry: TargetEntry, value: Uint8Array): number {
    value.set(entry.image.subarray(0, this.attr.valueSize));
    return 0;
  }

  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    if (flags === BPF_NOEXIST) return -Errno.EEXIST;
    const entry = this.makeEntry(index, value.subarray(0, this.attr.valueSize));
    if (typeof entry === 'number') return entry;
    if (entry === undefined) {
      this.clear(index);
      return 0;
    }
    this.owner.memory.writeBytes(this.values + index * TARGET_VALUE_BYTES, entry.image);
    this.set(index, entry);
    return 0;
  }

  /** An empty slot may be emptied. */
  protected deleteSlot(index: number): number {
    if (index >= this.attr.maxEntries) return -Errno.EINVAL;
    this.clear(index);
    return 0;
  }
}
