/**
 * bpf_tail_call (kernel/bpf/core.c): the engine does the jump and counts; here is only which program a slot holds.
 */
import type { FamilyMaker } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** bpf_tail_call. */
export const tailCallHelpers: FamilyMaker = (runtime) => ({
  bpf_tail_call: {
    kind: 'tail-call',
    target: (address, index) => {
      const map = needMap(runtime, 'bpf_tail_call', address);
      if (map.programAt === undefined) throw unsupported(map, 'bpf_tail_call');
      return map.programAt(index >>> 0)?.prepared;
    },
  },
});
