/** The commands of docs/verifier.md print what the page shows. */
import { describe, expect, it } from 'vitest';
import { commandExamples } from '../docs-examples.ts';
import { bpflab } from './cli.ts';

const LEFT_OUT = '…';

/** The lines of `shown` that `output` has not, in this order; between stretches parted by `…`, lines may be left out. */
function missing(output: readonly string[], shown: readonly string[]): string[] {
  const lines: string[] = [];
  let at = 0;
  let skipping = false;
  for (const line of shown) {
    if (line === LEFT_OUT) {
      skipping = true;
      continue;
    }
    const found = skipping ? output.indexOf(line, at) : output[at] === line ? at : -1;
    if (found < 0) lines.push(line);
    else at = found + 1;
    skipping = false;
  }
  return lines;
}

describe('docs/verifier.md', () => {
  const examples = commandExamples('docs/verifier.md');

  it('shows commands', () => {
    expect(examples.length).toBeGreaterThanOrEqual(8);
  });

  it.each(examples)('shows what `bpflab $args` prints', ({ args, shown }) => {
    const { stdout, status } = bpflab(args);
    expect(missing(stdout.split('\n'), shown)).toEqual([]);
    expect(status).toBe(1);
  });
});
