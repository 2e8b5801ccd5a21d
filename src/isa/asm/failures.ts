/**
 * What went wrong in a statement that matches no instruction: of everything that was tried, the attempts that came
 * furthest say what was expected there. Makes the one error that the user sees.
 */
import { IsaError } from '../../base/errors.ts';
import type { Token } from './lexer.ts';
import { nearest } from './suggest.ts';

/** Most alternatives that an error lists. */
const MAX_LISTED = 8;

/** Collects the failed attempts on one statement. Cheap while all goes well: texts are made in `error`. */
export class Failures {
  private readonly tokens: readonly Token[];
  private furthest = -1;
  private expected: string[] = [];
  /** Words of the grammar that would have been right. */
  private words: ReadonlyMap<string, unknown>[] = [];
  /** Other words that the user may have meant. */
  private near: Iterable<string>[] = [];
  private complaint: { code: string; message: string } | undefined;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
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
    if (this.reach(at)) this.complaint ??= { code, message };
  }

  /** The error of the attempts that came furthest. */
  error(): IsaError {
    const token = this.tokens[Math.max(this.furthest, 0)];
    const place = token === undefined ? {} : { line: token.line, column: token.column };
    if (this.complaint !== undefined) return new IsaError(this.complaint.code, this.complaint.message, place);
    const found =
      token === undefined || token.kind === 'end' ? 'the end of the statement' : `'${token.text}'`;
    const candidates = [...this.words.map((words) => words.keys()), ...this.near].flatMap((words) => [
      ...words,
    ]);
    const near = token?.kind === 'word' ? nearest(token.text, candidates) : undefined;
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    return new IsaError('syntax', `expected ${this.list()}, found ${found}${hint}`, place);
  }

  private reach(at: number): boolean {
    if (at < this.furthest) return false;
    if (at > this.furthest) {
      this.furthest = at;
      this.expected = [];
      this.words = [];
      this.near = [];
      this.complaint = undefined;
    }
    return true;
  }

  private list(): string {
    const quoted = this.words.flatMap((words) => Array.from(words.keys(), (word) => `'${word}'`));
    const all = [...new Set([...this.expected, ...quoted])];
    const shown = all.slice(0, MAX_LISTED);
    if (all.length > shown.length) return `${shown.join(', ')} or something else`;
    const last = shown.pop() ?? 'an instruction';
    return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
  }
}
