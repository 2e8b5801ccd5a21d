/** The shape of the opcode table's rows, and what the builders of rows share. The rows themselves: opcodes.ts. */
import type { Insn, Width } from './insn.ts';

/** A field of struct bpf_insn beside the opcode. */
export type Field = 'dst' | 'src' | 'offset' | 'imm';

/** RFC 9669 section 2.4, and `kernel` and `llvm` for what only the kernel or only the compiler knows. */
export type ConformanceGroup =
  | 'base32'
  | 'base64'
  | 'divmul32'
  | 'divmul64'
  | 'atomic32'
  | 'atomic64'
  | 'packet'
  | 'kernel'
  | 'llvm';

/**
 * One variant of one opcode. The text templates hold placeholders in braces, which template.ts explains. A field that is
 * neither in `uses` nor in `fixed` is reserved and must be zero.
 */
export interface OpcodeRow {
  readonly opcode: number;
  /** The field value that tells this row from the opcode's other rows; at most one field. */
  readonly fixed: Readonly<Partial<Record<Field, number>>>;
  /** Fields that carry operands. */
  readonly uses: readonly Field[];
  /** The instruction with all its operands zero. */
  readonly insn: Insn;
  readonly group: ConformanceGroup;
  /** Form of the kernel's verifier log, without the opcode in front. */
  readonly text: string;
  /** LLVM's form where it differs by more than number format and spacing. */
  readonly llvm?: string;
  /** Forms that the assembler reads besides. */
  readonly also?: readonly string[];
}

/** Operands of prototypes. */
export const REG = { kind: 'reg', reg: 0 } as const;
export const IMM = { kind: 'imm', imm: 0 } as const;

/** Operand widths, in table order. */
export const WIDTHS: readonly Width[] = [32, 64];

/** Register letter of a width. */
export function letter(width: Width): 'w' | 'r' {
  return width === 32 ? 'w' : 'r';
}
