/** docs/assembler.md: every example assembles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AssembleOptions, assemble, decodeProgram } from '../../src/isa/index.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/assembler.md'), 'utf8');
const examples = [...page.matchAll(/```asm\n(.*?)```/gs)].map((match) => match[1] ?? '');

const options: AssembleOptions = {
  resolveCall: (name) => (name === 'bpf_map_lookup_elem' ? { kind: 'call-helper', id: 1 } : undefined),
  resolveSymbol: (name) => (name === 'counters' ? { pseudo: 'map-fd', lo: 3, hi: 0 } : undefined),
};

describe('the examples of docs/assembler.md', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(4);
  });

  it.each(examples)('assemble: %s', (text) => {
    // The pasted log names a helper, which goes by its number where nobody knows names.
    const known = text.includes('#5') ? {} : options;
    expect(decodeProgram(assemble(text, known)).length).toBeGreaterThan(1);
  });
});
