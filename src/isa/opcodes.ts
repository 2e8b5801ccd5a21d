/**
 * THE opcode table: one row for each opcode byte and each variant that a field selects. Decoding, encoding, disassembly,
 * the assembler's grammar and docs/instructions.md are made from these rows; nothing else knows an instruction's layout.
 * Sources: RFC 9669 and, for the kernel's own additions and reserved fields, kernel/bpf/core.c (BPF_INSN_MAP,
 * bpf_opcode_in_insntable) and kernel/bpf/verifier.c of Linux 6.12. The text forms are those of kernel/bpf/disasm.c.
 */
import * as C from './constants.ts';
import { aluRows } from './opcode-alu.ts';
import { jumpRows } from './opcode-jump.ts';
import { memoryRows } from './opcode-memory.ts';
import type { OpcodeRow } from './opcode-row.ts';

export type { ConformanceGroup, Field, OpcodeRow } from './opcode-row.ts';

/** Every instruction there is, grouped by kind. */
export const OPCODES: readonly OpcodeRow[] = [...aluRows(), ...memoryRows(), ...jumpRows()];

/** The opcode of the first slot of a ld_imm64, the one instruction of two slots. */
export const LD_IMM64_OPCODE = C.BPF_LD | C.BPF_IMM | C.BPF_DW;

const byOpcode: readonly OpcodeRow[][] = Array.from({ length: 256 }, () => []);
for (const row of OPCODES) byOpcode[row.opcode]?.push(row);

/** The rows of an opcode byte: empty when unknown, several when a field selects a variant. */
export function rowsOf(opcode: number): readonly OpcodeRow[] {
  return byOpcode[opcode] ?? [];
}

/**
 * Whether Linux 6.12 knows the opcode byte (bpf_opcode_in_insntable in kernel/bpf/core.c). Otherwise its verifier says
 * `unknown opcode %02x`; the only opcode decoded here that it lacks is callx.
 */
export function isKernelOpcode(opcode: number): boolean {
  return rowsOf(opcode).some((row) => row.group !== 'llvm');
}
