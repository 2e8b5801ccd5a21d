/**
 * Values as people type them in options: `42`, `-1`, `0xff`, `"text"`, `true`, `[1, 2]`, `{low: 1, flags: {level: 3}}`, and bare
 * words for strings and enumerators. Integers keep all their digits.
 */
import type { BtfValue } from '../index.ts';
import { usageError } from './report.ts';

/** @throws UsageError that says where the text stops making sense. */
export function parseValue(text: string): BtfValue {
  const parser = new ValueParser(text);
  const value = parser.value();
  parser.end();
  return value;
}

class ValueParser {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(): BtfValue {
    this.blanks();
    switch (this.text[this.at]) {
      case '[':
        return this.list(']', () => this.value());
      case '{':
        return Object.fromEntries(this.list('}', () => this.member()));
      case '"':
        return this.quoted();
      default:
        return this.word();
    }
  }

  end(): void {
    this.blanks();
    if (this.at < this.text.length) throw this.unexpected();
  }

  private member(): [string, BtfValue] {
    this.blanks();
    const name = this.text[this.at] === '"' ? this.quoted() : this.match(/[A-Za-z_]\w*/y);
    this.blanks();
    if (this.text[this.at] !== ':' && this.text[this.at] !== '=') throw this.unexpected();
    this.at++;
    return [name, this.value()];
  }

  private list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    this.at++;
    for (;;) {
      this.blanks();
      if (this.text[this.at] === close) break;
      items.push(item());
      this.blanks();
      if (this.text[this.at] === ',') this.at++;
      else if (this.text[this.at] !== close) throw this.unexpected();
    }
    this.at++;
    return items;
  }

  private quoted(): string {
    return JSON.parse(this.match(/"(?:[^"\\]|\\.)*"/y)) as string;
  }

  private word(): BtfValue {
    const word = this.match(/[^\s,\][{}]+/y);
    if (word === 'true' || word === 'false') return word === 'true';
    if (!/^-?(0x[0-9a-f]+|0b[01]+|\d+)$/i.test(word)) return word;
    const big = word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word);
    return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw this.unexpected();
    this.at += found[0].length;
    return found[0];
  }

  private blanks(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }

  private unexpected(): Error {
    const rest = this.text.slice(this.at, this.at + 12);
    return usageError(
      `in the value '${this.text}': ${rest === '' ? 'it ends too early' : `'${rest}' is not expected`}`,
    );
  }
}
