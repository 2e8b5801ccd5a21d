/**
 * Helpers on maps (kernel/bpf/helpers.c): they find the map and hand over; what happens then is the map kind's.
 */
import { type FamilyMaker, plain, unsigned64 } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** Lookup, update, delete; the queue operations; values of other CPUs. */
export const mapHelpers: FamilyMaker = (runtime) => ({
  bpf_map_lookup_elem: plain((map, key) => needMap(runtime, 'bpf_map_lookup_elem', map).lookup(key >>> 0), {
    kind: 'map-lookup',
    layout: (map) => runtime.mapAt(map)?.placement,
    finder: (address) => {
      const map = runtime.mapAt(address);
      return map === undefined ? undefined : (key) => map.lookup(key >>> 0);
    },
    ...(runtime.words === undefined ? {} : { cpuAddress: runtime.words.cpu }),
  }),

  bpf_map_update_elem: plain((map, key, value, flagsLo, flagsHi) =>
    needMap(runtime, 'bpf_map_update_elem', map).update(key >>> 0, value >>> 0, unsigned64(flagsLo, flagsHi)),
  ),

  bpf_map_delete_elem: plain((map, key) => needMap(runtime, 'bpf_map_delete_elem', map).delete(key >>> 0)),

  bpf_map_push_elem: plain((address, value, flagsLo, flagsHi) => {
    const map = needMap(runtime, 'bpf_map_push_elem', address);
    if (map.push === undefined) throw unsupported(map, 'bpf_map_push_elem');
    return map.push(value >>> 0, unsigned64(flagsLo, flagsHi));
  }),

  bpf_map_pop_elem: plain((address, value) => {
    const map = needMap(runtime, 'bpf_map_pop_elem', address);
    if (map.pop === undefined) throw unsupported(map, 'bpf_map_pop_elem');
    return map.pop(value >>> 0);
  }),

  bpf_map_peek_elem: plain((address, value) => {
    const map = needMap(runtime, 'bpf_map_peek_elem', address);
    if (map.peek === undefined) throw unsupported(map, 'bpf_map_peek_elem');
    return map.peek(value >>> 0);
  }),

  // The CPU is an unsigned int: what lies above 32 bits is ignored.
  bpf_map_lookup_percpu_elem: plain((address, key, cpu) => {
    const map = needMap(runtime, 'bpf_map_lookup_percpu_elem', address);
    if (map.lookupPercpu === undefined) throw unsupported(map, 'bpf_map_lookup_percpu_elem');
    return map.lookupPercpu(key >>> 0, cpu >>> 0);
  }),
});
