/** A growing byte buffer with the number formats of WebAssembly's binary format (specification, section 5.2). */
import { BpfError } from '../../base/errors.ts';
import { encodeUtf8 } from '../../base/text.ts';

/** No module may get larger: engines refuse modules of more than 1 GiB, and a program that needs a tenth of it is no program. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Bytes that grow at their end, up to a limit. */
export class ByteWriter {
  length = 0;
  private bytes: Uint8Array<ArrayBuffer>;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** The bytes written so far; valid until the next write. */
  written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = value;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit number given as two halves. */
  s64(lo: number, hi: number): void {
    let low = lo | 0;
    let high = hi | 0;
    for (;;) {
      const group = low & 0x7f;
      low = (low >>> 7) | (high << 25);
      high >>= 7;
      const isSignEnough = high === low >> 31 && (low === 0 || low === -1);
      if (isSignEnough && (group & 0x40) === (low & 0x40)) {
        this.u8(group);
        return;
      }
      this.u8(group | 0x80);
    }
  }

  /** Bytes with their count in front. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  name(text: string): void {
    this.sized(encodeUtf8(text));
  }

  raw(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.bytes.length) this.grow(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private grow(more: number): void {
    const size = Math.max(this.bytes.length * 2, this.length + more);
    if (size > MAX_BYTES) {
      throw new BpfError('program-too-large', `the program's WebAssembly exceeds ${MAX_BYTES} bytes`);
    }
    const old = this.bytes;
    this.bytes = new Uint8Array(size);
    this.bytes.set(old);
  }
}
