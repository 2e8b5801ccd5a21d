/** What programs returned, or gave to who read them. */
import type { ChalkInstance } from 'chalk';
import type { Outcome, ReadOutcome, RunOutcome } from '../run-programs.ts';

/** `count_protocols (xdp): 2 XDP_PASS`, or what was read; events that ran no program leave no line. */
export function renderRuns(outcomes: readonly Outcome[], color: ChalkInstance): string {
  if (outcomes.length === 0) return color.yellow('no program ran\n');
  return outcomes
    .map((outcome) => ('retval' in outcome ? renderRun(outcome, color) : renderReading(outcome, color)))
    .join('');
}

function renderRun(
  { event, program, type, retval, meaning, times }: RunOutcome,
  color: ChalkInstance,
): string {
  const what = meaning === '' ? `${retval}` : `${retval} ${color.cyan(meaning)}`;
  const how = event === 'test run' ? 'test run' : `at ${event}`;
  const often = times === 1 ? '' : `, ${times} times`;
  return `${color.bold(program)} ${color.dim(`(${type}, ${how}${often})`)}: returned ${what}\n`;
}

function renderReading({ event, program, type, text, data }: ReadOutcome, color: ChalkInstance): string {
  const head = `${color.bold(program)} ${color.dim(`(${type}, ${event})`)}:`;
  if (data.length === 0) return `${head} nothing\n`;
  if (text === undefined) return `${head} ${data.length} bytes that are no text\n`;
  const lines = text.replace(/\n$/, '').split('\n');
  return [head, ...lines.map((line) => `  ${line}`), ''].join('\n');
}
