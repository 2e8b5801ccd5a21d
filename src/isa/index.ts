/** The instruction set: one opcode table, decoding, encoding, assembler, disassembler. */
export {
  type Assembled,
  type AssembleOptions,
  assemble,
  assembleProgram,
  type CallTarget,
  type SymbolValue,
} from './asm/index.ts';
export * from './constants.ts';
export { decodeInsn, decodeProgram } from './decode.ts';
export {
  type DisasmLine,
  type DisasmOptions,
  disassemble,
  disassembleInsn,
  disassembleLines,
  type ListingOptions,
} from './disasm.ts';
export { encodeInsn, encodeLdImm64, encodeProgram, toInsnList } from './encode.ts';
export type { DisasmNames } from './format.ts';
export * from './insn.ts';
export {
  type ConformanceGroup,
  type Field,
  isKernelOpcode,
  LD_IMM64_OPCODE,
  OPCODES,
  type OpcodeRow,
  rowsOf,
} from './opcodes.ts';
export { rawFromBytes, rawToBytes, SLOT_BYTES } from './raw.ts';
export { linkFunctionPointers, subprogStarts } from './subprogs.ts';
