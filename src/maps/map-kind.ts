/** What there is to say of a map type: the rules of its creation, and how it is made. */

import type { BpfMap, MapAttr, MapCapability } from './map.ts';
import type { MapContext } from './map-context.ts';
import type { Rule } from './rules.ts';
import type { TypeRule } from './values/btf-check.ts';

/** A map type. */
export interface MapKind {
  /** Checked before anything else of the type (map_alloc_check). */
  readonly rules: readonly Rule[];
  /** What the caller must be capable of; undefined: nothing beyond making maps at all. */
  readonly capability?: MapCapability;
  /** Checked after the capability (map_alloc). */
  readonly lateRules?: readonly Rule[];
  /** Rules for BTF types (map_check_btf); undefined: the common ones are all. */
  readonly types?: TypeRule;
  /** The number of entries that the map gets. */
  readonly entries?: (attr: MapAttr, cpuCount: number) => number;
  create(context: MapContext): BpfMap;
}
