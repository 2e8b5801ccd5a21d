/**
 * Formatting as bpf_trace_printk and bpf_snprintf do it, in the kernel's two steps: `pack` checks the format and gathers what the
 * arguments stand for into a buffer of 512 bytes (bpf_bprintf_prepare in kernel/bpf/helpers.c), `print` writes the
 * text from there (bstr_printf in lib/vsprintf.c). The buffer is part of the behaviour: strings are cut to it, and what does
 * not fit is ENOSPC.
 */
import { Errno } from '../base/errno.ts';
import { encodeUtf8, findZero } from '../base/text.ts';
import type { Memory } from '../vm/index.ts';
import { type Directive, FormatParser } from './format-parser.ts';
import type { Halves, SymbolPort } from './runtime.ts';
import type { SafeMemory } from './safe-memory.ts';
import { TextWriter } from './text-writer.ts';

/** MAX_BPRINTF_BIN_ARGS. */
const PACKED_BYTES = 512;
/** MAX_BPRINTF_VARARGS of include/linux/bpf.h. */
const MAX_ARGUMENTS = 12;

const KERNEL = 0x6b;
const UPPER_I = 0x49;
const LOWER_X = 0x78;
const LOWER_S = 0x73;

/** Formats one string at a time; holds the argument words and the packed buffer. */
export class Printf {
  /** Argument words, low half then high half. */
  readonly words = new Int32Array(2 * MAX_ARGUMENTS);
  count = 0;

  private readonly packed = new Uint8Array(PACKED_BYTES);
  private readonly packedView = new DataView(this.packed.buffer);
  private readonly parser = new FormatParser();
  private readonly out = new TextWriter();
  private readonly safe: SafeMemory;
  private readonly symbols: SymbolPort;
  private readonly address = new Uint8Array(16);

  constructor(safe: SafeMemory, symbols: SymbolPort) {
    this.safe = safe;
    this.symbols = symbols;
  }

  /** Takes `length` bytes of 64-bit values at an address as arguments; false when that is no list of arguments. */
  takeArguments({ view }: Memory, address: number, length: number): boolean {
    const bytes = length >>> 0;
    if (bytes % 8 !== 0 || bytes > 8 * MAX_ARGUMENTS || (bytes !== 0 && address === 0)) return false;
    this.count = bytes / 8;
    for (let i = 0; i < bytes / 4; i++) this.words[i] = view.getInt32((address >>> 0) + 4 * i, true);
    return true;
  }

  /** Checks the format bytes[start, end) and packs the arguments: 0, -EINVAL or -ENOSPC. */
  pack(bytes: Uint8Array, start: number, end: number): number {
    this.parser.reset(bytes, start, end);
    let at = 0;
    for (let used = 0; ; ) {
      const directive = this.parser.next();
      if (directive === 'end') return 0;
      if (directive === 'text') continue;
      if (directive === 'invalid' || used >= this.count) return -Errno.EINVAL;
      at = this.packArgument(directive, at, this.words[2 * used]!, this.words[2 * used + 1]!);
      if (at < 0) return at;
      used++;
    }
  }

  /**
   * Prints a format that `pack` let pass to target[start, start + size), zero-terminated when there is room for a byte. Returns the
   * length that the whole text has.
   */
  print(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number, size: number): number {
    const { parser, out } = this;
    parser.reset(bytes, start, end);
    out.reset(target, at, size);
    let from = 0;
    for (;;) {
      const directive = parser.next();
      if (directive === 'end' || directive === 'invalid') return out.finish();
      if (directive === 'text') out.bytes(bytes, parser.textStart, parser.textEnd);
      else from = this.printArgument(directive, from);
    }
  }

  /** Returns where the next argument goes, or an errno. */
  private packArgument(directive: Directive, at: number, lo: number, hi: number): number {
    switch (directive) {
      case 'integer':
        return this.packWord(at, this.parser.size, lo, hi);
      case 'address':
      case 'symbol':
        return this.packWord(at, 8, lo, hi);
      case 'char':
        if (at >= PACKED_BYTES) return -Errno.ENOSPC;
        this.packed[at] = lo;
        return at + 1;
      case 'string':
      case 'fetched-string':
        return this.packString(at, lo, hi);
      case 'ip':
        return this.packIp(at, lo, hi);
      case 'backtrace-symbol':
        return this.packText(at, this.symbolText({ lo, hi }, true));
      default:
        return at;
    }
  }

  private packWord(at: number, size: 4 | 8, lo: number, hi: number): number {
    const aligned = (at + 3) & ~3;
    if (aligned + size > PACKED_BYTES) return -Errno.ENOSPC;
    this.packedView.setInt32(aligned, lo, true);
    if (size === 8) this.packedView.setInt32(aligned + 4, hi, true);
    return aligned + size;
  }

  /** A string that cannot be read is an empty one. */
  private packString(at: number, lo: number, hi: number): number {
    if (at >= PACKED_BYTES) return -Errno.ENOSPC;
    const { variant } = this.parser;
    const kernel = variant === KERNEL || (variant === LOWER_S && !this.safe.isUser(lo, hi));
    const space = kernel ? 'kernel' : 'user';
    const length = this.safe.readString(space, lo, hi, PACKED_BYTES - at, this.packed, at);
    if (length >= 0) return at + length;
    this.packed[at] = 0;
    return at + 1;
  }

  private packIp(at: number, lo: number, hi: number): number {
    const { ipVersion, variant } = this.parser;
    const size = ipVersion === 4 ? 4 : 16;
    if (PACKED_BYTES - at < size) return -Errno.ENOSPC;
    if (this.safe.read('kernel', lo, hi, size, this.address, 0) < 0) this.address.fill(0, 0, size);
    return this.packText(at, ipText(this.address, ipVersion, variant === UPPER_I));
  }

  /** Text is cut to the room that is left; the place of what follows counts its whole length, as snprintf returns it. */
  private packText(at: number, text: string): number {
    const bytes = encodeUtf8(text);
    const room = Math.max(PACKED_BYTES - at - 1, 0);
    this.packed.set(bytes.subarray(0, room), at);
    if (at < PACKED_BYTES) this.packed[at + Math.min(bytes.length, room)] = 0;
    return at + bytes.length + 1;
  }

  /** Prints the argument packed at `from`; returns where the next one lies. */
  private printArgument(directive: Directive, from: number): number {
    const { parser, out } = this;
    switch (directive) {
      case 'char':
        out.padded(this.packed, from, from + 1, parser.width, parser.left);
        return from + 1;
      case 'string': {
        const end = findZero(this.packed, from);
        out.padded(this.packed, from, end, parser.width, parser.left);
        return end + 1;
      }
      case 'fetched-string':
      case 'ip':
      case 'backtrace-symbol':
        return this.printReadyText(from);
      case 'integer': {
        const aligned = (from + 3) & ~3;
        this.printInteger(aligned);
        return aligned + parser.size;
      }
      case 'address':
      case 'symbol': {
        const aligned = (from + 3) & ~3;
        const lo = this.packedView.getInt32(aligned, true);
        const hi = this.packedView.getInt32(aligned + 4, true);
        this.printPointer(directive, lo, hi);
        return aligned + 8;
      }
      default:
        return from;
    }
  }

  /** Widths do not count here. Once the output is full, the kernel forgets to step over the text. */
  private printReadyText(from: number): number {
    if (this.out.full) return from;
    const end = findZero(this.packed, from);
    this.out.bytes(this.packed, from, end);
    return end + 1;
  }

  private printInteger(at: number): void {
    const { parser, out, packedView } = this;
    const lo = packedView.getInt32(at, true);
    const hi = parser.size === 8 ? packedView.getInt32(at + 4, true) : parser.signed ? lo >> 31 : 0;
    const negative = parser.signed && hi < 0;
    const sign = !parser.signed ? '' : negative ? '-' : parser.plus ? '+' : parser.blank ? ' ' : '';
    const digits = negative
      ? magnitude(-lo | 0, (~hi + (lo === 0 ? 1 : 0)) | 0, false)
      : magnitude(lo, hi, parser.hex);
    out.number(sign, parser.upper ? digits.toUpperCase() : digits, parser.width, parser.left, parser.zero);
  }

  private printPointer(directive: 'address' | 'symbol', lo: number, hi: number): void {
    const { parser, out } = this;
    if (directive === 'symbol') {
      const text = encodeUtf8(this.symbolText({ lo, hi }, parser.variant !== LOWER_S));
      out.padded(text, 0, text.length, parser.width, parser.left);
      return;
    }
    const bare = parser.variant === LOWER_X || isNullOrError(lo, hi);
    const digits = bare ? magnitude(lo, hi, true) : magnitude(hashPointer(lo, hi), 0, true);
    const given = parser.width !== -1;
    out.number('', digits, given ? parser.width : 16, parser.left, !given || parser.zero);
  }

  private symbolText(address: Halves, withOffset: boolean): string {
    const symbol = this.symbols.symbolAt(address);
    if (symbol === undefined) return `0x${magnitude(address.lo, address.hi, true)}`;
    return withOffset ? symbol : symbol.replace(/\+0x.*/, '');
  }
}

/** The digits of an unsigned 64-bit number. */
function magnitude(lo: number, hi: number, hex: boolean): string {
  if (hex) {
    const low = (lo >>> 0).toString(16);
    return hi === 0 ? low : (hi >>> 0).toString(16) + low.padStart(8, '0');
  }
  if (hi === 0) return (lo >>> 0).toString();
  // Printing only: two divisions by 10^9 would do, but a BigInt says what is meant.
  return ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
}

/** NULL and error pointers are no addresses and print as they are (lib/vsprintf.c, default_pointer; MAX_ERRNO 4095). */
function isNullOrError(lo: number, hi: number): boolean {
  return (lo | hi) === 0 || (hi === -1 && lo < 0 && lo >= -4095);
}

/** %p must not tell addresses: the kernel prints 32 bits of a keyed hash. Ours has a fixed key, so that runs can be repeated. */
function hashPointer(lo: number, hi: number): number {
  let h = Math.imul(lo ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(hi ^ 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** %pI4 as 192.0.2.1, %pi4 as 192.000.002.001, %pI6 with colons, %pi6 without; all of fixed form, zeros included. */
function ipText(address: Uint8Array, version: 4 | 6, separated: boolean): string {
  if (version === 4)
    return Array.from(address.subarray(0, 4), (byte) => String(byte).padStart(separated ? 1 : 3, '0')).join(
      '.',
    );
  const groups = Array.from({ length: 8 }, (_, i) =>
    (address[2 * i]! * 256 + address[2 * i + 1]!).toString(16).padStart(4, '0'),
  );
  return groups.join(separated ? ':' : '');
}
