/** The string section of a BTF blob; that of split BTF continues the offsets of its base. */
import { BtfError } from '../base/errors.ts';
import { cStringAt } from '../base/text.ts';

/**
 * How often the section may be read over by strings that overlap. Compilers store every string once (factor 1); without
 * a bound, a small file could name the suffixes of one long string and ask for gigabytes of text.
 */
const OVERLAP_LIMIT = 16;

/** Zero-terminated strings by offset. Made only from sections whose last byte was checked to be zero. */
export class BtfStrings {
  /** The section, including its terminating zero. */
  readonly bytes: Uint8Array;
  /** First offset that lies in this section and not in the base's. */
  readonly start: number;
  /** First offset past this section. */
  readonly end: number;
  private readonly base: BtfStrings | undefined;
  private readonly cache = new Map<number, string>();
  private budget: number;

  constructor(bytes: Uint8Array, base?: BtfStrings) {
    this.bytes = bytes;
    this.base = base;
    this.start = base?.end ?? 0;
    this.end = this.start + bytes.length;
    this.budget = OVERLAP_LIMIT * bytes.length;
  }

  has(offset: number): boolean {
    return offset >= 0 && offset < this.end;
  }

  /**
   * The string at `offset`; undefined where no string is.
   * @throws BtfError `btf-strings-overlap` when strings overlap beyond what any compiler writes.
   */
  at(offset: number): string | undefined {
    if (offset === 0) return '';
    if (offset < this.start) return this.base?.at(offset);
    if (offset >= this.end) return undefined;
    const known = this.cache.get(offset);
    if (known !== undefined) return known;
    const text = cStringAt(this.bytes, offset - this.start);
    this.budget -= text.length;
    if (this.budget < 0) {
      throw new BtfError('btf-strings-overlap', 'too many strings are parts of each other', {
        section: '.BTF',
      });
    }
    this.cache.set(offset, text);
    return text;
  }

  /** The section that holds `offset` and the string's first byte in it, for those who need no text. */
  locate(offset: number): { readonly bytes: Uint8Array; readonly start: number } | undefined {
    if (offset < this.start) return this.base?.locate(offset);
    return offset < this.end ? { bytes: this.bytes, start: offset - this.start } : undefined;
  }

  /** Every string of this section (not of the base) with its offset, in order. */
  *[Symbol.iterator](): Generator<{ readonly offset: number; readonly text: string }> {
    for (let at = 0; at < this.bytes.length; ) {
      const end = this.bytes.indexOf(0, at);
      yield { offset: this.start + at, text: cStringAt(this.bytes, at, end) };
      at = end + 1;
    }
  }
}
