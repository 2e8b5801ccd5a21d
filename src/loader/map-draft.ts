/** Maps while an object is opened: what ObjectSpec says of them, and where their definitions lie, for relocations. */
import type { MapSlot, MapSpec } from './object-spec.ts';

/** A map while relocations still add to it. */
export interface MapDraft {
  readonly spec: MapSpec;
  /** Index of the section that the definition lies in; undefined for .kconfig. */
  readonly section: number | undefined;
  /** Place of the definition in that section. */
  readonly offset: number;
  readonly size: number;
  /** Place of the member `values` in the definition, of maps that have it as their last. */
  readonly valuesAt: number | undefined;
  /** Slots by index, collected from relocations. */
  readonly slots: Map<number, MapSlot>;
}

/** A draft of a map that has no slots yet. */
export function draftMap(
  spec: MapSpec,
  section: number | undefined,
  offset: number,
  size: number,
  valuesAt?: number,
): MapDraft {
  return { spec, section, offset, size, valuesAt, slots: new Map() };
}

/** The definition that holds `bytes` bytes from `offset` on. `maps` are of one section, in order of their places. */
export function draftAt(maps: readonly MapDraft[], offset: number, bytes: number): MapDraft | undefined {
  let low = 0;
  let high = maps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((maps[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const map = maps[low - 1];
  return map !== undefined && offset + bytes <= map.offset + map.size ? map : undefined;
}

/** What ObjectSpec says of a map, with its slots. */
export function finishMap({ spec, slots }: MapDraft): MapSpec {
  if (slots.size === 0) return spec;
  return { ...spec, values: [...slots.values()].sort((a, b) => a.index - b.index) };
}

/** The numbers of a map that most kinds of definitions leave at zero. */
export const PLAIN_SETTINGS = {
  keySize: 0,
  valueSize: 0,
  maxEntries: 0,
  flags: 0,
  mapExtra: 0n,
  numaNode: 0,
  pinning: 0,
  btfKeyTypeId: 0,
  btfValueTypeId: 0,
} as const;

/** What most kinds of definitions do not say. */
export const PLAIN_MAP = { ...PLAIN_SETTINGS, values: [], variables: [] } as const;
