/** Commands in the documents print what the documents show. */
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

describe.each([
  ['README.md', 2],
  ['docs/verifier.md', 8],
])('%s', (document, least) => {
  const examples = commandExamples(document);

  it('shows commands', () => {
    expect(examples.length).toBeGreaterThanOrEqual(least);
  });

  it.each(examples)('shows what `bpflab $args` prints', ({ args, shown }) => {
    const { stdout, status } = bpflab(args);
    expect(missing(stdout.split('\n'), shown)).toEqual([]);
    expect(status).toBe(shown[0]?.includes('rejected') === true ? 1 : 0);
  });
});
