/**
 * The linear memory of one map: its regions, given back together, and the kernel object that stands for it, an image of struct
 * bpf_map. Knows nothing of keys and values. Layout of struct bpf_map: BTF of Linux 6.12 for x86-64.
 */
import { Errno, SyscallError } from '../base/errno.ts';
import { BpfError } from '../base/errors.ts';
import { MAX_OBJ_NAME } from '../base/limits.ts';
import { encodeUtf8 } from '../base/text.ts';
import type { AllocateOptions, Memory, RegionKind } from '../vm/index.ts';
import { MapFlag, permanentFlags } from './flags.ts';
import type { MapAttr } from './map.ts';

/** sizeof(struct bpf_map), and byte offsets of the members that programs read. `id` is written by who gives ids. */
export const MapObject = {
  bytes: 248,
  mapType: 24,
  keySize: 28,
  valueSize: 32,
  maxEntries: 36,
  mapExtra: 40,
  mapFlags: 48,
  id: 52,
  numaNode: 64,
  btfKeyTypeId: 68,
  btfValueTypeId: 72,
  name: 96,
} as const;

const NUMA_NO_NODE = -1;

/** The regions of a map. */
export class MapMemory {
  readonly memory: Memory;
  private readonly mapName: string;
  private readonly regions: number[] = [];

  constructor(memory: Memory, mapName: string) {
    this.memory = memory;
    this.mapName = mapName;
  }

  /**
   * Zeroed memory for the map, named after it.
   * @throws SyscallError ENOMEM when linear memory has no room.
   */
  allocate(options: Omit<AllocateOptions, 'name'>): number {
    const address = this.tryAllocate(options);
    if (address === 0) throw this.outOfMemory(options.size);
    return address;
  }

  /** The error of an allocation that failed. */
  outOfMemory(bytes: number): SyscallError {
    const message = `linear memory has no room for ${bytes} bytes that map '${this.mapName}' needs`;
    return new SyscallError(Errno.ENOMEM, message, { map: this.mapName });
  }

  /** The same without an exception: 0 when there is no room. */
  tryAllocate(options: Omit<AllocateOptions, 'name'>): number {
    try {
      const address = this.memory.allocate({ ...options, name: this.mapName });
      this.regions.push(address);
      return address;
    } catch (error) {
      if (error instanceof BpfError && error.code === 'out-of-memory') return 0;
      throw error;
    }
  }

  /** Memory for the map's own bookkeeping: programs cannot touch it. */
  allocateHidden(size: number, kind: RegionKind = 'kernel'): number {
    const address = this.allocate({ size, kind });
    this.memory.setAccess(address, size, 'none');
    return address;
  }

  /** Gives all regions back. */
  freeAll(): void {
    for (const address of this.regions.splice(0)) this.memory.free(address);
  }
}

/** Makes the object that a program's map pointer points to, read-only for programs as in the kernel. */
export function allocateMapObject(owner: MapMemory, attr: MapAttr): number {
  const address = owner.allocate({ size: MapObject.bytes, kind: 'map', writable: false });
  writeMapObject(owner.memory, address, attr);
  return address;
}

/** Fills in what BPF_MAP_CREATE knows of a struct bpf_map. */
export function writeMapObject(memory: Memory, address: number, attr: MapAttr): void {
  const u32 = (offset: number, value: number): void => {
    memory.view.setUint32(address + offset, value, true);
  };
  u32(MapObject.mapType, attr.type);
  u32(MapObject.keySize, attr.keySize);
  u32(MapObject.valueSize, attr.valueSize);
  u32(MapObject.maxEntries, attr.maxEntries);
  memory.view.setBigUint64(address + MapObject.mapExtra, attr.mapExtra ?? 0n, true);
  u32(MapObject.mapFlags, permanentFlags(attr.flags));
  const onNode = (attr.flags & MapFlag.BPF_F_NUMA_NODE) !== 0;
  u32(MapObject.numaNode, onNode ? (attr.numaNode ?? 0) : NUMA_NO_NODE);
  u32(MapObject.btfKeyTypeId, attr.btfKeyTypeId ?? 0);
  u32(MapObject.btfValueTypeId, attr.btfValueTypeId ?? 0);
  memory.writeBytes(address + MapObject.name, encodeUtf8(attr.name).subarray(0, MAX_OBJ_NAME));
}
