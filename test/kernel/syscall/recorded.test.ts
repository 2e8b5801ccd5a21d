/**
 * What bpf(2) answers, compared with what Linux 6.12 answered to the same calls: fixtures/kernel-6.12/bpf-syscall.json. After a change of
 * the scenarios, scripts/bpf-calls/record.sh asks the kernel anew.
 */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../../src/kernel/index.ts';
import { recordedAnswers } from './answers.ts';
import { Replay } from './replay.ts';
import { SCENARIOS } from './scenarios/index.ts';

const script = process.env.BPF_CALLS;
if (script !== undefined && script !== '') {
  const lines = SCENARIOS.flatMap(({ name, steps }) => [`S ${name}`, ...steps]);
  writeFileSync(script, `${lines.join('\n')}\n`);
}

describe('bpf(2) answers as Linux 6.12', () => {
  it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('%s', (name, { steps }) => {
    const answers = recordedAnswers(name);
    expect(answers.length, 'steps that were recorded').toBe(steps.length);
    const replay = new Replay(new Kernel({ cpus: 2, task: { uid: 0 } }));
    const here = steps.map((step) => replay.step(step));
    const show = (given: readonly string[]): string[] => given.map((text, i) => `${steps[i]}  =>  ${text}`);
    expect(show(here)).toEqual(show(answers));
  });

  it('to several hundred calls', () => {
    const calls = SCENARIOS.flatMap(({ steps }) => steps).filter((step) => step.startsWith('C '));
    expect(calls.length).toBeGreaterThanOrEqual(500);
  });
});
