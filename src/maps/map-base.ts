/** What maps of almost every type keep of their making: attributes, where memory comes from, and the object that map pointers point to. */
import type { MapAttr, MapEnv } from './map.ts';
import type { MapContext } from './map-context.ts';
import { allocateMapObject, type MapMemory } from './map-memory.ts';

/** A map with its object (struct bpf_map). */
export abstract class MapBase {
  readonly attr: MapAttr;
  /** Address of the map's object. */
  readonly address: number;
  protected readonly env: MapEnv;
  protected readonly owner: MapMemory;

  /** @throws SyscallError ENOMEM */
  constructor({ env, attr, owner }: MapContext) {
    this.env = env;
    this.attr = attr;
    this.owner = owner;
    this.address = allocateMapObject(owner, attr);
  }
}
