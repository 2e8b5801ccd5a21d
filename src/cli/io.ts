/**
 * The world as a command sees it: results go to stdout, diagnostics to stderr, `-` is stdin, colour as the terminal and the
 * environment want it. Tests hand in their own.
 */
import { readFileSync, writeSync } from 'node:fs';
import { Chalk, type ChalkInstance } from 'chalk';

/** Streams and colours of one run of the command line. */
export interface Io {
  /** Writes to stdout as it is. */
  out(text: string): void;
  /** Writes to stderr as it is. */
  err(text: string): void;
  /** The bytes of a file, or of stdin for `-`. */
  read(path: string): Uint8Array;
  /** Colours for stdout. */
  readonly color: ChalkInstance;
  /** Colours for stderr. */
  readonly errColor: ChalkInstance;
}

/** Thrown when the reader of our output has gone away; the run ends quietly. */
export class OutputClosed extends Error {}

/** The process's own streams. */
export function processIo(): Io {
  return {
    out: (text) => {
      writeAll(1, text);
    },
    err: (text) => {
      writeAll(2, text);
    },
    read: (path) => readFileSync(path === '-' ? 0 : path),
    color: new Chalk({ level: colorLevel(process.stdout) }),
    errColor: new Chalk({ level: colorLevel(process.stderr) }),
  };
}

/** NO_COLOR (https://no-color.org) wins over FORCE_COLOR, which wins over what the stream is. */
function colorLevel(stream: NodeJS.WriteStream): 0 | 1 | 2 | 3 {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return 0;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR === '0' || FORCE_COLOR === 'false' ? 0 : 1;
  return stream.isTTY && TERM !== 'dumb' ? 1 : 0;
}

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
