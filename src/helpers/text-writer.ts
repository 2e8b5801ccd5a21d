/**
 * Writes text into a window of bytes and counts what does not fit, as snprintf does: the count is exact however small the window
 * is, and no padding width makes it slow.
 */

const BLANK = 0x20;
const ZERO = 0x30;

/** Text with a limit, counted beyond it. One object is used again for each text. */
export class TextWriter {
  private target: Uint8Array = new Uint8Array();
  private start = 0;
  private size = 0;
  /** Length of the text so far, whether it was written or not. */
  private length = 0;

  /** The window is target[start, start + size). */
  reset(target: Uint8Array, start: number, size: number): void {
    this.target = target;
    this.start = start;
    this.size = size;
    this.length = 0;
  }

  /** Nothing more will be written. */
  get full(): boolean {
    return this.length >= this.size;
  }

  bytes(source: Uint8Array, from: number, to: number): void {
    const fitting = Math.min(to - from, this.size - this.length);
    for (let i = 0; i < fitting; i++) this.target[this.start + this.length + i] = source[from + i]!;
    this.length += to - from;
  }

  /** Text with blanks up to a width. */
  padded(source: Uint8Array, from: number, to: number, width: number, left: boolean): void {
    const padding = width - (to - from);
    if (!left) this.repeat(BLANK, padding);
    this.bytes(source, from, to);
    if (left) this.repeat(BLANK, padding);
  }

  /** ASCII digits with a sign; zeros go between the two, blanks outside. */
  number(sign: string, digits: string, width: number, left: boolean, zeros: boolean): void {
    const padding = width - sign.length - digits.length;
    if (!left && !zeros) this.repeat(BLANK, padding);
    this.ascii(sign);
    if (!left && zeros) this.repeat(ZERO, padding);
    this.ascii(digits);
    if (left) this.repeat(BLANK, padding);
  }

  /** Puts the terminating zero, in the last byte if need be; returns the length that the text has without it. */
  finish(): number {
    if (this.size > 0) this.target[this.start + Math.min(this.length, this.size - 1)] = 0;
    return this.length;
  }

  private ascii(text: string): void {
    const fitting = Math.min(text.length, this.size - this.length);
    for (let i = 0; i < fitting; i++) this.target[this.start + this.length + i] = text.charCodeAt(i);
    this.length += text.length;
  }

  private repeat(byte: number, count: number): void {
    if (count <= 0) return;
    if (!this.full) {
      const from = this.start + this.length;
      this.target.fill(byte, from, Math.min(from + count, this.start + this.size));
    }
    this.length += count;
  }
}
