/** What the rest of the kernel sees of iterators: links open sessions, descriptors read them. */
import type { Held } from '../../maps/index.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';

/** An open iterator. Its last holder closes it. */
export interface ReadableSession extends Held {
  /** Up to `size` bytes, none at the end. @throws SyscallError E2BIG, EAGAIN, ENOMEM; VmFault. */
  read(size: number): Uint8Array<ArrayBuffer>;
}

/** What an iterator's link is attached to. */
export interface SessionSource {
  /** A session of a program, which nobody holds yet. @throws SyscallError ENOMEM; EOPNOTSUPP for objects that are not simulated. */
  open(program: LoadedProgram): ReadableSession;
}
