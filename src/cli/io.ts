/** The world as a command sees it: results go to stdout, diagnostics to stderr, `-` is stdin. */
import { readFileSync, writeSync } from 'node:fs';
import type { ChalkInstance } from 'chalk';

/** Where a run of the command line reads and writes. */
export interface Streams {
  /** Writes to stdout as it is. */
  out(text: string): void;
  /** Writes to stderr as it is. */
  err(text: string): void;
  /** The bytes of a file, or of stdin for `-`. */
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
    writeAll(2, text);
  },
  read: (path) => readFileSync(path === '-' ? 0 : path),
};

/**
 * Writes synchronously, so that nothing is lost when the process ends, to pipes that are full (EAGAIN) or closed (EPIPE).
 */
function writeAll(fd: 1 | 2, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') throw new OutputClosed();
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));
