/**
 * What each section of an object file is for, decided by name, type and flags as libbpf's bpf_object__elf_collect and
 * ignore_elf_section do. Contents are not looked into, except that of `license` and `version`.
 */
import { ByteReader } from '../base/bytes.ts';
import { LoadError } from '../base/errors.ts';
import { cStringAt } from '../base/text.ts';
import {
  type ElfFile,
  type ElfSection,
  REL_BYTES,
  SHF_EXECINSTR,
  SHT_LLVM_ADDRSIG,
  SHT_NOBITS,
  SHT_NULL,
  SHT_PROGBITS,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
} from '../elf/index.ts';

/** Kinds of data sections that become maps. */
export type DataKind = 'data' | 'rodata' | 'bss';

/** The sections of an object by what they are for. */
export interface SectionRoles {
  /** Content of `license`, '' when absent. */
  readonly license: string;
  /** Number in `version`, 0 when absent. */
  readonly version: number;
  /** Sections with instructions, in file order. */
  readonly code: readonly ElfSection[];
  /** The section of subprograms, `.text`. */
  readonly text: ElfSection | undefined;
  /** `.data`, `.rodata`, `.bss` and their suffixed kin with a size, by section index in file order. */
  readonly data: ReadonlyMap<number, { readonly kind: DataKind; readonly section: ElfSection }>;
  /** Maps that BTF defines. */
  readonly maps: ElfSection | undefined;
  /** Maps that a struct bpf_map_def defines. */
  readonly legacyMaps: ElfSection | undefined;
  /** `.struct_ops`, `.struct_ops.link`, with or without a leading `?`, by section index in file order. */
  readonly structOps: ReadonlyMap<number, ElfSection>;
  /** Variables in an arena, `.addr_space.1`. */
  readonly arena: ElfSection | undefined;
  readonly btf: ElfSection | undefined;
  readonly btfExt: ElfSection | undefined;
  /** Relocation sections that matter. */
  readonly relocations: readonly ElfSection[];
  readonly notes: readonly string[];
}

const STRUCT_OPS = /^\??\.struct_ops(\.link)?$/;
/** Sections without instructions whose relocations matter. */
const RELOCATED_DATA = /^\.rel(\.maps|\??\.struct_ops(\.link)?)$/;
/** Longest license that libbpf keeps. */
const MAX_LICENSE = 63;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Collects roles while the sections are gone through. */
interface Draft extends Omit<Mutable<SectionRoles>, 'code' | 'data' | 'structOps' | 'relocations' | 'notes'> {
  code: ElfSection[];
  data: Map<number, { kind: DataKind; section: ElfSection }>;
  structOps: Map<number, ElfSection>;
  relocations: ElfSection[];
  notes: string[];
}

/**
 * Sorts the sections of a file.
 * @throws LoadError for sections that libbpf refuses: a malformed `license`, `version`, .BTF or relocation section.
 */
export function sortSections(file: ElfFile): SectionRoles {
  const draft: Draft = {
    license: '',
    version: 0,
    code: [],
    text: undefined,
    data: new Map(),
    maps: undefined,
    legacyMaps: undefined,
    structOps: new Map(),
    arena: undefined,
    btf: undefined,
    btfExt: undefined,
    relocations: [],
    notes: [],
  };
  for (const section of file.sections) {
    if (section.index > 0 && !isIgnored(section)) sortSection(file, section, draft);
  }
  return draft;
}

function sortSection(file: ElfFile, section: ElfSection, draft: Draft): void {
  switch (section.name) {
    case 'license':
      draft.license = readLicense(section);
      return;
    case 'version':
      draft.version = readVersion(file, section);
      return;
    case 'maps':
      draft.legacyMaps = section;
      return;
    case '.maps':
      draft.maps = section;
      return;
    case '.BTF':
      draft.btf = withContent(section);
      return;
    case '.BTF.ext':
      draft.btfExt = withContent(section);
      return;
  }
  switch (section.type) {
    case SHT_SYMTAB:
      return;
    case SHT_PROGBITS:
      if (section.size > 0) {
        sortContent(section, draft);
        return;
      }
      break;
    case SHT_REL:
      sortRelocations(file, section, draft);
      return;
    case SHT_RELA:
      refuseRela(file, section);
      break;
    case SHT_NOBITS:
      if (isNamed(section.name, '.bss')) {
        if (section.size > 0) draft.data.set(section.index, { kind: 'bss', section });
        return;
      }
      break;
  }
  draft.notes.push(`section ${section.index} '${section.name}' of ${section.size} bytes is not used`);
}

function sortContent(section: ElfSection, draft: Draft): void {
  const { index, name } = section;
  if ((section.flags & SHF_EXECINSTR) !== 0) {
    draft.code.push(section);
    if (name === '.text') draft.text = section;
  } else if (isNamed(name, '.data')) draft.data.set(index, { kind: 'data', section });
  else if (isNamed(name, '.rodata')) draft.data.set(index, { kind: 'rodata', section });
  else if (STRUCT_OPS.test(name)) draft.structOps.set(index, section);
  else if (name === '.addr_space.1') draft.arena = section;
  else draft.notes.push(`data section ${index} '${name}' is not used: its name is not known`);
}

function sortRelocations(file: ElfFile, section: ElfSection, draft: Draft): void {
  const target = file.sections[section.info];
  if (section.entrySize !== REL_BYTES || target === undefined)
    throw new LoadError(
      'bad-relocation-section',
      `records of ${section.entrySize} bytes for section ${section.info} cannot be applied; expected records of ${REL_BYTES} bytes and an existing section`,
      { section: section.name, offset: section.offset },
    );
  if (isRelocated(section, target)) draft.relocations.push(section);
  else draft.notes.push(`relocations '${section.name}' for section '${target.name}' are not applied`);
}

/** clang and gcc make SHT_REL for BPF; a file that has the other form would be loaded with wrong addresses. */
function refuseRela(file: ElfFile, section: ElfSection): void {
  const target = file.sections[section.info];
  if (target === undefined || !isRelocated(section, target)) return;
  throw new LoadError(
    'rela-not-supported',
    `relocations with explicit addends (SHT_RELA) for '${target.name}' are not supported; BPF compilers make SHT_REL`,
    { section: section.name, offset: section.offset },
  );
}

function isRelocated(section: ElfSection, target: ElfSection): boolean {
  return (target.flags & SHF_EXECINSTR) !== 0 || RELOCATED_DATA.test(section.name);
}

/** Sections that libbpf passes over without a word: strings, debug information and what belongs to them. */
function isIgnored(section: ElfSection): boolean {
  const { name, type } = section;
  if (type === SHT_NULL || type === SHT_STRTAB || type === SHT_LLVM_ADDRSIG) return true;
  if (type === SHT_PROGBITS && section.size === 0 && name === '.text') return true;
  return /^(\.rela?)?\.debug_|^\.rela?\.BTF(\.ext)?$/.test(name);
}

/** Whether `name` is `base` or `base.something`. */
function isNamed(name: string, base: string): boolean {
  return name === base || name.startsWith(`${base}.`);
}

function withContent(section: ElfSection): ElfSection {
  if (section.type === SHT_PROGBITS) return section;
  throw new LoadError('bad-btf-section', `the section has type ${section.type} and no content`, {
    section: section.name,
    offset: section.offset,
  });
}

function readLicense(section: ElfSection): string {
  if (section.data.length === 0)
    throw new LoadError('bad-license', 'the license section is empty; write e.g. char _license[] = "GPL"', {
      section: section.name,
      offset: section.offset,
    });
  return cStringAt(section.data, 0, Math.min(section.data.length, MAX_LICENSE));
}

function readVersion(file: ElfFile, section: ElfSection): number {
  const { data, name, offset } = section;
  const fail = (message: string) => new LoadError('bad-version', message, { section: name, offset });
  if (data.length !== 4) throw fail(`the version section has ${data.length} bytes, not 4`);
  return new ByteReader(data, file.byteOrder, fail, offset).u32(0);
}
