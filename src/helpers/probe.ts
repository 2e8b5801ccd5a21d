/**
 * bpf_probe_read_* and bpf_copy_from_user* (kernel/trace/bpf_trace.c, kernel/bpf/helpers.c): reading memory at any address.
 * Whatever fails leaves zeros.
 */
import { Errno } from '../base/errno.ts';
import { type FamilyMaker, type Implementation, plain } from './implementation.ts';
import { type AddressSpace, SafeMemory } from './safe-memory.ts';

/** Which space an address is taken to be in. */
type Chooser = (lo: number, hi: number) => AddressSpace;

/** Reads from user and kernel memory, and the write to user memory. */
export const probeHelpers: FamilyMaker = ({ memory }) => {
  const safe = new SafeMemory(memory);

  const clearOnError = (destination: number, size: number, result: number): number => {
    if (result < 0) memory.u8.fill(0, destination >>> 0, (destination >>> 0) + (size >>> 0));
    return result;
  };
  const bytes = (space: Chooser): Implementation =>
    plain((destination, size, lo, hi) =>
      clearOnError(
        destination,
        size,
        safe.read(space(lo, hi), lo, hi, size >>> 0, memory.u8, destination >>> 0),
      ),
    );
  const string = (space: Chooser): Implementation =>
    plain((destination, size, lo, hi) =>
      clearOnError(
        destination,
        size,
        safe.readString(space(lo, hi), lo, hi, size >>> 0, memory.u8, destination >>> 0),
      ),
    );

  const user: Chooser = () => 'user';
  const kernel: Chooser = () => 'kernel';
  // Where the two spaces do not overlap, the address says which one is meant; NULL is in user space.
  const either: Chooser = (lo, hi) => (safe.check('kernel', lo, hi, 0) === -Errno.ERANGE ? 'user' : 'kernel');
  const copyFromUser = bytes(user);

  return {
    bpf_probe_read: bytes(either),
    bpf_probe_read_str: string(either),
    bpf_probe_read_user: bytes(user),
    bpf_probe_read_user_str: string(user),
    bpf_probe_read_kernel: bytes(kernel),
    bpf_probe_read_kernel_str: string(kernel),
    bpf_copy_from_user: copyFromUser,

    // The source comes second here.
    bpf_probe_write_user: plain((lo, hi, source, size) => {
      const error = safe.check('user', lo, hi, size >>> 0);
      const from = source >>> 0;
      if (error === 0) memory.u8.copyWithin(lo >>> 0, from, from + (size >>> 0));
      return error;
    }),
  };
};
