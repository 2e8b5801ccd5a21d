/**
 * BPF_MAP_TYPE_DEVMAP: network devices by index, to which XDP programs redirect packets; each with an XDP program that sees them before
 * they leave, if one was given (kernel/bpf/devmap.c).
 */
import { Errno } from '../base/errno.ts';
import { DEVICE_VALUE_BYTES, type DeviceEntry, DeviceSlots, readonlyToPrograms } from './device-slots.ts';
import { BPF_NOEXIST, unknownPlainUpdateFlags } from './flags.ts';
import type { RedirectTarget, RedirectTargets } from './map.ts';
import type { MapContext } from './map-context.ts';
import { SlotArrayMap } from './slot-array.ts';

export class DevMap extends SlotArrayMap<DeviceEntry> implements RedirectTargets {
  readonly targets: RedirectTargets = this;
  readonly knownFlags = DeviceSlots.knownFlags;
  private readonly devices: DeviceSlots;
  /** What programs look up: a struct bpf_devmap_val for each slot. */
  private readonly values: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(readonlyToPrograms(context));
    this.devices = new DeviceSlots(this.env);
    this.values = this.owner.allocate({
      size: this.attr.maxEntries * DEVICE_VALUE_BYTES,
      kind: 'map-value',
      writable: false,
    });
  }

  targetAt(index: number): RedirectTarget | undefined {
    return this.at(index)?.target;
  }

  allTargets(): RedirectTarget[] {
    return this.occupied().map(([, entry]) => entry.target);
  }

  protected addressOf(_entry: DeviceEntry, index: number): number {
    return this.values + index * DEVICE_VALUE_BYTES;
  }

  protected readEntry(entry: DeviceEntry, value: Uint8Array): number {
    value.set(entry.image.subarray(0, this.attr.valueSize));
    return 0;
  }

  /** An interface index of 0 empties the slot. */
  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    if (flags === BPF_NOEXIST) return -Errno.EEXIST;
    const entry = this.devices.make(value.subarray(0, this.attr.valueSize), () => this.clear(index));
    if (typeof entry === 'number') return entry;
    if (entry === undefined) {
      this.clear(index);
      return 0;
    }
    this.owner.memory.writeBytes(this.values + index * DEVICE_VALUE_BYTES, entry.image);
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
