/** The answers of Linux 6.12 to the scenarios: fixtures/kernel-6.12/bpf-syscall.json, written by scripts/bpf-calls/record.sh. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FIXTURE = join(import.meta.dirname, '../../../fixtures/kernel-6.12/bpf-syscall.json');
const recorded = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Readonly<Record<string, string>>;

/** What each step of a scenario answered; empty for a scenario that was not recorded. */
export function recordedAnswers(scenario: string): readonly string[] {
  const text = recorded[scenario];
  return text === undefined ? [] : text.split('|');
}
