/** The world as a command sees it: results go to stdout, diagnostics to stderr, `-` is stdin. */
import { readFileSync, readSync, writeSync } from 'node:fs';
import type { ChalkInstance } from 'chalk';
import { UsageError } from '../base/errors.ts';
import { inFile, isSystemError } from './in-file.ts';

/** Where a run of the command line reads and writes. */
export interface Streams {
  /** Writes to stdout as it is. */
  out(text: string): void;
  /** Writes to stderr as it is. */
  err(text: string): void;
  /** The bytes of a file, or of stdin for `-`. @throws FileFailure. */
  read(path: string): Uint8Array;
}

/** Streams and colours of one run of the command line (colors.ts). */
export interface Io extends Streams {
  /** Colours for stdout. */
  readonly color: ChalkInstance;
  /** Colours for stderr. */
  readonly errColor: ChalkInstance;
}

/** Thrown when the reader of our output has gone away; the run ends quietly. */
export class OutputClosed extends Error {}

/** The process's own streams. */
export const processStreams: Streams = {
  out: (text) => {
    writeAll(1, text);
  },
  err: (text) => {
    try {
      writeAll(2, text);
    } catch (error) {
      // Nobody listens: what the exit code says still counts.
      if (!(error instanceof OutputClosed)) throw error;
    }
  },
  read: (path) => inFile(path, () => (path === '-' ? readStdin() : readFileSync(path))),
};

let stdinWasRead = false;

/**
 * All of stdin, however slowly it comes.
 * @throws UsageError the second time: it is empty then.
 */
function readStdin(): Uint8Array {
  if (stdinWasRead)
    throw new UsageError('stdin-twice', 'stdin can be read only once: name a file for the others');
  stdinWasRead = true;
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(1 << 16);
    const size = patiently(() => readSync(0, chunk));
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, size));
  }
}

/** Writes synchronously, so that nothing is lost when the process ends. */
function writeAll(fd: 1 | 2, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length; ) done += patiently(() => writeSync(fd, bytes, done));
  } catch (error) {
    if (codeOf(error) === 'EPIPE') throw new OutputClosed();
    throw error;
  }
}

/** Waits for pipes that are full, or still empty: whoever made them may have made them non-blocking. */
function patiently(transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
