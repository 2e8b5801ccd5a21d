/** bpf_kptr_xchg (kernel/bpf/helpers.c): takes the pointer out of a field of a map value, and puts another in its place. */
import { type FamilyMaker, plain } from './implementation.ts';

/** Objects are not counted here, so whose pointer it is does not matter. */
export const kptrHelpers: FamilyMaker = ({ memory }) => ({
  bpf_kptr_xchg: plain((field, pointer) => {
    const at = field >>> 0;
    const old = memory.view.getUint32(at, true);
    memory.view.setUint32(at, pointer >>> 0, true);
    memory.view.setUint32(at + 4, 0, true);
    return old;
  }),
});
