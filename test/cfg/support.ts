/** Control-flow graphs for tests: random programs of jumps, and shapes that are hard on graph algorithms. */
import fc from 'fast-check';
import type { Insn } from '../../src/isa/index.ts';

export const NOP: Insn = {
  kind: 'alu',
  op: 'add',
  width: 64,
  dst: 0,
  operand: { kind: 'imm', imm: 1 },
};
export const EXIT: Insn = { kind: 'exit' };

/** A branch on r1 from one slot to another. */
export function branch(from: number, to: number): Insn {
  return {
    kind: 'jmp',
    op: 'eq',
    width: 64,
    dst: 1,
    operand: { kind: 'imm', imm: from },
    offset: to - from - 1,
  };
}

/** An unconditional jump from one slot to another. */
export function goto(from: number, to: number): Insn {
  return { kind: 'ja', offset: to - from - 1, long: true };
}

/** Programs in which any slot may jump to any other. */
export const jumpyProgram: fc.Arbitrary<readonly Insn[]> = fc
  .array(
    fc.record({ what: fc.constantFrom('nop', 'branch', 'branch', 'branch', 'goto', 'exit'), to: fc.nat() }),
    {
      minLength: 1,
      maxLength: 24,
    },
  )
  .map((parts) => {
    const size = parts.length + 1;
    const insns = parts.map(({ what, to }, slot): Insn => {
      if (what === 'branch') return branch(slot, to % size);
      if (what === 'goto') return goto(slot, to % size);
      return what === 'exit' ? EXIT : NOP;
    });
    return [...insns, EXIT];
  });

/** Successor lists of a graph with node 0 as entry. */
export const arbitrarySuccessors: fc.Arbitrary<number[][]> = fc
  .integer({ min: 1, max: 14 })
  .chain((size) =>
    fc.array(fc.array(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );
