/** What programs returned, a line each. */
import type { ChalkInstance } from 'chalk';
import type { Outcome } from '../run-programs.ts';

/** `count_protocols (xdp): 2 XDP_PASS`; events that ran no program leave no line. */
export function renderRuns(outcomes: readonly Outcome[], color: ChalkInstance): string {
  if (outcomes.length === 0) return color.yellow('no program ran\n');
  return outcomes
    .map(({ event, program, type, retval, meaning, times }) => {
      const what = meaning === '' ? `${retval}` : `${retval} ${color.cyan(meaning)}`;
      const how = event === 'test run' ? 'test run' : `at ${event}`;
      const often = times === 1 ? '' : `, ${times} times`;
      return `${color.bold(program)} ${color.dim(`(${type}, ${how}${often})`)}: returned ${what}\n`;
    })
    .join('');
}
