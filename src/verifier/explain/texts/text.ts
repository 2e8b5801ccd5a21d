/** What the texts of rejections are made of. */

/**
 * What a broken rule means to the author of a program. In all texts `{name}` stands for a value: a named group of `when`, or one of
 * GENERAL_VALUES, which always have something.
 */
export interface RejectionText {
  /** A few words, no full stop. */
  readonly title: string;
  /** Sentences. */
  readonly meaning: string;
  /** Suggestions, most likely first. */
  readonly advice: readonly string[];
}

/** A text for some of the messages of a rule. */
export interface RejectionCase extends RejectionText {
  /** What a line of the log about the failure looks like. */
  readonly when: RegExp;
}

/** The text of a rule, and of those of its messages that have more to say. */
export interface RejectionTexts extends RejectionText {
  readonly cases?: readonly RejectionCase[];
}

/**
 * Values that every text may use: the register or stack slot that the failure is about; what it holds, in words; the helper that is
 * called; the failing instruction; what the log says, and what it says ahead of that; what the loader could not find.
 */
export const GENERAL_VALUES = ['reg', 'value', 'helper', 'insn', 'message', 'detail', 'missing'] as const;
