/**
 * The first, bounded reading of a file: its header and section table, checked before anything else looks at it. What
 * passes here has all its tables and sections inside the file. Rules: System V gABI; what a BPF object must be: libbpf's
 * bpf_object__elf_init (tools/lib/bpf/libbpf.c).
 */
import { type ByteOrder, ByteReader } from '../base/bytes.ts';
import { ElfError, type Place } from '../base/errors.ts';
import { MAX_FILE_BYTES, MAX_SECTIONS } from '../base/limits.ts';
import { findZero } from '../base/text.ts';
import {
  EHDR_BYTES,
  EM_BPF,
  EM_NONE,
  ET_REL,
  PHDR_BYTES,
  SHDR_BYTES,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_NULL,
  SHT_STRTAB,
} from './constants.ts';

/** A section header as it stands in the file. */
export interface SectionHeader {
  readonly nameOffset: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

/** What the ELF header and the section headers say. */
export interface FileHeader {
  readonly byteOrder: ByteOrder;
  readonly machine: number;
  readonly flags: number;
  readonly sections: readonly SectionHeader[];
}

/**
 * Most bytes that all section names of a file may have together. Compilers share at most the ends of names, so real
 * files stay far below; overlapping names in a hostile file would cost memory without bound.
 */
const MAX_NAME_BYTES = 1 << 20;
/** Most bytes that all SHT_NOBITS sections may claim together: nothing in the file stands behind that number. */
const MAX_NOBITS_BYTES = 1 << 26;

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** Makes an ElfError of code `elf-truncated`: what a ByteReader throws for a read past the end. */
export function truncated(message: string, place: Place): ElfError {
  return new ElfError('elf-truncated', message, place);
}

/**
 * Reads and checks the header and the section table.
 * @throws ElfError when the file is no 64-bit relocatable BPF object, or a table or section leaves the file.
 */
export function readHeader(bytes: Uint8Array): FileHeader {
  const byteOrder = checkIdent(bytes);
  const reader = new ByteReader(bytes, byteOrder, truncated);
  if (bytes.length < EHDR_BYTES)
    throw new ElfError(
      'elf-truncated',
      `the file has ${bytes.length} bytes; an ELF header alone takes ${EHDR_BYTES}`,
      { offset: bytes.length },
    );
  const machine = checkKind(reader);
  checkProgramHeaders(reader);
  const sections = readSectionTable(reader);
  checkNames(reader, sections);
  return { byteOrder, machine, flags: reader.u32(48), sections };
}

/** What to do about a file that is no BPF object. */
const WANTED = 'an object is what `clang -g -O2 --target=bpf -c prog.c` makes';

/** What people compile for by mistake, by e_machine. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [3, 'x86'],
  [40, 'ARM'],
  [62, 'x86-64'],
  [183, 'AArch64'],
  [243, 'RISC-V'],
]);

/** Checks e_ident and gives the byte order. */
function checkIdent(bytes: Uint8Array): ByteOrder {
  if (bytes.length > MAX_FILE_BYTES)
    throw new ElfError('elf-too-large', `the file has ${bytes.length} bytes, more than ${MAX_FILE_BYTES}`);
  if (bytes.length === 0) throw new ElfError('elf-not-elf', `the file is empty; ${WANTED}`, { offset: 0 });
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new ElfError('elf-not-elf', `this is no ELF file: it does not start with 7f 45 4c 46; ${WANTED}`, {
      offset: 0,
    });
  if (bytes[4] !== 2)
    throw new ElfError('elf-not-64-bit', 'BPF objects are 64-bit ELF files (EI_CLASS 2); this one is not', {
      offset: 4,
    });
  if (bytes[6] !== 1)
    throw new ElfError('elf-version', `unknown ELF version ${bytes[6] ?? 0}, expected 1`, { offset: 6 });
  if (bytes[5] === 1) return 'little';
  if (bytes[5] === 2) return 'big';
  throw new ElfError('elf-byte-order', `unknown byte order ${bytes[5] ?? 0} (1 is little, 2 is big endian)`, {
    offset: 5,
  });
}

/** Checks that the file is a relocatable object for BPF, and gives e_machine. */
function checkKind(reader: ByteReader): number {
  const type = reader.u16(16);
  const machine = reader.u16(18);
  if (machine !== EM_BPF && machine !== EM_NONE)
    throw new ElfError(
      'elf-not-bpf',
      `the file is for ${MACHINES.get(machine) ?? 'another machine'} (e_machine ${machine}), not for BPF (${EM_BPF}); ${WANTED}`,
      { offset: 18 },
    );
  if (type !== ET_REL)
    throw new ElfError(
      'elf-not-relocatable',
      `the file's type is ${type}, not a relocatable object (${ET_REL}); compile with clang -c, without linking`,
      { offset: 16 },
    );
  return machine;
}

/** Objects have no program headers; a file that claims some must at least hold them. */
function checkProgramHeaders(reader: ByteReader): void {
  const offset = reader.size64(32);
  const entrySize = reader.u16(54);
  const count = reader.u16(56);
  if (count === 0) return;
  if (entrySize !== PHDR_BYTES)
    throw new ElfError('elf-program-headers', `program headers have ${entrySize} bytes, not ${PHDR_BYTES}`, {
      offset: 54,
    });
  const table = reader.window(offset, count * PHDR_BYTES, 'the table of program headers');
  for (let i = 0; i < count; i++) {
    const at = i * PHDR_BYTES;
    reader.window(table.size64(at + 8), table.size64(at + 32), `segment ${i}`);
  }
}

function readSectionTable(reader: ByteReader): SectionHeader[] {
  const offset = reader.size64(40);
  const entrySize = reader.u16(58);
  const count = reader.u16(60);
  if (offset === 0 || count === 0)
    throw new ElfError('elf-no-sections', 'the file has no section table: it holds no programs', {
      offset: 40,
    });
  if (entrySize !== SHDR_BYTES)
    throw new ElfError('elf-section-table', `section headers have ${entrySize} bytes, not ${SHDR_BYTES}`, {
      offset: 58,
    });
  if (count > MAX_SECTIONS)
    throw new ElfError('elf-section-table', `${count} sections are more than ${MAX_SECTIONS}`, {
      offset: 60,
    });
  const table = reader.window(offset, count * SHDR_BYTES, 'the section table');
  const sections: SectionHeader[] = [];
  for (let i = 0; i < count; i++) sections.push(readSectionHeader(table, i));
  checkSizes(reader, sections, offset);
  return sections;
}

/** Every section lies in the file, no byte of it in two, and those without content are not too large. */
function checkSizes(reader: ByteReader, sections: readonly SectionHeader[], table: number): void {
  let content = 0;
  let nobits = 0;
  for (const [i, { type, offset, size }] of sections.entries()) {
    if (type === SHT_NOBITS) nobits += size;
    else if (type !== SHT_NULL) content += reader.window(offset, size, `the content of section ${i}`).length;
  }
  if (content > reader.length)
    throw new ElfError(
      'elf-overlap',
      `the sections have ${content} bytes, the file ${reader.length}: they overlap`,
      {
        offset: table,
      },
    );
  if (nobits > MAX_NOBITS_BYTES)
    throw new ElfError(
      'elf-nobits-size',
      `sections without content (.bss) claim ${nobits} bytes, more than ${MAX_NOBITS_BYTES}`,
      { offset: table },
    );
}

function readSectionHeader(table: ByteReader, index: number): SectionHeader {
  const at = index * SHDR_BYTES;
  const order = table.order;
  return {
    nameOffset: table.u32(at),
    type: table.u32(at + 4),
    flags: table.u32(order === 'little' ? at + 8 : at + 12),
    offset: table.size64(at + 24),
    size: table.size64(at + 32),
    link: table.u32(at + 40),
    info: table.u32(at + 44),
    alignment: table.size64(at + 48),
    entrySize: table.size64(at + 56),
  };
}

/** Checks that every section name is a terminated string in the name section, and that all together are not too long. */
function checkNames(reader: ByteReader, sections: readonly SectionHeader[]): void {
  const index = reader.u16(62);
  const names = sections[index];
  if (index === SHN_XINDEX || names?.type !== SHT_STRTAB)
    throw new ElfError('elf-section-names', `section ${index} does not hold the section names`, {
      offset: 62,
    });
  const end = names.offset + names.size;
  let total = 0;
  for (const [i, section] of sections.entries()) {
    const start = names.offset + section.nameOffset;
    total += stringLength(reader.bytes, start, end, `the name of section ${i}`);
    // Checked in the loop: the search for the ends is what costs time.
    if (total > MAX_NAME_BYTES)
      throw new ElfError('elf-section-names', `section names take more than ${MAX_NAME_BYTES} bytes`, {
        offset: names.offset,
      });
  }
}

/**
 * Bytes before the terminating zero of the string that starts at `start` in bytes[…, end).
 * @throws ElfError `elf-string` when it starts or ends outside.
 */
export function stringLength(bytes: Uint8Array, start: number, end: number, what: string): number {
  const zero = start < end ? findZero(bytes, start, end) : end;
  if (zero === end)
    throw new ElfError('elf-string', `${what} is no terminated string inside its string table`, {
      offset: Math.min(start, end),
    });
  return zero - start;
}
