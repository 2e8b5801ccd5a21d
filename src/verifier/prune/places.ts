/**
 * The words in which observers are told why a checkpoint covers a state, or why not: reasons with a sentence each, and the places they are
 * about. Which of them holds, reasons.ts finds out.
 */

/** Why what is in a register or slot now is covered by what was in it then; each is a sentence about "the value". */
export const COVER_REASONS = {
  'not-read': 'no path from the checkpoint on reads the value',
  unset: 'the checkpoint had nothing there, so no path from it on depends on the value',
  'not-precise': 'the paths from the checkpoint on read the number, but nothing depended on its exact value',
  same: 'the value is the same, apart from the names of its ids',
  within: 'the checkpoint allowed more values, and this one is among them',
  'any-bytes': 'the paths from the checkpoint on took the bytes for any numbers',
} as const;

/** Why a register or slot is covered. */
export type CoverReason = keyof typeof COVER_REASONS;

/** Why a checkpoint does not cover the current state; each is a sentence. */
export const DIFFERENCE_REASONS = {
  unfinished: 'the checkpoint is on this very path, and its other paths are still being walked: a loop',
  calls: 'other functions are running, or they were called from other places',
  lock: 'another lock is held',
  references: 'other references are held',
  kind: 'the value is of another kind',
  target: 'the pointer points to something else, or to another offset',
  'packet-range': 'fewer bytes of the packet are proven to exist than then',
  range: 'the number may be one that the checkpoint did not allow',
  bits: 'bits of the number may differ from those that were known in the checkpoint',
  ids: 'the value was tied to others in another way',
  bytes: 'the bytes of the stack slot are of other kinds',
} as const;

/** Why a checkpoint does not cover a state. */
export type DifferenceReason = keyof typeof DIFFERENCE_REASONS;

/** A register or stack slot of a frame. */
export interface Place {
  readonly frame: number;
  /** Register number, or -1. */
  readonly reg: number;
  /** Stack slot (0 is fp-8), or -1. */
  readonly slot: number;
}

/** A place of the current state, and why the checkpoint covers it. */
export interface CoveredPlace extends Place {
  readonly reason: CoverReason;
}

/** What kept a checkpoint from covering the current state: the first place where they differ, or -1 for what is no place's. */
export interface StateDifference extends Place {
  readonly reason: DifferenceReason;
}
