/**
 * Functions inside one program: where they start, and pointers to them. A program that calls its own functions is one list of
 * instructions, the entry function first (add_subprog_and_kfunc in kernel/bpf/verifier.c).
 */
import { BPF_PSEUDO_FUNC } from './constants.ts';
import type { InsnList, RawInsn } from './insn.ts';
import { LD_IMM64_OPCODE } from './opcodes.ts';

/**
 * Replaces the distance to a function in each ld_imm64 of one, as it is at load, by the function's slot, as engines want it. Other
 * instructions stay.
 */
export function linkFunctionPointers(raws: readonly RawInsn[]): RawInsn[] {
  return raws.map((raw, slot) =>
    raw.opcode === LD_IMM64_OPCODE && raw.src === BPF_PSEUDO_FUNC ? { ...raw, imm: slot + 1 + raw.imm } : raw,
  );
}

/** Start slots of all functions that are called or pointed to, in ascending order, the entry's 0 first; pointers linked. */
export function subprogStarts(insns: InsnList): number[] {
  const starts = new Set([0]);
  insns.forEach((insn, slot) => {
    if (insn?.kind === 'call-subprog') starts.add(slot + 1 + insn.offset);
    if (insn?.kind === 'ld-imm64' && insn.pseudo === 'func') starts.add(insn.lo);
  });
  return [...starts].filter((start) => start >= 0 && start < insns.length).sort((a, b) => a - b);
}
