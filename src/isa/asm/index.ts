/**
 * The assembler: text in the verifier log's syntax or LLVM's, mixed as you like, to slots. Docs: docs/instructions.md lists
 * every form.
 */
import type { RawInsn } from '../insn.ts';
import { type Assembled, layOut } from './layout.ts';
import type { AssembleOptions } from './operands.ts';
import { parseItems } from './parser.ts';

export type { Assembled } from './layout.ts';
export type { AssembleOptions, CallTarget, SymbolValue } from './operands.ts';

/**
 * Assembles a program.
 * @throws IsaError with line and column, what was expected, and for a misspelt word what is near.
 */
export function assemble(text: string, options: AssembleOptions = {}): RawInsn[] {
  return assembleProgram(text, options).raws;
}

/** As `assemble`, with the text's line of each slot and the slot of each label. */
export function assembleProgram(text: string, options: AssembleOptions = {}): Assembled {
  return layOut(parseItems(text, options));
}
