/**
 * BPF_MAP_TYPE_ARRAY_OF_MAPS: maps by index. A lookup gives the inner map itself, as a program's map pointer
 * (array_of_map_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import type { BpfMap, MapRef } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { FdArrayMap, SLOT_BYTES } from '../slots/fd-array.ts';
import { INDEX_BYTES } from '../slots/index-keys.ts';
import { InnerTemplate, idAddress, uncounted } from '../slots/inner-maps.ts';
import { loadWord, userWord } from '../values/copy.ts';

/** Maps by index. Programs look one up, user space reads its id. */
export class ArrayOfMapsMap extends FdArrayMap<MapRef> {
  protected readonly idOf = (inner: MapRef): number => loadWord(this.owner.memory, idAddress(inner.map));
  private readonly template: InnerTemplate;

  /** `context.attr.innerMap` is the template. @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.template = new InnerTemplate(context.attr.innerMap!);
  }

  override lookup(key: number): number {
    const { memory } = this.owner;
    const index = loadWord(memory, key);
    return index < this.attr.maxEntries ? memory.u32[(this.slots + index * SLOT_BYTES) >>> 2]! : 0;
  }

  setInner(key: Uint8Array, inner: BpfMap): number {
    return key.length < INDEX_BYTES ? -Errno.EFAULT : this.install(userWord(key, 0), uncounted(inner));
  }

  protected resolve(fd: number): MapRef | number {
    return this.env.mapByFd?.(fd) ?? -Errno.EBADF;
  }

  protected handleOf(inner: MapRef): number {
    return inner.map.address;
  }

  protected refuse(inner: MapRef): number {
    return this.template.fits(inner.map) ? 0 : -Errno.EINVAL;
  }
}
