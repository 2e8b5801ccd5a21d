/** The instruction set: one opcode table, decoding, encoding, assembler, disassembler. */
export * from './insn.ts';
