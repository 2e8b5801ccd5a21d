/**
 * bpf_strncmp, bpf_strtol and bpf_strtoul (kernel/bpf/helpers.c, lib/string.c, lib/kstrtox.c).
 */
import { Errno } from '../base/errno.ts';
import { isSpace } from './ctype.ts';
import { type FamilyMaker, plain } from './implementation.ts';

/** BPF_STRTOX_BASE_MASK. */
const BASE_MASK = 0x1f;
/** Bytes of digits that are looked at. */
const MAX_DIGITS = 63;

const MINUS = 0x2d;
const ZERO = 0x30;
const LETTER_A = 0x61;
const LETTER_X = 0x78;
const LOWER_CASE = 0x20;

/** Comparison and conversion of strings. */
export const stringHelpers: FamilyMaker = ({ memory }) => {
  const number = new ParsedNumber();

  const store = (address: number, lo: number, hi: number): void => {
    memory.view.setInt32(address >>> 0, lo, true);
    memory.view.setInt32((address >>> 0) + 4, hi, true);
  };

  return {
    bpf_strncmp: plain((left, size, right) => compare(memory.u8, left >>> 0, right >>> 0, size >>> 0)),

    bpf_strtol: plain((text, length, flagsLo, flagsHi, result) => {
      store(result, 0, 0);
      const consumed = number.parse(memory.u8, text >>> 0, length >>> 0, flagsLo, flagsHi);
      if (consumed < 0) return consumed;
      const { lo, hi, negative } = number;
      if (!negative) {
        if (hi < 0) return -Errno.ERANGE;
        store(result, lo, hi);
        return consumed;
      }
      const minusHi = (~hi + (lo === 0 ? 1 : 0)) | 0;
      const positive = minusHi > 0 || (minusHi === 0 && lo !== 0);
      if (positive) return -Errno.ERANGE;
      store(result, -lo | 0, minusHi);
      return consumed;
    }),

    bpf_strtoul: plain((text, length, flagsLo, flagsHi, result) => {
      store(result, 0, 0);
      const consumed = number.parse(memory.u8, text >>> 0, length >>> 0, flagsLo, flagsHi);
      if (consumed < 0) return consumed;
      if (number.negative) return -Errno.EINVAL;
      store(result, number.lo, number.hi);
      return consumed;
    }),
  };
};

/** -1, 0 or 1 by the first bytes that differ, up to a terminating zero and `size`. */
function compare(u8: Uint8Array, left: number, right: number, size: number): number {
  for (let i = 0; i < size; i++) {
    const a = u8[left + i]!;
    const b = u8[right + i]!;
    if (a !== b) return a < b ? -1 : 1;
    if (a === 0) return 0;
  }
  return 0;
}

/** The result of the last parse: an unsigned 64-bit number and whether a minus stood before it. */
class ParsedNumber {
  lo = 0;
  hi = 0;
  negative = false;

  /** Reads white space, a minus, a prefix, digits; returns the bytes consumed or -EINVAL, -ERANGE. */
  parse(u8: Uint8Array, start: number, length: number, flagsLo: number, flagsHi: number): number {
    const base = flagsLo & BASE_MASK;
    const known = base === 0 || base === 8 || base === 10 || base === 16;
    if (!known || (flagsLo & ~BASE_MASK) !== 0 || flagsHi !== 0) return -Errno.EINVAL;
    const end = start + length;
    let at = start;
    while (at < end && isSpace(u8[at]!)) at++;
    this.negative = at < end && u8[at] === MINUS;
    if (this.negative) at++;
    const digitsEnd = this.parseDigits(u8, at, Math.min(end, at + MAX_DIGITS), base);
    return digitsEnd < 0 ? digitsEnd : digitsEnd - start;
  }

  private parseDigits(u8: Uint8Array, start: number, end: number, givenBase: number): number {
    const hexPrefix = byteAt(u8, start, end) === ZERO && lowerAt(u8, start + 1, end) === LETTER_X;
    let base = givenBase;
    if (base === 0) {
      if (byteAt(u8, start, end) !== ZERO) base = 10;
      else base = hexPrefix && digitAt(u8, start + 2, end) < 16 ? 16 : 8;
    }
    const first = base === 16 && hexPrefix ? start + 2 : start;
    let lo = 0;
    let hi = 0;
    let at = first;
    for (let digit = digitAt(u8, at, end); digit < base; digit = digitAt(u8, at, end)) {
      const low = lo * base + digit;
      lo = low >>> 0;
      hi = hi * base + (low - lo) / 0x1_0000_0000;
      if (hi > 0xffffffff) return -Errno.ERANGE;
      at++;
    }
    if (at === first) return -Errno.EINVAL;
    this.lo = lo | 0;
    this.hi = hi | 0;
    return at;
  }
}

function byteAt(u8: Uint8Array, at: number, end: number): number {
  return at < end ? u8[at]! : 0;
}

function lowerAt(u8: Uint8Array, at: number, end: number): number {
  return byteAt(u8, at, end) | LOWER_CASE;
}

/** The value of a hexadecimal digit, or 16 for any other byte. */
function digitAt(u8: Uint8Array, at: number, end: number): number {
  const digit = byteAt(u8, at, end) - ZERO;
  if (digit >= 0 && digit <= 9) return digit;
  const letter = lowerAt(u8, at, end) - LETTER_A;
  return letter >= 0 && letter <= 5 ? letter + 10 : 16;
}
