/** What every map kind is constructed from, once all checks have passed. */

import type { MapAttr, MapEnv } from './map.ts';
import type { MapMemory } from './map-memory.ts';
import type { SpecialField } from './values/fields.ts';

/** What a map is made of. */
export interface MapContext {
  readonly env: MapEnv;
  readonly attr: MapAttr;
  /** Special fields of the value, by BTF. */
  readonly fields: readonly SpecialField[];
  /** Where the map's memory comes from; whoever catches a failing constructor gives it back. */
  readonly owner: MapMemory;
}
