/**
 * Functions of a program that are called from outside it, when no program runs: callbacks of timers. Engines run whole programs, so a
 * function becomes a program of its own: the old one behind a few instructions that call the function.
 */
import type { Insn } from '../isa/index.ts';
import type { PreparedProgram } from './abi.ts';
import { slotOfCodePointer } from './pack.ts';

/** Arguments that `functionProgram` passes on, 8 bytes each. */
const ARGUMENTS = 3;
/** Slots ahead of the old program. */
const PROLOGUE = ARGUMENTS + 2;

/** First slot of the function that a program's code pointer (the low half of a `func` ld_imm64) stands for; undefined when it is none. */
export function functionSlot(program: PreparedProgram, pointer: number): number | undefined {
  return slotOfCodePointer(program, pointer, 0);
}

/**
 * A program that calls the function at `slot` of another with three arguments of 64 bits, read from where its own r1 points to, and returns
 * what that returns. Slots of the old program are `slotsAhead` further on.
 */
export function functionProgram(program: PreparedProgram, slot: number): PreparedProgram {
  const { insns, subprogs, subprogNames, source, probeLoads, verified } = program;
  return {
    name: program.name,
    insns: [...prologue(slot), ...insns.map(moveCodePointer)],
    subprogs: [0, ...subprogs.map((start) => start + PROLOGUE)],
    subprogNames: ['callback', ...subprogNames],
    ...(source === undefined ? {} : { source: (at: number) => source(at - PROLOGUE) }),
    ...(verified === undefined ? {} : { verified }),
    ...(probeLoads === undefined ? {} : { probeLoads: new Set([...probeLoads].map((at) => at + PROLOGUE)) }),
  };
}

/** How many slots a `functionProgram` has ahead of those of the program it was made of. */
export const slotsAhead = PROLOGUE;

/** Loads the arguments, r1 last because it holds their address, and calls the function. */
function prologue(slot: number): Insn[] {
  const insns: Insn[] = [];
  for (let i = ARGUMENTS; i > 0; i--)
    insns.push({ kind: 'load', size: 8, signed: false, dst: i, src: 1, offset: 8 * (i - 1) });
  insns.push({ kind: 'call-subprog', offset: slot + 1 }, { kind: 'exit' });
  return insns;
}

function moveCodePointer(insn: Insn | undefined): Insn | undefined {
  return insn?.kind === 'ld-imm64' && insn.pseudo === 'func' ? { ...insn, lo: insn.lo + PROLOGUE } : insn;
}
