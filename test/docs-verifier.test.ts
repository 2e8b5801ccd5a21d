/** docs/verifier.md shows what bpflab prints: its programs in assembly are verified here, its commands in test/e2e/docs.test.ts. */
import { describe, expect, it } from 'vitest';
import { assemble, BpfProgType } from '../src/index.ts';
import { LOG_LEVEL2, verify } from '../src/verifier/index.ts';
import { assemblyExamples } from './docs-examples.ts';

/** The log as a reader gets it for a program in assembly. */
function logOf(program: string): string {
  const { log } = verify(
    {
      insns: assemble(program),
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags: 0,
      license: 'GPL',
      maps: new Map(),
    },
    { logLevel: LOG_LEVEL2 },
  );
  return log.trimEnd();
}

describe('docs/verifier.md', () => {
  const examples = assemblyExamples('docs/verifier.md');

  it('has a program in assembly for each chapter that is about the walk', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7);
  });

  it.each(examples)('shows the log of `$program`', ({ program, shown }) => {
    expect(logOf(program)).toBe(shown);
  });
});
