/**
 * How a check fails: it throws a Rejection, which ends the verification. The kernel's functions return a negative errno through
 * every caller instead; the few callers that go on after a failure catch it.
 */
import { Errno } from '../base/errno.ts';
import { BpfError } from '../base/errors.ts';
import type { RejectionCode } from './codes.ts';

/** A broken rule: the code names it, the message is what the kernel's log says. */
export class Rejection extends BpfError {
  declare readonly code: RejectionCode;
  /** Positive. */
  readonly errno: number;

  constructor(code: RejectionCode, errno: number, message: string) {
    super(code, message);
    this.errno = errno;
  }
}

/** The program needs something that this verifier does not check yet; the kernel might accept it. */
export function unsupported(what: string): Rejection {
  return new Rejection('unsupported', Errno.EOPNOTSUPP, `this verifier does not support ${what} yet`);
}

/** Errno for "you may not": most accesses. */
export const EACCES = Errno.EACCES;
/** Errno for "this makes no sense": most of the rest. */
export const EINVAL = Errno.EINVAL;
