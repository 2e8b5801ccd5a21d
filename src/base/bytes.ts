/**
 * Bounds-checked reading of binary formats in either byte order, and hexadecimal text. The one place where raw bytes
 * of hostile input are touched: every read past the end goes to the reader's own error, with the offset.
 */
import { BpfError, type Place, UsageError } from './errors.ts';
import { decodeUtf8, findZero } from './text.ts';

/** Byte order of a file; BPF objects come in both. */
export type ByteOrder = 'little' | 'big';

/** Makes the error a reader throws; lets ELF, BTF and pcap readers throw their own class. */
export type ErrorFactory = (message: string, place: Place) => BpfError;

/**
 * Refuses what is no array of bytes, such as a path where the content of a file is meant: as text has a length and no bytes, it would be taken for
 * something else. Arrays of other realms, which test environments make, are taken.
 * @param what as the sentence begins: `a packet`.
 * @throws UsageError `not-bytes`.
 */
export function needBytes(value: unknown, what: string): void {
  if (Object.prototype.toString.call(value) === '[object Uint8Array]') return;
  const hint = typeof value === 'string' ? ', not as text: read the file, or encode the text, first' : '';
  throw new UsageError('not-bytes', `${what} is given as bytes (a Uint8Array)${hint}`);
}

/** A window of bytes with a byte order. Offsets are relative to the window, errors name the absolute one. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly order: ByteOrder;
  /** Offset of this window in the file, for error messages. */
  readonly base: number;
  private readonly view: DataView;
  private readonly little: boolean;
  private readonly fail: ErrorFactory;

  constructor(bytes: Uint8Array, order: ByteOrder, fail: ErrorFactory, base = 0) {
    this.bytes = bytes;
    this.order = order;
    this.base = base;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = order === 'little';
    this.fail = fail;
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(offset: number): number {
    this.need(offset, 1, 'a byte');
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    this.need(offset, 2, 'a 16-bit number');
    return this.view.getUint16(offset, this.little);
  }

  u32(offset: number): number {
    this.need(offset, 4, 'a 32-bit number');
    return this.view.getUint32(offset, this.little);
  }

  i32(offset: number): number {
    return this.u32(offset) | 0;
  }

  u64(offset: number): bigint {
    this.need(offset, 8, 'a 64-bit number');
    return this.view.getBigUint64(offset, this.little);
  }

  /** A 64-bit file offset or size as a number; values that no file can have are an error here. */
  size64(offset: number): number {
    const value = this.u64(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.fail(
        `the 64-bit value 0x${value.toString(16)} cannot be an offset or a size`,
        this.at(offset),
      );
    }
    return Number(value);
  }

  /** A sub-window that keeps byte order, error class and absolute offsets. */
  window(offset: number, length: number, what = 'this range'): ByteReader {
    this.need(offset, length, what);
    return new ByteReader(
      this.bytes.subarray(offset, offset + length),
      this.order,
      this.fail,
      this.base + offset,
    );
  }

  /** The zero-terminated string at `offset`; one without an end inside the window is an error. */
  cString(offset: number): string {
    this.need(offset, 1, 'a string');
    const end = findZero(this.bytes, offset);
    if (end === this.bytes.length) throw this.fail('a string has no terminating zero', this.at(offset));
    return decodeUtf8(this.bytes, offset, end);
  }

  private at(offset: number): Place {
    return { offset: this.base + offset };
  }

  private need(offset: number, length: number, what: string): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.bytes.length) return;
    throw this.fail(
      `${what} of ${length} bytes does not fit: only ${this.bytes.length} bytes are here`,
      this.at(offset),
    );
  }
}

/** Bytes as lower-case hexadecimal without separators. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/**
 * Bytes of hexadecimal text; white space between bytes is allowed, and a leading 0x.
 * @throws BpfError `bad-hex` when a character is no hex digit or a digit is missing.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/^\s*0x/i, '').replace(/\s+/g, '');
  const bad = /[^0-9a-fA-F]/.exec(digits);
  if (bad) throw new BpfError('bad-hex', `'${bad[0]}' is not a hexadecimal digit`);
  if (digits.length % 2 !== 0)
    throw new BpfError('bad-hex', 'hexadecimal text needs two digits for each byte');
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Copies several byte arrays into one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
