/**
 * bpf_spin_lock and bpf_spin_unlock (kernel/bpf/helpers.c). The simulated machine runs one program at a time, so a lock that is taken
 * already can never become free: that would hang a real CPU, and is a fault here.
 */
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';

/** Locks in map values: a 32-bit word, 1 while taken. */
export const lockHelpers: FamilyMaker = ({ memory }) => ({
  bpf_spin_lock: plain((lock) => {
    if (memory.view.getInt32(lock >>> 0, true) !== 0)
      throw misuse(lock, 'is locked already; the CPU would wait for ever. Unlock it on every path first');
    memory.view.setInt32(lock >>> 0, 1, true);
    return 0;
  }),
  bpf_spin_unlock: plain((lock) => {
    if (memory.view.getInt32(lock >>> 0, true) === 0)
      throw misuse(lock, 'is not locked; call bpf_spin_lock before bpf_spin_unlock');
    memory.view.setInt32(lock >>> 0, 0, true);
    return 0;
  }),
});

function misuse(lock: number, what: string): HelperFault {
  return new HelperFault('helper-bad-lock', `the bpf_spin_lock at 0x${(lock >>> 0).toString(16)} ${what}`);
}
