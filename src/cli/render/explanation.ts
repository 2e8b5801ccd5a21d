/** Explanations of rejected programs in the colours of a terminal. What they say is the verifier's (src/verifier/explain). */
import type { ChalkInstance } from 'chalk';
import { type Explanation, formatExplanation } from '../../index.ts';

/** The explanation as text, ending in a line end. */
export function renderExplanation(explanation: Explanation, color: ChalkInstance): string {
  return formatExplanation(explanation, {
    error: (text) => color.bold.red(text),
    heading: (text) => color.bold(text),
    source: (text) => color.cyan(text),
    detail: (text) => color.dim(text),
  });
}
