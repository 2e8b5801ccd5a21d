/**
 * What a loaded map holds, in the way that fits its kind: elements with keys, the values of a queue or stack in the order in which they
 * would leave, or records that were sent through it.
 */
import { type BpfMap, BpfMapType, type BpfObject, type MapHandle } from '../../index.ts';
import type { SentRecord } from '../render/records.ts';
import { type Element, type ElementTypes, elementsOf, kernelTypesOf } from './elements.ts';

/** The content of one map, and the types to show it by. */
export interface MapContent {
  readonly kind: 'elements' | 'values' | 'stacks' | 'records' | 'hidden';
  /** Elements with keys, or values with empty ones. */
  readonly elements: readonly Element[];
  readonly records: readonly SentRecord[];
  readonly types: ElementTypes | undefined;
}

/**
 * Reads a map; it stays as it is.
 * @param records All that were sent, of whatever map.
 */
export function contentOf(object: BpfObject, handle: MapHandle, records: readonly SentRecord[]): MapContent {
  const types = kernelTypesOf(handle);
  const content = (kind: MapContent['kind'], elements: readonly Element[] = []): MapContent => ({
    kind,
    elements,
    records: [],
    types,
  });
  switch (handle.map.attr.type) {
    case BpfMapType.BPF_MAP_TYPE_RINGBUF:
    case BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY:
      return { ...content('records'), records: records.filter(({ map }) => map === handle.name) };
    case BpfMapType.BPF_MAP_TYPE_QUEUE:
      return { ...content('values', valuesOf(handle.map, false)), types: declaredTypes(object, handle) };
    case BpfMapType.BPF_MAP_TYPE_STACK:
      return { ...content('values', valuesOf(handle.map, true)), types: declaredTypes(object, handle) };
    default: {
      const elements = elementsOf(handle);
      if (elements === undefined) return content('hidden');
      const stacks = handle.map.attr.type === BpfMapType.BPF_MAP_TYPE_STACK_TRACE;
      return content(stacks ? 'stacks' : 'elements', elements);
    }
  }
}

/** Takes all values out and puts them back: there is no other way to see more than the first. */
function valuesOf(map: BpfMap, lastInFirstOut: boolean): Element[] {
  const key = new Uint8Array();
  const values: Uint8Array[] = [];
  for (;;) {
    const value = new Uint8Array(map.userValueSize);
    const error = map.lookupAndDeleteUser?.(key, value, 0) ?? -1;
    if (error < 0) break;
    values.push(value);
  }
  for (const value of lastInFirstOut ? values.toReversed() : values) map.updateUser(key, value, 0);
  return values.map((value) => ({ key, value }));
}

/** The types that the object's file gives; the kernel takes none for kinds without keys. */
function declaredTypes(object: BpfObject, { spec, map }: MapHandle): ElementTypes | undefined {
  const { btf } = object.spec;
  const { btfValueTypeId } = spec;
  if (btf === undefined || btfValueTypeId === 0) return undefined;
  if (btf.sizeOf(btfValueTypeId) !== map.attr.valueSize) return undefined;
  return { btf, keyTypeId: 0, valueTypeId: btfValueTypeId };
}
