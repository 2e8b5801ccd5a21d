/** Every arithmetic instruction and branch gives what the interpreter gives, on operands at which operations behave differently. */
import { describe, expect, it } from 'vitest';
import { highHalf, lowHalf } from '../../../src/base/int64.ts';
import type { Insn, Operand, Width } from '../../../src/isa/index.ts';
import { InterpreterEngine, Memory } from '../../../src/vm/index.ts';
import { JitEngine } from '../../../src/vm/jit/index.ts';
import { ALU_ORDER, JMP_ORDER } from '../../../src/vm/pack.ts';
import { helperTable, programOf } from '../support.ts';

const VALUES = [
  0n,
  1n,
  2n,
  7n,
  31n,
  63n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const WIDTHS: readonly Width[] = [32, 64];

function constant(dst: number, value: bigint): (Insn | undefined)[] {
  return [{ kind: 'ld-imm64', pseudo: 'const', dst, lo: lowHalf(value), hi: highHalf(value) }, undefined];
}

function mov(dst: number, reg: number): Insn {
  return { kind: 'alu', op: 'mov', width: 64, dst, operand: { kind: 'reg', reg } };
}

/**
 * One program for an instruction: it runs on every pair of values, and each result is mixed into r0, so that one run of each engine compares
 * all of them.
 */
function programFor(make: (a: bigint, b: bigint) => readonly Insn[]): ReturnType<typeof programOf> {
  const insns: (Insn | undefined)[] = [...constant(0, 17n)];
  for (const a of VALUES) {
    for (const b of VALUES) {
      insns.push(...constant(1, a), ...constant(2, b), ...make(a, b));
      insns.push({ kind: 'alu', op: 'mul', width: 64, dst: 0, operand: { kind: 'imm', imm: 1000003 } });
      insns.push({ kind: 'alu', op: 'add', width: 64, dst: 0, operand: { kind: 'reg', reg: 1 } });
    }
  }
  insns.push({ kind: 'exit' });
  return programOf(insns);
}

const interpreter = new InterpreterEngine(new Memory(), helperTable());
const jit = new JitEngine(new Memory(), helperTable());

function agree(make: (a: bigint, b: bigint) => readonly Insn[]): void {
  const prepared = programFor(make);
  const compiled = [jit.execute(prepared, 0), jit.r0High];
  expect(compiled).toEqual([interpreter.execute(prepared, 0), interpreter.r0High]);
}

const operands: readonly [string, (b: bigint) => Operand][] = [
  ['register', () => ({ kind: 'reg', reg: 2 })],
  ['immediate', (b) => ({ kind: 'imm', imm: lowHalf(b) })],
];

describe.each(WIDTHS)('arithmetic of %i bits', (width) => {
  describe.each(operands)('with a %s', (_, operand) => {
    it.each(ALU_ORDER)('%s', (op) => {
      agree((_a, b) => [{ kind: 'alu', op, width, dst: 1, operand: operand(b) }]);
    });
  });

  it('with the same register twice', () => {
    for (const op of ALU_ORDER)
      agree(() => [{ kind: 'alu', op, width, dst: 1, operand: { kind: 'reg', reg: 1 } }]);
  });

  it('neg', () => {
    agree(() => [{ kind: 'neg', width, dst: 1 }]);
  });

  it.each([8, 16, 32] as const)('sign extension of %i bits', (bits) => {
    if (bits < width) agree(() => [{ kind: 'movsx', width, bits, dst: 1, src: 2 }]);
  });
});

describe('byte order', () => {
  it.each(['le', 'be', 'swap'] as const)('%s', (op) => {
    for (const bits of [16, 32, 64] as const) agree(() => [mov(1, 2), { kind: 'endian', op, bits, dst: 1 }]);
  });
});

describe.each(WIDTHS)('branches on %i bits', (width) => {
  describe.each(operands)('with a %s', (_, operand) => {
    it.each(JMP_ORDER)('%s', (op) => {
      agree((_a, b) => [
        { kind: 'jmp', op, width, dst: 1, operand: operand(b), offset: 1 },
        { kind: 'neg', width: 64, dst: 1 },
      ]);
    });
  });
});
