/**
 * The numbers of the ELF format (System V gABI, chapters "ELF Header", "Sections", "Symbol Table", "Relocation") and of
 * its BPF supplement (LLVM's ELFRelocs/BPF.def, Documentation/bpf/llvm_reloc.rst) that BPF objects use.
 */

/** e_machine of BPF objects; LLVM before 3.7 wrote EM_NONE. */
export const EM_NONE = 0;
export const EM_BPF = 247;
/** e_type of a relocatable object file. */
export const ET_REL = 1;

export const SHT_NULL = 0;
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_RELA = 4;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHT_LLVM_ADDRSIG = 0x6fff4c03;

export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;

export const SHN_UNDEF = 0;
/** Section indices from here on name no section (SHN_ABS, SHN_COMMON, …). */
export const SHN_LORESERVE = 0xff00;
/** Means that the index stands elsewhere: an extension for more than 65,279 sections. */
export const SHN_XINDEX = 0xffff;

export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STT_FILE = 4;

export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;

export const STV_DEFAULT = 0;
export const STV_INTERNAL = 1;
export const STV_HIDDEN = 2;
export const STV_PROTECTED = 3;

/** Sizes of the ELF64 records. */
export const EHDR_BYTES = 64;
export const SHDR_BYTES = 64;
export const PHDR_BYTES = 56;
export const SYM_BYTES = 24;
export const REL_BYTES = 16;

/** Names of the relocation kinds that LLVM makes for BPF. */
export const RELOCATION_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'R_BPF_NONE'],
  [1, 'R_BPF_64_64'],
  [2, 'R_BPF_64_ABS64'],
  [3, 'R_BPF_64_ABS32'],
  [4, 'R_BPF_64_NODYLD32'],
  [10, 'R_BPF_64_32'],
]);

/** Section type names as readelf prints them. */
export const SECTION_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [SHT_NULL, 'NULL'],
  [SHT_PROGBITS, 'PROGBITS'],
  [SHT_SYMTAB, 'SYMTAB'],
  [SHT_STRTAB, 'STRTAB'],
  [SHT_RELA, 'RELA'],
  [SHT_NOBITS, 'NOBITS'],
  [SHT_REL, 'REL'],
  [SHT_LLVM_ADDRSIG, 'LLVM_ADDRSIG'],
]);
