/** Object files: sections, symbols and relocations of 64-bit BPF ELF files in either byte order. */
export * from './constants.ts';
export { findSection, readElf } from './read.ts';
export { readRelocations } from './symbols.ts';
export type { ElfFile, ElfRelocation, ElfSection, ElfSymbol } from './types.ts';
