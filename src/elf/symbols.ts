/**
 * The symbol table and relocation records of an object (System V gABI, "Symbol Table", "Relocation"). Relocations are
 * read on demand: most of a file's belong to debug information that nobody asks for.
 */
import { type ByteOrder, ByteReader } from '../base/bytes.ts';
import { ElfError } from '../base/errors.ts';
import { MAX_RELOCATIONS, MAX_SYMBOLS } from '../base/limits.ts';
import { decodeUtf8 } from '../base/text.ts';
import { REL_BYTES, SHN_XINDEX, SHT_STRTAB, SHT_SYMTAB, STT_SECTION, SYM_BYTES } from './constants.ts';
import { stringLength, truncated } from './header.ts';
import type { ElfFile, ElfRelocation, ElfSection, ElfSymbol } from './types.ts';

/** Most bytes of all different symbol names together, as a multiple of the string table: ends may be shared. */
const MAX_NAME_SHARING = 8;

/**
 * The symbols of the file's one symbol table; none without one.
 * @throws ElfError when there are several tables, or the table or a name is malformed.
 */
export function readSymbols(
  bytes: Uint8Array,
  order: ByteOrder,
  sections: readonly ElfSection[],
): ElfSymbol[] {
  const tables = sections.filter((section) => section.type === SHT_SYMTAB);
  const table = tables[0];
  if (table === undefined) return [];
  if (tables.length > 1)
    throw new ElfError('elf-symbols', 'the file has several symbol tables; an object has one', {
      offset: tables[1]?.offset ?? 0,
    });
  const count = recordCount(table, SYM_BYTES, MAX_SYMBOLS, 'elf-symbols');
  const names = new SymbolNames(bytes, stringTable(table, sections));
  const reader = new ByteReader(table.data, order, truncated, table.offset);
  const symbols: ElfSymbol[] = [];
  for (let index = 0; index < count; index++) symbols.push(readSymbol(reader, index, names, sections));
  return symbols;
}

/**
 * The records of a SHT_REL section.
 * @throws ElfError `elf-relocations` when the table is malformed or names a symbol that does not exist.
 */
export function readRelocations(file: ElfFile, section: ElfSection): ElfRelocation[] {
  const count = recordCount(section, REL_BYTES, MAX_RELOCATIONS, 'elf-relocations');
  const reader = new ByteReader(section.data, file.byteOrder, truncated, section.offset);
  const relocations: ElfRelocation[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * REL_BYTES;
    // r_info: the symbol in its high half, the type in its low half.
    const [type, symbol] = file.byteOrder === 'little' ? [8, 12] : [12, 8];
    const relocation = {
      offset: reader.size64(at),
      type: reader.u32(at + type),
      symbol: reader.u32(at + symbol),
    };
    if (relocation.symbol >= file.symbols.length)
      throw new ElfError(
        'elf-relocations',
        `relocation ${i} names symbol ${relocation.symbol}, but there are ${file.symbols.length}`,
        { section: section.name, offset: section.offset + at },
      );
    relocations.push(relocation);
  }
  return relocations;
}

function recordCount(section: ElfSection, bytes: number, most: number, code: string): number {
  const place = { section: section.name, offset: section.offset };
  if (section.entrySize !== bytes || section.size % bytes !== 0)
    throw new ElfError(
      code,
      `${section.size} bytes in records of ${section.entrySize} are no table of ${bytes}-byte records`,
      place,
    );
  const count = section.size / bytes;
  if (count > most) throw new ElfError(code, `${count} records are more than ${most}`, place);
  return count;
}

function stringTable(table: ElfSection, sections: readonly ElfSection[]): ElfSection {
  const strings = sections[table.link];
  if (table.link === 0 || strings?.type !== SHT_STRTAB)
    throw new ElfError('elf-symbols', `section ${table.link} does not hold the symbol names`, {
      section: table.name,
      offset: table.offset,
    });
  return strings;
}

function readSymbol(
  reader: ByteReader,
  index: number,
  names: SymbolNames,
  sections: readonly ElfSection[],
): ElfSymbol {
  const at = index * SYM_BYTES;
  const info = reader.u8(at + 4);
  const section = reader.u16(at + 6);
  if (section === SHN_XINDEX)
    throw new ElfError('elf-symbols', `symbol ${index} uses extended section numbers`, {
      offset: reader.base + at,
    });
  const type = info & 15;
  const nameOffset = reader.u32(at);
  // A section symbol has no name of its own; people know it by the section's.
  const name =
    type === STT_SECTION && nameOffset === 0 ? (sections[section]?.name ?? '') : names.at(nameOffset, index);
  return {
    index,
    name,
    type,
    binding: info >> 4,
    visibility: reader.u8(at + 5) & 3,
    section,
    value: reader.size64(at + 8),
    size: reader.size64(at + 16),
  };
}

/** Decodes names, each offset once, and no more bytes than a string table can honestly hold. */
class SymbolNames {
  private readonly bytes: Uint8Array;
  private readonly table: ElfSection;
  private readonly known = new Map<number, string>();
  private budget: number;

  constructor(bytes: Uint8Array, table: ElfSection) {
    this.bytes = bytes;
    this.table = table;
    this.budget = table.size * MAX_NAME_SHARING;
  }

  at(offset: number, symbol: number): string {
    const known = this.known.get(offset);
    if (known !== undefined) return known;
    const start = this.table.offset + offset;
    const end = this.table.offset + this.table.size;
    const length = stringLength(this.bytes, start, end, `the name of symbol ${symbol}`);
    this.budget -= length;
    if (this.budget < 0)
      throw new ElfError('elf-symbols', 'symbol names overlap more than any compiler makes them', {
        section: this.table.name,
        offset: start,
      });
    const name = decodeUtf8(this.bytes, start, start + length);
    this.known.set(offset, name);
    return name;
  }
}
