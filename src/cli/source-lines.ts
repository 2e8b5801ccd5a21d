/**
 * Stack traces in terms of src/. The command line runs as a bundle; Node.js can read its source maps (--enable-source-maps), but only when
 * asked before anything is loaded, which costs every run. So they are read here, for the rare trace that is shown.
 */
import { readFileSync } from 'node:fs';
import type { SourceMapPayload } from 'node:module';

/** `stack` with every place in a bundled file replaced by the place in the sources it was made of. */
export function inSources(stack: string): string {
  return stack.replace(
    /(file:\/\/\S+\.js):(\d+):(\d+)/g,
    (place, file: string, line: string, column: string) =>
      sourcePlace(file, Number(line), Number(column)) ?? place,
  );
}

function sourcePlace(file: string, line: number, column: number): string | undefined {
  try {
    const map = JSON.parse(readFileSync(new URL(`${file}.map`), 'utf8')) as SourceMapPayload;
    const { SourceMap } = process.getBuiltinModule('node:module');
    const entry = new SourceMap(map).findEntry(line - 1, column - 1);
    if (!('originalSource' in entry)) return undefined;
    return `${new URL(entry.originalSource, file).href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  } catch {
    // No map beside it, or one that cannot be read: the place in the bundle still says something.
    return undefined;
  }
}
