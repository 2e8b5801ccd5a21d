/**
 * The special fields of a live map's values, for those who have the map and not its creation: templates of maps of maps, batches, infos.
 * What a field is says fields.ts.
 */

import type { MapAttr } from '../map.ts';
import { type SpecialField, specialFields } from './fields.ts';

/** The special fields of a map's values. */
export function fieldsOfMap(attr: MapAttr): readonly SpecialField[] {
  const { btf, btfValueTypeId = 0, valueSize } = attr;
  return btf === undefined || btfValueTypeId === 0 ? [] : specialFields(btf, btfValueTypeId, valueSize);
}

/** Whether a map's values hold a spin lock, so that BPF_F_LOCK is allowed. */
export function hasLockField(attr: MapAttr): boolean {
  return fieldsOfMap(attr).some((field) => field.kind === 'bpf_spin_lock');
}
