/**
 * The box around elfy 1.0.0: the only file that calls it. elfy wants Node's Buffer, trusts every number, throws errors of
 * five kinds, does not know BPF (its `machine` is undefined), reads alignment and entry size at wrong offsets, gives the
 * next section's bytes for one without content, and has no numbers for types and flags. So it is called only after
 * header.ts has checked the tables; what it gets wrong is taken from there.
 */
import elfy from 'elfy';
import { ElfError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/text.ts';
import { SHT_NOBITS, SHT_NULL } from './constants.ts';
import type { FileHeader } from './header.ts';
import type { ElfSection } from './types.ts';

const EMPTY = new Uint8Array(0);

/**
 * The sections of a file whose tables `header` has vouched for.
 * @throws ElfError `elf-unreadable` when elfy fails or reads something else than the header says.
 */
export function readSections(bytes: Uint8Array, header: FileHeader): ElfSection[] {
  const found = parse(bytes);
  return header.sections.map((checked, index) => {
    const section = found[index];
    if (section?.off !== checked.offset || section.size !== checked.size)
      throw new ElfError('elf-unreadable', `section ${index} is not where its header says`, {
        offset: checked.offset,
      });
    const hasContent = checked.type !== SHT_NOBITS && checked.type !== SHT_NULL;
    return {
      index,
      name: section.name,
      type: checked.type,
      flags: checked.flags,
      offset: section.off,
      size: section.size,
      link: section.link,
      info: section.info,
      alignment: checked.alignment,
      entrySize: checked.entrySize,
      data: hasContent ? section.data.plain() : EMPTY,
    };
  });
}

function parse(bytes: Uint8Array) {
  try {
    return elfy.parse(ElfyBuffer.over(bytes)).body.sections;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it gave no reason';
    throw new ElfError('elf-unreadable', `the ELF parser failed: ${reason}`);
  }
}

/** As much of Node's Buffer as elfy uses: slices are views, numbers are checked, text is UTF-8. */
class ElfyBuffer extends Uint8Array<ArrayBuffer> {
  static over(bytes: Uint8Array): ElfyBuffer {
    // A view's buffer may be shared memory; nothing here minds, but the type of slice has no room for it.
    return new ElfyBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
  }

  // As Buffer.slice, and unlike Uint8Array's, this copies nothing.
  override slice(start: number, end: number): ElfyBuffer {
    const from = Math.min(start, this.length);
    const to = Math.min(Math.max(end, from), this.length);
    return new ElfyBuffer(this.buffer, this.byteOffset + from, to - from);
  }

  override toString(): string {
    return decodeUtf8(this);
  }

  readUInt16LE(offset: number): number {
    return this.byte(offset) | (this.byte(offset + 1) << 8);
  }

  readUInt16BE(offset: number): number {
    return (this.byte(offset) << 8) | this.byte(offset + 1);
  }

  readUInt32LE(offset: number): number {
    return (this.readUInt16LE(offset) | (this.readUInt16LE(offset + 2) << 16)) >>> 0;
  }

  readUInt32BE(offset: number): number {
    return ((this.readUInt16BE(offset) << 16) | this.readUInt16BE(offset + 2)) >>> 0;
  }

  /** This buffer without the methods above: nothing outside the box may come to depend on them. */
  plain(): Uint8Array {
    return new Uint8Array(this.buffer, this.byteOffset, this.length);
  }

  private byte(offset: number): number {
    const value = this[offset];
    if (value === undefined) throw new RangeError(`byte ${offset} is outside`);
    return value;
  }
}
