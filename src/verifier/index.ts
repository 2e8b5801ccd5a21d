/** The verifier: whether Linux 6.12 would accept a program, why not, and everything it did to find out. */
export { REJECTION_CODES, type RejectionCode } from './codes.ts';
export { BOUND_RULES, Bound, type BoundRule, type ScalarView, viewScalar } from './domain/index.ts';
export * from './explain/index.ts';
export type * from './input.ts';
export { LOG_LEVEL1, LOG_LEVEL2, LOG_STATS } from './input.ts';
export { formatRegister, formatState } from './log/state-text.ts';
export type { PruneReason, VerifierObserver } from './observer.ts';
export type { VerifierOptions } from './options.ts';
export {
  COVER_REASONS,
  type CoveredPlace,
  type CoverReason,
  DIFFERENCE_REASONS,
  type DifferenceReason,
  type Place,
  type StateDifference,
} from './prune/places.ts';
export type { VerifierState } from './state/state.ts';
export { verify } from './verify.ts';
export type { Walk } from './walk.ts';
