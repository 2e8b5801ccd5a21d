/**
 * What went wrong in a statement that matches no instruction: of everything that was tried, the attempts that came
 * furthest say what was expected there. Makes the one error that the user sees.
 */
import { IsaError, type Place } from '../../base/errors.ts';
import { nearest } from '../../base/suggest.ts';
import type { Token } from './lexer.ts';

/** Most alternatives that an error lists. */
const MAX_LISTED = 8;
/** How instructions begin, for people. */
const STARTS =
  'rN …, wN …, *(size *)(rN + offset) = …, lock …, if …, goto, gotol, may_goto, call, callx or exit';

/** Collects the failed attempts on one statement. Cheap while all goes well: texts are made in `error`. */
export class Failures {
  private readonly tokens: readonly Token[];
  private readonly start: number;
  private furthest = -1;
  private expected: string[] = [];
  /** Words of the grammar that would have been right. */
  private words: ReadonlyMap<string, unknown>[] = [];
  /** Other words that the user may have meant. */
  private near: Iterable<string>[] = [];
  private complaint: { at: number; code: string; message: string } | undefined;

  /** `start` is the token that the statement proper begins with. */
  constructor(tokens: readonly Token[], start: number) {
    this.tokens = tokens;
    this.start = start;
  }

  /** At token `at`, `what` would have been right; `near` are words it could be, for suggestions. */
  expect(at: number, what: string, near: Iterable<string> | undefined = []): void {
    if (!this.reach(at)) return;
    this.expected.push(what);
    this.near.push(near);
  }

  /** At token `at`, one of the words or signs that are this map's keys would have been right. */
  expectWords(at: number, words: ReadonlyMap<string, unknown>): void {
    if (this.reach(at)) this.words.push(words);
  }

  /** Token `at` is of the right sort but wrong: a number too large, another register than before. */
  complain(at: number, code: string, message: string): void {
    this.reach(at);
    if (this.complaint === undefined || at > this.complaint.at) this.complaint = { at, code, message };
  }

  /**
   * The error of the attempts that came furthest. A wrong operand outweighs an attempt that read on behind it and then
   * missed something at the very end: `r1 = 0x100000000` lacks no word, the number is too large for what it is.
   */
  error(): IsaError {
    const token = this.tokens[Math.max(this.furthest, this.start)];
    if (this.complaint !== undefined && (this.complaint.at === this.furthest || token?.kind === 'end')) {
      const { at, code, message } = this.complaint;
      return new IsaError(code, message, placeOf(this.tokens[at]));
    }
    const found =
      token === undefined || token.kind === 'end' ? 'the end of the statement' : `'${token.text}'`;
    const candidates = [...this.words.map((words) => words.keys()), ...this.near];
    const near =
      token?.kind === 'word'
        ? nearest(
            token.text,
            candidates.flatMap((words) => [...words]),
          )
        : undefined;
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    return new IsaError('syntax', `expected ${this.list()}, found ${found}${hint}`, placeOf(token));
  }

  private reach(at: number): boolean {
    if (at < this.furthest) return false;
    if (at > this.furthest) {
      this.furthest = at;
      this.expected = [];
      this.words = [];
      this.near = [];
    }
    return true;
  }

  private list(): string {
    if (this.furthest <= this.start) return `an instruction (${STARTS})`;
    const quoted = this.words.flatMap((words) => Array.from(words.keys(), (word) => `'${word}'`));
    const all = [...new Set([...this.expected, ...quoted])];
    const shown = all.slice(0, MAX_LISTED);
    if (all.length > shown.length) return `${shown.join(', ')} or something else`;
    const last = shown.pop() ?? 'an instruction';
    return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
  }
}

function placeOf(token: Token | undefined): Place {
  return token === undefined ? {} : { line: token.line, column: token.column };
}
