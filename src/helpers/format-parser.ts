/**
 * Reads the format strings of bpf_trace_printk, bpf_snprintf and their kin: the subset of printf that bpf_bprintf_prepare
 * (kernel/bpf/helpers.c) lets pass, with the widths and flags that the kernel's vsnprintf gives them. The parser steps over a
 * string without allocating: it is run once to pack arguments and once to print.
 */
import { isAlnum, isDigit, isForbiddenControl, isPunct, isSpace } from './ctype.ts';

/**
 * What a step found. `text`: bytes [textStart, textEnd) as they are; `integer`, `char`, `string`: %d, %c, %s and their kin;
 * `fetched-string`: %pks and %pus; `address`: %p, %px, %pK; `symbol`: %ps and %pS, or %pB, which is looked up
 * early; `ip`: %pI4 and its kin.
 */
export type Directive =
  | 'text'
  | 'integer'
  | 'char'
  | 'string'
  | 'fetched-string'
  | 'address'
  | 'symbol'
  | 'backtrace-symbol'
  | 'ip'
  | 'end'
  | 'invalid';

const PERCENT = 0x25;
const PLUS = 0x2b;
const MINUS = 0x2d;
const BLANK = 0x20;
const ZERO = 0x30;
const FOUR = 0x34;
const SIX = 0x36;
const LETTER = {
  B: 0x42,
  I: 0x49,
  K: 0x4b,
  S: 0x53,
  X: 0x58,
  c: 0x63,
  d: 0x64,
  i: 0x69,
  k: 0x6b,
  l: 0x6c,
  p: 0x70,
  s: 0x73,
  u: 0x75,
  x: 0x78,
} as const;

/** A cursor over one format string; `next` moves it and fills the fields that the found directive has. */
export class FormatParser {
  /** `text`: where its bytes lie. */
  textStart = 0;
  textEnd = 0;
  /** Minimum width, -1 when none is given; may be negative after the kernel cut it to 24 bits. */
  width = -1;
  /** Flags `-`, `+`, ` ` and `0`. */
  left = false;
  plus = false;
  blank = false;
  zero = false;
  /** `integer`: bytes of the argument, and how it prints. */
  size: 4 | 8 = 4;
  signed = false;
  hex = false;
  upper = false;
  /** The letter behind %p (`I` or `i` for ip, `K`, `x`, `s`, `S`), 0 for none; for strings who owns them: `k`, `u`, or `s` for %s. */
  variant = 0;
  /** `ip`: 4 or 6. */
  ipVersion: 4 | 6 = 4;

  private bytes: Uint8Array = new Uint8Array();
  private at = 0;
  private end = 0;

  /** Starts at the beginning of bytes[start, end), which hold no zero. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  next(): Directive {
    if (this.at >= this.end) return 'end';
    if (this.byteAt(this.at) !== PERCENT) return this.readText();
    if (this.byteAt(this.at + 1) === PERCENT) {
      // %% prints one of the two.
      this.textStart = this.at + 1;
      this.textEnd = this.at + 2;
      this.at += 2;
      return 'text';
    }
    this.at++;
    this.readFlagsAndWidth();
    return this.readConversion();
  }

  private byteAt(index: number): number {
    return index < this.end ? this.bytes[index]! : 0;
  }

  private readText(): Directive {
    this.textStart = this.at;
    while (this.at < this.end && this.byteAt(this.at) !== PERCENT) {
      if (isForbiddenControl(this.byteAt(this.at))) return 'invalid';
      this.at++;
    }
    this.textEnd = this.at;
    return 'text';
  }

  private readFlagsAndWidth(): void {
    this.left = this.plus = this.blank = this.zero = false;
    for (;;) {
      const byte = this.byteAt(this.at);
      if (byte === MINUS) this.left = true;
      else if (byte === PLUS) this.plus = true;
      else if (byte === BLANK) this.blank = true;
      else if (byte === ZERO) this.zero = true;
      else break;
      this.at++;
    }
    this.width = -1;
    if (!isDigit(this.byteAt(this.at))) return;
    let width = 0;
    while (isDigit(this.byteAt(this.at))) {
      width = (Math.imul(width, 10) + this.byteAt(this.at) - ZERO) | 0;
      this.at++;
    }
    // struct printf_spec keeps it in a signed field of 24 bits.
    this.width = (width << 8) >> 8;
  }

  private readConversion(): Directive {
    const letter = this.byteAt(this.at);
    if (letter === LETTER.p) return this.readPointer();
    if (letter === LETTER.s) {
      this.at++;
      return this.readString(LETTER.s, 'string');
    }
    if (letter === LETTER.c) {
      this.at++;
      return 'char';
    }
    return this.readInteger();
  }

  private readInteger(): Directive {
    this.size = 4;
    for (let longs = 0; longs < 2 && this.byteAt(this.at) === LETTER.l; longs++) {
      this.size = 8;
      this.at++;
    }
    const letter = this.byteAt(this.at++);
    this.signed = letter === LETTER.d || letter === LETTER.i;
    this.upper = letter === LETTER.X;
    this.hex = this.upper || letter === LETTER.x;
    return this.signed || this.hex || letter === LETTER.u ? 'integer' : 'invalid';
  }

  /** Behind the `s` of a string there must be no letter or digit. */
  private readString(owner: number, directive: Directive): Directive {
    this.variant = owner;
    return this.atWordEnd() ? directive : 'invalid';
  }

  private readPointer(): Directive {
    this.at++;
    const letter = this.byteAt(this.at);
    const after = this.byteAt(this.at + 1);
    this.variant = letter;
    if (this.atWordEnd()) {
      this.variant = 0;
      return 'address';
    }
    if ((letter === LETTER.k || letter === LETTER.u) && after === LETTER.s) {
      this.at += 2;
      return this.readString(letter, 'fetched-string');
    }
    if (letter === LETTER.K || letter === LETTER.x) return this.endPointer('address', 1);
    if (letter === LETTER.s || letter === LETTER.S) return this.endPointer('symbol', 1);
    if (letter === LETTER.B) return this.endPointer('backtrace-symbol', 1);
    if ((letter === LETTER.I || letter === LETTER.i) && (after === FOUR || after === SIX)) {
      this.ipVersion = after === FOUR ? 4 : 6;
      return this.endPointer('ip', 2);
    }
    return 'invalid';
  }

  /** The kernel prints none of the letters and digits right behind a pointer conversion. */
  private endPointer(directive: Directive, letters: number): Directive {
    this.at += letters;
    while (isAlnum(this.byteAt(this.at))) this.at++;
    return directive;
  }

  private atWordEnd(): boolean {
    const byte = this.byteAt(this.at);
    return byte === 0 || isSpace(byte) || isPunct(byte);
  }
}
