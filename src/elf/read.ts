/** Reads a whole object file: header check, sections through elfy's box, symbols. */
import { needBytes } from '../base/bytes.ts';
import { readSections } from './elfy-box.ts';
import { readHeader } from './header.ts';
import { readSymbols } from './symbols.ts';
import type { ElfFile, ElfSection } from './types.ts';

/**
 * Reads a relocatable 64-bit BPF object of either byte order. Section contents are views into `bytes`.
 * @throws ElfError, with a file offset, for everything else; UsageError for what are no bytes.
 */
export function readElf(bytes: Uint8Array): ElfFile {
  needBytes(bytes, 'an object file');
  const header = readHeader(bytes);
  const sections = readSections(bytes, header);
  return {
    byteOrder: header.byteOrder,
    machine: header.machine,
    flags: header.flags,
    sections,
    symbols: readSymbols(bytes, header.byteOrder, sections),
  };
}

/** The first section of that name, as libelf's users find it. */
export function findSection(file: ElfFile, name: string): ElfSection | undefined {
  return file.sections.find((section) => section.index > 0 && section.name === name);
}
