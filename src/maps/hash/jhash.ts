/**
 * The hash of the kernel's hash tables and bloom filters: Bob Jenkins's lookup3 (public domain, 2006), as jhash and jhash2 of
 * include/linux/jhash.h, which agree with each other on keys of whole words. Results are signed 32-bit numbers.
 */

/** JHASH_INITVAL. */
const INITIAL = 0xdeadbeef | 0;

/** Hash of one 32-bit word. */
export function hash4(word: number, seed: number): number {
  const key = new WordHash(seed);
  return hashWord(word, key.start, key.mixed, key.rotated);
}

/** What the hash of one word has of its seed: the first steps of the final mix do not depend on the word. */
export class WordHash {
  readonly start: number;
  readonly mixed: number;
  readonly rotated: number;

  constructor(seed: number) {
    this.start = (INITIAL + 4 + seed) | 0;
    this.mixed = -rotate(this.start, 14) | 0;
    this.rotated = rotate(this.mixed, 11);
  }
}

/** `hash4`, given the numbers of a `WordHash`. */
export function hashWord(word: number, start: number, mixed: number, rotated: number): number {
  const a = (((start + word) ^ mixed) - rotated) | 0;
  let b = ((start ^ a) - ((a << 25) | (a >>> 7))) | 0;
  let c = ((mixed ^ b) - ((b << 16) | (b >>> 16))) | 0;
  const d = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ d) - ((d << 14) | (d >>> 18))) | 0;
  c = ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
  return c;
}

/** Hash of two 32-bit words. */
export function hash8(low: number, high: number, seed: number): number {
  const start = (INITIAL + 8 + seed) | 0;
  return final((start + low) | 0, (start + high) | 0, start);
}

/** Hash of any number of bytes, at any alignment; words are little-endian. */
export function hashBytes(view: DataView, address: number, length: number, seed: number): number {
  let a = (INITIAL + length + seed) | 0;
  let b = a;
  let c = a;
  let at = address;
  let left = length;
  for (; left > 12; left -= 12, at += 12) {
    a = (a + view.getInt32(at, true)) | 0;
    b = (b + view.getInt32(at + 4, true)) | 0;
    c = (c + view.getInt32(at + 8, true)) | 0;
    // Each of the six steps changes one word by the other two; the shift amounts are lookup3's.
    a = ((a - c) ^ rotate(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotate(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 4)) | 0;
    b = (b + a) | 0;
  }
  if (left === 0) return c;
  a = (a + wordOf(view, at, left)) | 0;
  if (left > 4) b = (b + wordOf(view, at + 4, left - 4)) | 0;
  if (left > 8) c = (c + wordOf(view, at + 8, left - 8)) | 0;
  return final(a, b, c);
}

/** Up to four bytes as a word, missing ones zero. */
function wordOf(view: DataView, at: number, length: number): number {
  if (length >= 4) return view.getInt32(at, true);
  let word = view.getUint8(at);
  if (length > 1) word |= view.getUint8(at + 1) << 8;
  if (length > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}

function final(first: number, second: number, third: number): number {
  let c = ((third ^ second) - rotate(second, 14)) | 0;
  const a = ((first ^ c) - rotate(c, 11)) | 0;
  let b = ((second ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  const d = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ d) - rotate(d, 14)) | 0;
  return ((c ^ b) - rotate(b, 24)) | 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
