/** Iterator programs for `run`: they are not test-run but read, as `cat` would read their pin. */
import { Errno } from '../base/errno.ts';
import { type AttachOptions, type BpfObject, type Kernel, type Program, SyscallError } from '../index.ts';

/** What an iterator gave. */
export interface Reading {
  /** `read`, with the map if it goes through the elements of one. */
  readonly event: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a program's iterator to its end; one that goes through a map is read for each map of the object that it fits.
 * @throws SyscallError EOPNOTSUPP for an iterator that is not modelled, or as read(2); VmFault when the program faults.
 */
export function readIterator(kernel: Kernel, object: BpfObject, program: Program): Reading[] {
  const alone = readOnce(kernel, program, {});
  if (alone !== undefined) return [{ event: 'read', bytes: alone }];
  return object.mapList.flatMap((map) => {
    const bytes = readOnce(kernel, program, { map });
    return bytes === undefined ? [] : [{ event: `read of ${map.name}`, bytes }];
  });
}

/** Undefined if the iterator does not take these options: no map, or one that it does not fit. */
function readOnce(kernel: Kernel, program: Program, options: AttachOptions): Uint8Array | undefined {
  const link = attachIfFits(program, options);
  if (link === undefined) return undefined;
  try {
    const fd = kernel.process.openIterator(link);
    try {
      return kernel.process.readAll(fd);
    } finally {
      kernel.process.close(fd);
    }
  } finally {
    link.detach();
  }
}

/** What the kernel answers for a missing map, one of another kind, and one whose keys or values the program does not fit. */
const DOES_NOT_FIT: readonly number[] = [Errno.EBADF, Errno.EINVAL, Errno.EACCES];

function attachIfFits(program: Program, options: AttachOptions): ReturnType<Program['attach']> | undefined {
  try {
    return program.attach(options);
  } catch (error) {
    if (error instanceof SyscallError && DOES_NOT_FIT.includes(error.errno)) return undefined;
    throw error;
  }
}
