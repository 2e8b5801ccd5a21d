/**
 * UTF-8 without platform libraries (the core compiles without DOM and Node types), and zero-terminated
 * strings in byte arrays. Ill-formed input decodes to U+FFFD, never to an error: names are shown, not trusted.
 */

const REPLACEMENT = 0xfffd;

/** Decodes bytes[start, end) as UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const units: number[] = [];
  const parts: string[] = [];
  for (let at = start; at < end; ) {
    const { codePoint, length } = codePointAt(bytes, at, end);
    units.push(codePoint);
    at += length;
    if (units.length === 4096) {
      parts.push(String.fromCodePoint(...units));
      units.length = 0;
    }
  }
  parts.push(String.fromCodePoint(...units));
  return parts.join('');
}

/** Encodes a string as UTF-8; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const char of text) {
    let c = char.codePointAt(0) ?? REPLACEMENT;
    if (c >= 0xd800 && c <= 0xdfff) c = REPLACEMENT;
    if (c < 0x80) out.push(c);
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  }
  return Uint8Array.from(out);
}

/** Index of the first zero byte in bytes[start, end), or `end` when there is none. */
export function findZero(bytes: Uint8Array, start: number, end = bytes.length): number {
  const at = bytes.indexOf(0, start);
  return at < 0 || at > end ? end : at;
}

/** The zero-terminated string at `start`, read no further than `end`. */
export function cStringAt(bytes: Uint8Array, start: number, end = bytes.length): string {
  return decodeUtf8(bytes, start, findZero(bytes, start, end));
}

function codePointAt(bytes: Uint8Array, at: number, end: number): { codePoint: number; length: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { codePoint: first, length: 1 };
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const smallest = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return { codePoint: REPLACEMENT, length: 1 };
  let codePoint = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return { codePoint: REPLACEMENT, length: 1 };
    codePoint = (codePoint << 6) | (next & 63);
  }
  const valid =
    codePoint >= smallest && codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
  return valid ? { codePoint, length } : { codePoint: REPLACEMENT, length: 1 };
}
