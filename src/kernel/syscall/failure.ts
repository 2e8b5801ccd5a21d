/** How a command of bpf(2) fails: it throws what system calls throw; the raw form turns that into a negative number. */
import { SyscallError } from '../../base/errno.ts';

/** Ends a command with an errno (positive) and a reason for people. */
export function fail(errno: number, why: string): never {
  throw new SyscallError(errno, why);
}

/** Passes a result on, or fails when it is a negative errno. */
export function succeed(result: number, what: string): number {
  return result < 0 ? fail(-result, what) : result;
}
