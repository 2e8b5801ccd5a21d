/**
 * Assembler text to statements of tokens: comments, separators and the verifier log's `5: (b7) ` prefix end here.
 *
 * A statement ends at a line's end or at `;`. A `;` that begins a line, or stands on a line with the log's prefix, begins a
 * comment instead: there the kernel prints source lines and register states behind it. `#` begins a comment at a line's
 * start and after white space, so that `call bpf_ktime_get_ns#5` stays whole.
 */
import { IsaError } from '../../base/errors.ts';

/** A place in the text, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A word, number or sign of the text. */
export type Token = Position & {
  readonly text: string;
} & (
    | { readonly kind: 'word' | 'sign' | 'end' }
    | { readonly kind: 'number'; readonly value: bigint }
    /** A reference to a numeric label: `1f`, `2b`. */
    | { readonly kind: 'local'; readonly label: number; readonly forward: boolean }
  );

/** A label, an instruction or a directive, ended by a token of kind `end`. */
export interface Statement {
  readonly tokens: readonly Token[];
  /** The log's opcode and slot number, where the line has them. */
  readonly prefix?: Position & { readonly opcode: number; readonly slot?: number };
}

/** Longest number that is read; more digits than any 64-bit number needs in binary. */
const MAX_NUMBER_LENGTH = 72;

const PREFIX = /[ \t]*(?:(\d{1,9}): )?\(([0-9a-f]{2})\)/y;
const SPACE = /[ \t\r\f\v]+/y;
const LINE_REST = /[^\n]*/y;
// A signed operator is one token only where the s touches it: `r1 s>>= 3`.
const SIGN = /s(?:>>=|>=|<=|>|<|\/=|%=)|<<=|>>=|[-+*/|&%^=!<>]=|<<|>>|[-+*/|&%^=<>~()[\],:#]/y;
const WORD = /[A-Za-z_.$][A-Za-z0-9_.$]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+/y;
const LOCAL = /\d{1,9}[bf](?![A-Za-z0-9_.$])/y;
const CHARACTER = /'(?:[^'\\\n]|\\[nrt0\\'])'/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0' };

/**
 * Splits assembler text into statements; empty ones are left out.
 * @throws IsaError `bad-character`, `bad-number`, `unclosed-comment`, with line and column.
 */
export function splitStatements(text: string): Statement[] {
  const lexer = new Lexer(text);
  while (lexer.step());
  return lexer.statements;
}

class Lexer {
  readonly statements: Statement[] = [];
  private readonly text: string;
  private at = 0;
  private line = 1;
  private lineStart = 0;
  private tokens: Token[] = [];
  /** Whether the line has had nothing but white space and comments. */
  private lineIsBlank = true;
  private prefix: Statement['prefix'];

  constructor(text: string) {
    this.text = text;
    this.startLine();
  }

  /** Reads one token or gap; false at the end of the text. */
  step(): boolean {
    const char = this.text[this.at];
    if (char === undefined) {
      this.endStatement();
      return false;
    }
    if (char === '\n') this.newLine();
    else if (!this.skipGap(char)) {
      this.lineIsBlank = false;
      this.tokens.push(this.readToken(char));
    }
    return true;
  }

  private readToken(char: string): Token {
    const start = this.at;
    const position = this.position();
    const { line, column } = position;
    if (char >= '0' && char <= '9') {
      if (this.skip(LOCAL)) return localToken(this.text.slice(start, this.at), position);
      this.skip(NUMBER);
      return numberToken(this.text.slice(start, this.at), position);
    }
    if (this.skip(SIGN)) return { kind: 'sign', text: this.text.slice(start, this.at), line, column };
    if (this.skip(WORD)) return { kind: 'word', text: this.text.slice(start, this.at), line, column };
    if (this.skip(CHARACTER)) return characterToken(this.text.slice(start, this.at), position);
    const found = String.fromCodePoint(this.text.codePointAt(this.at) ?? 0);
    throw new IsaError('bad-character', `'${found}' means nothing here`, position);
  }

  /** Skips white space and comments, and ends the statement at a separator. */
  private skipGap(char: string): boolean {
    if (this.skip(SPACE)) return true;
    if (char === ';') {
      if (this.prefix !== undefined || this.lineIsBlank) this.skip(LINE_REST);
      else {
        this.at++;
        this.endStatement();
      }
      return true;
    }
    if (this.text.startsWith('//', this.at) || (char === '#' && this.afterSpace())) {
      this.skip(LINE_REST);
      return true;
    }
    if (!this.text.startsWith('/*', this.at)) return false;
    this.skipBlockComment();
    return true;
  }

  private skipBlockComment(): void {
    const end = this.text.indexOf('*/', this.at + 2);
    if (end < 0) throw new IsaError('unclosed-comment', 'this comment has no */', this.position());
    for (let i = this.text.indexOf('\n', this.at); i >= 0 && i < end; i = this.text.indexOf('\n', i + 1)) {
      this.line++;
      this.lineStart = i + 1;
    }
    this.at = end + 2;
  }

  private newLine(): void {
    this.endStatement();
    this.at++;
    this.line++;
    this.lineStart = this.at;
    this.startLine();
  }

  private startLine(): void {
    const position = this.position();
    PREFIX.lastIndex = this.at;
    const prefix = PREFIX.exec(this.text);
    this.prefix = undefined;
    this.lineIsBlank = true;
    if (prefix === null) return;
    this.at = PREFIX.lastIndex;
    const opcode = Number.parseInt(prefix[2] ?? '', 16);
    this.prefix =
      prefix[1] === undefined ? { opcode, ...position } : { opcode, slot: Number(prefix[1]), ...position };
  }

  private endStatement(): void {
    if (this.tokens.length === 0) return;
    const { tokens, prefix } = this;
    tokens.push({ kind: 'end', text: '', ...this.position() });
    this.statements.push(prefix === undefined ? { tokens } : { tokens, prefix });
    this.tokens = [];
  }

  /** Moves behind the pattern, if it matches here. */
  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private position(): Position {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  private afterSpace(): boolean {
    return this.at === this.lineStart || /\s/.test(this.text[this.at - 1] ?? ' ');
  }
}

function localToken(text: string, { line, column }: Position): Token {
  const label = Number(text.slice(0, -1));
  return { kind: 'local', text, label, forward: text.endsWith('f'), line, column };
}

function numberToken(text: string, position: Position): Token {
  const octal = /^0[0-9]/.test(text);
  if (text.length > MAX_NUMBER_LENGTH || (octal && /[89]/.test(text))) {
    const reason = octal ? 'a number that begins with 0 is octal' : 'it has too many digits';
    throw new IsaError(
      'bad-number',
      `'${text.slice(0, MAX_NUMBER_LENGTH)}' is no number: ${reason}`,
      position,
    );
  }
  return { kind: 'number', text, value: BigInt(octal ? `0o${text.slice(1)}` : text), ...position };
}

function characterToken(text: string, position: Position): Token {
  const inner = text.slice(1, -1);
  const char = inner.startsWith('\\') ? (ESCAPES[inner.slice(1)] ?? inner.slice(1)) : inner;
  return { kind: 'number', text, value: BigInt(char.codePointAt(0) ?? 0), ...position };
}
