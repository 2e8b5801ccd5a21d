/** The exit codes of every command; part of the command line's interface. */
/** What a command exits with. */
export const ExitCode = {
  /** The command did what it was asked to. */
  Ok: 0,
  /** A program faulted, was rejected, or a check failed. */
  Failed: 1,
  /** The command line itself is wrong. */
  Usage: 2,
  /** An input cannot be read or is malformed. */
  BadInput: 3,
  /** A bug of bpflab. */
  Bug: 70,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
