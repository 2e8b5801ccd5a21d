/**
 * Explanations of rejected programs, as text and as data. Apart from the rest of verify, because what the verifier says of each error is
 * much to load for those who do not ask.
 */
import type { ChalkInstance } from 'chalk';
import { type Explanation, explain } from '../../index.ts';
import type { Outcome } from '../verify/outcome.ts';
import { renderExplanation } from './explanation.ts';

/** Tells why programs are rejected. */
export interface Why {
  /** Undefined for a program that is accepted, or that the loader refused before the verifier saw it. */
  explanationOf(outcome: Outcome): Explanation | undefined;
  /** The same as text between empty lines; '' where there is none. */
  renderWhy(outcome: Outcome, color: ChalkInstance): string;
}

/** As `Why` says. */
export function explanationOf({ record, input }: Outcome): Explanation | undefined {
  return record.verdict === 'accept' || input === undefined ? undefined : explain(input);
}

/** As `Why` says. */
export function renderWhy(outcome: Outcome, color: ChalkInstance): string {
  const explanation = explanationOf(outcome);
  return explanation === undefined ? '' : `\n${renderExplanation(explanation, color)}\n`;
}
