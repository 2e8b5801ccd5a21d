/**
 * BPF_MAP_TYPE_DEVMAP: network devices by index, to which XDP programs redirect packets; each with an XDP program that sees them before
 * they leave, if one was given (kernel/bpf/devmap.c).
 */

import type { MapContext } from '../map-context.ts';
import { DeviceSlots, readonlyToPrograms } from '../slots/device-slots.ts';
import { TargetArrayMap, type TargetEntry } from '../slots/target-array.ts';

/** Devices by index. */
export class DevMap extends TargetArrayMap {
  readonly knownFlags = DeviceSlots.knownFlags;
  private readonly devices: DeviceSlots;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(readonlyToPrograms(context));
    this.devices = new DeviceSlots(this.env);
  }

  /** An interface index of 0 empties the slot. */
  protected makeEntry(index: number, value: Uint8Array): TargetEntry | undefined | number {
    return this.devices.make(value, () => this.clear(index));
  }
}
