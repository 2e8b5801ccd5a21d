/** Colours as the terminal and the environment want them. Apart from io.ts, because loading chalk takes as long as a small run. */
import { fstatSync } from 'node:fs';
import { Chalk } from 'chalk';
import { type Io, processStreams } from './io.ts';

/** The process's own streams, and their colours. */
export function processIo(): Io {
  return {
    ...processStreams,
    color: new Chalk({ level: colorLevel(1) }),
    errColor: new Chalk({ level: colorLevel(2) }),
  };
}

/** NO_COLOR (https://no-color.org) wins over FORCE_COLOR, which wins over what the stream is. */
function colorLevel(fd: 1 | 2): 0 | 1 {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return 0;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR === '0' || FORCE_COLOR === 'false' ? 0 : 1;
  return TERM !== 'dumb' && isTerminal(fd) ? 1 : 0;
}

/** Only a device can be a terminal: most runs need not load node:tty, which takes milliseconds. */
function isTerminal(fd: 1 | 2): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd);
  } catch {
    // The stream is closed.
    return false;
  }
}
