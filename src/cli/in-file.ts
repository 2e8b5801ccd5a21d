/** Errors that an input file caused, with the name of the file. Small, because every start of the command line loads it. */
import { BpfError } from '../base/errors.ts';

/** What went wrong when `file` was read, written or made something of. */
export class FileFailure extends Error {
  /** The file as the user named it; `-` is stdin. */
  readonly file: string;
  override readonly cause: BpfError | SystemError;

  constructor(file: string, cause: BpfError | SystemError) {
    super(`${file}: ${cause.message}`);
    this.file = file;
    this.cause = cause;
  }
}

/** An error of the operating system, as Node's file functions throw it: `ENOENT: no such file or directory, open 'x'`. */
export type SystemError = NodeJS.ErrnoException & { readonly code: string };

/** Errors of Node's file functions carry the name of the system call that failed. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/**
 * Reads a file, or makes something of what it holds.
 * @throws FileFailure for what `action` throws on purpose; bugs go through as they are.
 */
export function inFile<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof BpfError || isSystemError(error)) throw new FileFailure(file, error);
    throw error;
  }
}
