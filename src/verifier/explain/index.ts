/**
 * Why a program was rejected, for people who want to mend it.
 *
 *     const explanation = explain(input);                        // undefined: the program is accepted
 *     if (explanation) print(formatExplanation(explanation));    // text; or use the data
 *
 * `explain` walks the program as `verify` does and adds what the log does not say: what the error means and what to do about it, the source
 * line, the branches that led there, where the offending value came from, and which instruction and rule set each of its bounds.
 * `formatExplanation(explanation, paint)` takes functions that colour each kind of text.
 */
export { type ExplainOptions, explain } from './explain.ts';
export { formatExplanation, type Paint } from './format.ts';
export {
  REJECTION_TEXTS,
  type RejectionCase,
  type RejectionText,
  type RejectionTexts,
} from './texts/index.ts';
export type {
  BoundFact,
  BranchFact,
  CodePlace,
  Explanation,
  OriginFact,
  RegisterFact,
  SourcePlace,
  StackFact,
  VisitFact,
} from './types.ts';
