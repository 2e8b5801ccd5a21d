/** What an object file holds, as plain data: header facts, sections, symbols, relocations. */
import type { ByteOrder } from '../base/bytes.ts';

/** A relocatable 64-bit BPF object file. */
export interface ElfFile {
  readonly byteOrder: ByteOrder;
  /** e_machine: EM_BPF, or EM_NONE from old compilers. */
  readonly machine: number;
  /** e_flags; the version of the instruction set that LLVM was told (-mcpu), 0 when it does not say. */
  readonly flags: number;
  /** By section index; element 0 is the empty section of index 0. */
  readonly sections: readonly ElfSection[];
  /** By symbol index; element 0 is the empty symbol of index 0. Empty without a symbol table. */
  readonly symbols: readonly ElfSymbol[];
}

/** A section. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_* number. */
  readonly type: number;
  /** SHF_* bits; those above bit 31 are not kept. */
  readonly flags: number;
  /** File offset of the content. */
  readonly offset: number;
  /** Bytes of content; what a SHT_NOBITS section takes in memory. */
  readonly size: number;
  /** Section index whose meaning depends on the type: a symbol table's strings, a relocation section's symbols. */
  readonly link: number;
  /** Depends on the type: the section that a relocation section applies to. */
  readonly info: number;
  readonly alignment: number;
  readonly entrySize: number;
  /** A view into the file; empty for SHT_NULL and SHT_NOBITS. */
  readonly data: Uint8Array;
}

/** A symbol. */
export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STT_* number. */
  readonly type: number;
  /** STB_* number. */
  readonly binding: number;
  /** STV_* number. */
  readonly visibility: number;
  /** Section index, SHN_UNDEF, or a reserved number from SHN_LORESERVE on. */
  readonly section: number;
  /** Byte offset in the section. */
  readonly value: number;
  /** Bytes of the object or function. */
  readonly size: number;
}

/** A SHT_REL record; its addend is what already stands in the place that it patches. */
export interface ElfRelocation {
  /** Byte offset in the section that is patched. */
  readonly offset: number;
  /** R_BPF_* number, see RELOCATION_NAMES. */
  readonly type: number;
  /** Index of the symbol. */
  readonly symbol: number;
}
