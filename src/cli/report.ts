/** Turns what a command throws into a message on stderr and an exit code. */
import { CommanderError } from 'commander';
import { BpfError, BtfError, ElfError, IsaError, LoadError, UsageError } from '../index.ts';
import { ExitCode } from './exit-codes.ts';
import { FileFailure, isSystemError, type SystemError } from './in-file.ts';
import { type Io, OutputClosed } from './io.ts';
import { inSources } from './source-lines.ts';

/** Ends a command with an exit code after it has said itself what happened. */
export class CommandFailed extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** A wrong option value or argument; the text says what is right. */
export function usageError(message: string): UsageError {
  return new UsageError('bad-argument', message);
}

/** Reports `error` and returns the exit code that it stands for. */
export function reportError(error: unknown, io: Io): ExitCode {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof OutputClosed) return ExitCode.Ok;
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
  if (error instanceof FileFailure) {
    io.err(`${error.file}: `);
    return reportError(error.cause, io);
  }
  if (error instanceof BpfError || isSystemError(error)) {
    io.err(`${io.errColor.red('error')} [${error.code}]: ${describeError(error)}\n`);
    return error instanceof BpfError ? exitCodeOf(error) : ExitCode.BadInput;
  }
  const text = error instanceof Error ? inSources(error.stack ?? error.message) : String(error);
  io.err(`${io.errColor.red('bug in bpflab')}: ${text}\nPlease report it with the input that led here.\n`);
  return ExitCode.Bug;
}

/** The text of an error without its code; of a system call's only what the system says, as the file and the code stand beside it. */
export function describeError(error: BpfError | SystemError): string {
  if (error instanceof BpfError) return error.describe();
  return error.message.replace(/^[A-Z\d]+: (.*), \w+( '.*')?$/s, '$1');
}

function exitCodeOf(error: BpfError): ExitCode {
  if (error instanceof UsageError) return ExitCode.Usage;
  const malformed = [ElfError, BtfError, LoadError, IsaError].some((kind) => error instanceof kind);
  return malformed || error.code === 'bad-hex' ? ExitCode.BadInput : ExitCode.Failed;
}
