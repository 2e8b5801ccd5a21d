/**
 * Character classes as the kernel's (lib/ctype.c): ASCII, and above it Latin-1, because bytes are classed one by one. Masks
 * instead of regular expressions: these run per byte of a format string.
 */

const SPACE = 1;
const PUNCT = 2;
const ALNUM = 4;
const CONTROL = 8;

const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => classOf(byte));

function classOf(byte: number): number {
  if (byte >= 9 && byte <= 13) return SPACE | CONTROL;
  if (byte < 32 || byte === 127) return CONTROL;
  if (byte === 32 || byte === 0xa0) return SPACE;
  if (byte >= 0x80 && byte < 0xa0) return 0;
  if ((byte > 0xa0 && byte < 0xc0) || byte === 0xd7 || byte === 0xf7) return PUNCT;
  return byte >= 0xc0 || /[0-9A-Za-z]/.test(String.fromCharCode(byte)) ? ALNUM : PUNCT;
}

/** Blank, tab, line feed and their kin, and the no-break space. */
export function isSpace(byte: number): boolean {
  return (CLASSES[byte]! & SPACE) !== 0;
}

/** As ispunct of C in the kernel's character table. */
export function isPunct(byte: number): boolean {
  return (CLASSES[byte]! & PUNCT) !== 0;
}

/** Letters and digits, accented letters of Latin-1 too. */
export function isAlnum(byte: number): boolean {
  return (CLASSES[byte]! & ALNUM) !== 0;
}

/** ASCII that neither prints nor separates words. */
export function isForbiddenControl(byte: number): boolean {
  return byte < 0x80 && (CLASSES[byte]! & (CONTROL | SPACE)) === CONTROL;
}

/** An ASCII digit. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
