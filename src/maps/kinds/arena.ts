/**
 * BPF_MAP_TYPE_ARENA: pages that programs and user space share. Variables that an object declares in an arena lie in it from its start, and
 * programs reach them there; the kernel functions that give out further pages are not here. The kernel keeps pages apart from the
 * addresses that user space sees; here both are the same place in linear memory (kernel/bpf/arena.c).
 */
import { Errno } from '../../base/errno.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import { KeylessMap } from '../keyless.ts';
import type { BpfMap, MapAttr } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { allocateMapObject, type MapMemory } from '../map-memory.ts';

/** Pages that programs and user space share; without keys. */
export class ArenaMap extends KeylessMap implements BpfMap {
  readonly attr: MapAttr;
  readonly address: number;
  private readonly owner: MapMemory;
  /** Address of the pages, 0 before the first use. */
  private pages = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(Errno.EOPNOTSUPP);
    this.attr = context.attr;
    this.owner = context.owner;
    this.address = allocateMapObject(context.owner, context.attr);
  }

  override lookup(): number {
    return -Errno.EINVAL;
  }

  override readUser(): number {
    return -Errno.EINVAL;
  }

  push(): number {
    return -Errno.EOPNOTSUPP;
  }

  pop(): number {
    return -Errno.EOPNOTSUPP;
  }

  peek(): number {
    return -Errno.EOPNOTSUPP;
  }

  /** -ERANGE outside of it, -ENOMEM when linear memory has no room for its pages. */
  directValue(offset: number): number {
    const size = this.attr.maxEntries * PAGE_BYTES;
    if (offset > size) return -Errno.ERANGE;
    if (this.pages === 0) {
      this.pages = this.owner.tryAllocate({ size, align: PAGE_BYTES, kind: 'map-value' });
      if (this.pages === 0) return -Errno.ENOMEM;
    }
    return this.pages + offset;
  }

  free(): void {
    this.owner.freeAll();
  }
}
