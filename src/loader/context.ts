/**
 * What the parts of the loader share while one file is opened: the file, its sections by role, its type information.
 */
import type { Btf, BtfExt } from '../btf/index.ts';
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/index.ts';
import type { SectionRoles } from './sections.ts';

/** A file that is being opened. */
export interface OpenFile {
  /** The object's name, as libbpf has it: it begins the names of data maps. */
  readonly name: string;
  readonly elf: ElfFile;
  /** Sections by name; of several with one name, the first. */
  readonly sections: ReadonlyMap<string, ElfSection>;
  /** Symbols by the section that they lie in, in their order. */
  readonly symbols: ReadonlyMap<number, readonly ElfSymbol[]>;
  readonly roles: SectionRoles;
  readonly btf: Btf | undefined;
  readonly ext: BtfExt;
  /** Accept what libbpf accepts with its option relaxed_maps: unknown members and trailing bytes of map definitions. */
  readonly relaxedMaps: boolean;
  /** Remarks for the reader, see ObjectSpec.notes. */
  readonly notes: string[];
}

/** Sections by name, without the empty one of index 0. */
export function sectionsByName(file: ElfFile): Map<string, ElfSection> {
  const found = new Map<string, ElfSection>();
  for (const section of file.sections)
    if (section.index > 0 && !found.has(section.name)) found.set(section.name, section);
  return found;
}

/** Sorts symbols by section. */
export function symbolsBySection(file: ElfFile): Map<number, ElfSymbol[]> {
  const sorted = new Map<number, ElfSymbol[]>();
  for (const symbol of file.symbols) {
    const list = sorted.get(symbol.section);
    if (list === undefined) sorted.set(symbol.section, [symbol]);
    else list.push(symbol);
  }
  return sorted;
}
