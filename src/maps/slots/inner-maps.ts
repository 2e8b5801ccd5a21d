/**
 * What a map of maps knows of its inner maps: the template that all must equal, and references to those it holds
 * (kernel/bpf/map_in_map.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfMapType } from '../../spec/index.ts';
import { MapFlag, permanentFlags } from '../flags.ts';
import type { BpfMap, MapAttr, MapRef } from '../map.ts';
import { MapObject } from '../map-memory.ts';
import { type Rule, rule } from '../rules.ts';
import type { SpecialField } from '../values/fields.ts';
import { fieldsOfMap } from '../values/map-fields.ts';

const MAPS_OF_MAPS: readonly number[] = [
  BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS,
];

/** Types that cannot be inner maps: they have no map_meta_equal. */
const NEVER_INNER: readonly number[] = [
  BpfMapType.BPF_MAP_TYPE_PROG_ARRAY,
  BpfMapType.BPF_MAP_TYPE_CGROUP_ARRAY,
  BpfMapType.BPF_MAP_TYPE_CGROUP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_STRUCT_OPS,
];

/** What must hold of the template at creation (bpf_map_meta_alloc). */
export const templateRules: readonly Rule[] = [
  rule(Errno.EBADF, (attr) => (attr.innerMap === undefined ? 'inner_map_fd names no map' : undefined)),
  rule(Errno.EINVAL, (attr) =>
    MAPS_OF_MAPS.includes(attr.innerMap?.attr.type ?? 0)
      ? 'the inner map may not hold maps itself'
      : undefined,
  ),
  rule(Errno.ENOTSUPP, (attr) =>
    NEVER_INNER.includes(attr.innerMap?.attr.type ?? 0)
      ? 'maps of this type cannot be inner maps'
      : undefined,
  ),
];

/** What is compared of a map; a copy, as the template itself may go. */
export class InnerTemplate {
  private readonly attr: MapAttr;
  private readonly fields: readonly SpecialField[];

  constructor(template: BpfMap) {
    this.attr = template.attr;
    this.fields = fieldsOfMap(template.attr);
  }

  /** Whether a map may stand where the template did (map_meta_equal). */
  fits(map: BpfMap): boolean {
    const { attr } = this;
    const other = map.attr;
    return (
      other.type === attr.type &&
      other.keySize === attr.keySize &&
      other.valueSize === attr.valueSize &&
      permanentFlags(other.flags) === permanentFlags(attr.flags) &&
      this.sizeFits(other) &&
      sameFields(this.fields, fieldsOfMap(map.attr))
    );
  }

  /** Array lookups are compiled with the number of entries, unless BPF_F_INNER_MAP forbids that. */
  private sizeFits(other: MapAttr): boolean {
    const compiled =
      this.attr.type === BpfMapType.BPF_MAP_TYPE_ARRAY && (this.attr.flags & MapFlag.BPF_F_INNER_MAP) === 0;
    return !compiled || other.maxEntries === this.attr.maxEntries;
  }
}

/** A reference that does not count: for inner maps whose owner sees to it that they outlive the outer one. */
export function uncounted(map: BpfMap): MapRef {
  return { map, hold: () => undefined, release: () => undefined };
}

/** Where the id of a map is in linear memory. */
export function idAddress(map: BpfMap): number {
  return map.address + MapObject.id;
}

function sameFields(a: readonly SpecialField[], b: readonly SpecialField[]): boolean {
  return (
    a.length === b.length && a.every((field, i) => field.kind === b[i]?.kind && field.offset === b[i].offset)
  );
}
