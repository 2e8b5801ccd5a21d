/**
 * The static slots of maps of maps and prog arrays: relocations in `.maps` that put maps and programs into `values`.
 * Rules: bpf_object__collect_map_relos in tools/lib/bpf/libbpf.c.
 */
import { LoadError, type Place } from '../base/errors.ts';
import type { ElfRelocation, ElfSection, ElfSymbol } from '../elf/index.ts';
import { SLOT_BYTES } from '../isa/index.ts';
import { BpfMapType } from '../spec/index.ts';
import { isMapInMap } from './btf-maps.ts';
import type { FunctionCode } from './functions.ts';
import { draftAt, type MapDraft } from './map-draft.ts';

/** Bytes of a pointer in `values`. */
const POINTER_BYTES = 8;

/** What slots can refer to, by name. */
export interface SlotTargets {
  readonly maps: ReadonlyMap<string, MapDraft>;
  readonly programs: ReadonlyMap<string, FunctionCode>;
}

/** Enters the map or program that a relocation puts into a slot. `maps` are those of `.maps`, by place. */
export function collectValuesRelocation(
  section: ElfSection,
  maps: readonly MapDraft[],
  targets: SlotTargets,
  relocation: ElfRelocation,
  symbol: ElfSymbol,
): void {
  const at = relocation.offset;
  const place: Place = { section: section.name, symbol: symbol.name, offset: section.offset + at };
  const map = draftAt(maps, at, POINTER_BYTES);
  if (map === undefined)
    throw new LoadError('relocation-without-map', `no map definition lies at byte ${at} of .maps`, place);
  const isProgArray = map.spec.type === BpfMapType.BPF_MAP_TYPE_PROG_ARRAY;
  const where: Place = { ...place, map: map.spec.name };
  if (!isProgArray && !isMapInMap(map.spec.type))
    throw new LoadError(
      'values-map-type',
      `'${map.spec.name}' is neither a map of maps nor a prog array`,
      where,
    );
  const slot = map.valuesAt === undefined ? -1 : (at - map.offset - map.valuesAt) / POINTER_BYTES;
  if (slot < 0 || !Number.isInteger(slot))
    throw new LoadError('values-place', `'${symbol.name}' does not stand in a slot of 'values'`, where);
  if (isProgArray) checkProgram(targets, symbol, where);
  else checkMap(targets, map, section, symbol, where);
  map.slots.set(slot, { index: slot, kind: isProgArray ? 'program' : 'map', name: symbol.name });
}

function checkMap(
  targets: SlotTargets,
  map: MapDraft,
  section: ElfSection,
  symbol: ElfSymbol,
  place: Place,
): void {
  if (symbol.section !== section.index)
    throw new LoadError('values-not-a-map', `'${symbol.name}' is no map of .maps`, place);
  if (map.spec.type === BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS && map.spec.keySize !== 4)
    throw new LoadError(
      'values-key-size',
      `static slots of a hash of maps have their number as key: the key must have 4 bytes, not ${map.spec.keySize}`,
      place,
    );
  if (!targets.maps.has(symbol.name))
    throw new LoadError('values-not-a-map', `'${symbol.name}' is no map of .maps`, place);
}

function checkProgram(targets: SlotTargets, symbol: ElfSymbol, place: Place): void {
  const program = targets.programs.get(symbol.name);
  if (program?.section.index !== symbol.section || program.start * SLOT_BYTES !== symbol.value)
    throw new LoadError('values-not-a-program', `'${symbol.name}' is no entry program of this file`, place);
}
