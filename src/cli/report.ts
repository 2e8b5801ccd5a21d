/** Turns what a command throws into a message on stderr, an exit code, and with `--json` a document on stdout. */
import { CommanderError } from 'commander';
import { nearest } from '../base/suggest.ts';
import {
  BpfError,
  BtfError,
  ElfError,
  IsaError,
  LoadError,
  type Place,
  SyscallError,
  UsageError,
} from '../index.ts';
import { ExitCode } from './exit-codes.ts';
import { FileFailure, isSystemError, type SystemError } from './in-file.ts';
import { type Io, OutputClosed } from './io.ts';
import { printJson } from './json.ts';
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

/** The error for a name that there is not: `PLACE has no WHAT 'NAME'`, and what was meant or what there is. */
export function unknownName(what: string, name: string, place: string, names: readonly string[]): UsageError {
  const meant = nearest(name, names);
  return usageError(
    `${place} has no ${what} '${name}'; ${meant === undefined ? `it has ${names.join(', ') || 'none'}` : `did you mean '${meant}'?`}`,
  );
}

/** Reports `error` and returns the exit code that it stands for. */
export function reportError(error: unknown, io: Io): ExitCode {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof OutputClosed) return ExitCode.Ok;
  // The option parser has written its message itself.
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

/** An error as `--json` tells it. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly place?: Place;
  readonly errno?: number;
}

/** What `--json` says of an error; undefined for those that end a command which has said everything itself. */
export function errorRecord(error: unknown): ErrorRecord | undefined {
  if (error instanceof CommandFailed || error instanceof OutputClosed) return undefined;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return undefined;
    return { code: 'wrong-usage', message: error.message.replace(/^error: /, '') };
  }
  if (error instanceof FileFailure) return { ...errorRecord(error.cause)!, file: error.file };
  if (error instanceof BpfError) {
    const { code, message, place } = error;
    const errno = error instanceof SyscallError ? { errno: error.errno } : {};
    return { code, message, ...(Object.keys(place).length === 0 ? {} : { place }), ...errno };
  }
  if (isSystemError(error)) return { code: error.code, message: describeError(error) };
  return { code: 'bug', message: error instanceof Error ? error.message : String(error) };
}

/**
 * With `--json`, a command that could not do its work leaves a document with its error on stdout: `map` one of bpftool's, the others one of
 * their own.
 */
export function reportJsonError(argv: readonly string[], error: unknown, exitCode: ExitCode, io: Io): void {
  const record = argv.includes('--json') ? errorRecord(error) : undefined;
  if (record === undefined) return;
  const [command = ''] = argv;
  try {
    if (command === 'map') io.out(`${JSON.stringify({ error: record.message })}\n`);
    else printJson(io, command, { error: record, exitCode });
  } catch (failure) {
    // Nobody reads stdout, or it is full; the error itself has been told.
    if (!(failure instanceof OutputClosed) && !isSystemError(failure)) throw failure;
  }
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
