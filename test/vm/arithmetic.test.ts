/** Every arithmetic instruction and branch, in both widths and operand kinds, against a model in BigInt (RFC 9669 section 4). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AluOp, Insn, JmpOp, Operand, Width } from '../../src/isa/index.ts';
import { Interpreter, Memory } from '../../src/vm/index.ts';
import { ALU_ORDER, JMP_ORDER } from '../../src/vm/pack.ts';
import { helperTable, programOf, register } from './support.ts';

const interpreter = new Interpreter(new Memory(), helperTable());

function constant(dst: number, value: bigint): (Insn | undefined)[] {
  const lo = Number(BigInt.asIntN(32, value));
  const hi = Number(BigInt.asIntN(32, value >> 32n));
  return [{ kind: 'ld-imm64', pseudo: 'const', dst, lo, hi }, undefined];
}

/** r1 after one instruction on r1 = a and r2 = b. */
function apply(insn: Insn, a: bigint, b: bigint): bigint {
  interpreter.start(programOf([...constant(1, a), ...constant(2, b), insn, { kind: 'exit' }]));
  expect(interpreter.run().kind).toBe('exited');
  return BigInt.asUintN(64, register(interpreter, 1));
}

function modelAlu(op: AluOp, width: Width, a: bigint, b: bigint): bigint {
  const u = (value: bigint): bigint => BigInt.asUintN(width, value);
  const s = (value: bigint): bigint => BigInt.asIntN(width, value);
  const count = u(b) & BigInt(width - 1);
  const results: Record<AluOp, () => bigint> = {
    add: () => a + b,
    sub: () => a - b,
    mul: () => a * b,
    or: () => a | b,
    and: () => a & b,
    xor: () => a ^ b,
    lsh: () => a << count,
    rsh: () => u(a) >> count,
    arsh: () => s(a) >> count,
    mov: () => b,
    div: () => (u(b) === 0n ? 0n : u(a) / u(b)),
    mod: () => (u(b) === 0n ? a : u(a) % u(b)),
    sdiv: () => (s(b) === 0n ? 0n : s(a) / s(b)),
    smod: () => (s(b) === 0n ? a : s(a) % s(b)),
  };
  return u(results[op]());
}

function modelJmp(op: JmpOp, width: Width, a: bigint, b: bigint): boolean {
  const [ua, ub] = [BigInt.asUintN(width, a), BigInt.asUintN(width, b)];
  const [sa, sb] = [BigInt.asIntN(width, a), BigInt.asIntN(width, b)];
  const results: Record<JmpOp, boolean> = {
    eq: ua === ub,
    ne: ua !== ub,
    gt: ua > ub,
    ge: ua >= ub,
    lt: ua < ub,
    le: ua <= ub,
    set: (ua & ub) !== 0n,
    sgt: sa > sb,
    sge: sa >= sb,
    slt: sa < sb,
    sle: sa <= sb,
  };
  return results[op];
}

/** 64-bit numbers, those at the edges of halves and signs often. */
const edges = [
  0n,
  1n,
  2n,
  7n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x8000000000000000n,
].flatMap((edge) => [edge, BigInt.asUintN(64, -edge), BigInt.asUintN(64, edge - 1n)]);
const number64 = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: (1n << 33n) - 1n }),
);
const number32 = fc.oneof(fc.constantFrom(0, 1, -1, 31, 32, 63, 64, 0x7fffffff, -0x80000000), fc.integer());

const widths: readonly Width[] = [32, 64];
const forms = widths.flatMap((width) => (['reg', 'imm'] as const).map((kind) => ({ width, kind })));

function operandOf(kind: 'reg' | 'imm', imm: number): Operand {
  return kind === 'reg' ? { kind, reg: 2 } : { kind, imm };
}

describe.each(forms)('$width-bit arithmetic with a $kind operand', ({ width, kind }) => {
  it.each(ALU_ORDER)('%s is as the model says', (op) => {
    fc.assert(
      fc.property(number64, number64, number32, (a, b, imm) => {
        const insn: Insn = { kind: 'alu', op, width, dst: 1, operand: operandOf(kind, imm) };
        const operand = kind === 'reg' ? b : BigInt(imm);
        expect(apply(insn, a, b)).toBe(modelAlu(op, width, a, operand));
      }),
      { numRuns: 300 },
    );
  });

  it.each(ALU_ORDER)('%s of a register with itself is as the model says', (op) => {
    fc.assert(
      fc.property(number64, (a) => {
        const insn: Insn = { kind: 'alu', op, width, dst: 1, operand: { kind: 'reg', reg: 1 } };
        expect(apply(insn, a, 0n)).toBe(modelAlu(op, width, a, a));
      }),
      { numRuns: 50 },
    );
  });
});

describe('division', () => {
  it('of numbers close to multiples of the divisor is exact', () => {
    fc.assert(
      fc.property(number64, number64, fc.integer({ min: -2, max: 2 }), (divisor, quotient, near) => {
        const a = BigInt.asUintN(64, divisor * quotient + BigInt(near));
        for (const op of ['div', 'mod'] as const) {
          const insn: Insn = { kind: 'alu', op, width: 64, dst: 1, operand: { kind: 'reg', reg: 2 } };
          expect(apply(insn, a, divisor)).toBe(modelAlu(op, 64, a, divisor));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe.each(forms)('$width-bit branches with a $kind operand', ({ width, kind }) => {
  it.each(JMP_ORDER)('j%s is taken when the model says so', (op) => {
    const nearby = fc.tuple(number64, number64, fc.integer({ min: 0, max: 3 })).map(([a, other, which]) => {
      const half = 0xffffffffn;
      return [a, [other, a, (a & half) | (other & ~half), (other & half) | (a & ~half)][which]!] as const;
    });
    fc.assert(
      fc.property(nearby, number32, ([a, b], imm) => {
        const insns: readonly (Insn | undefined)[] = [
          ...constant(1, a),
          ...constant(2, b),
          { kind: 'jmp', op, width, dst: 1, operand: operandOf(kind, imm), offset: 1 },
          { kind: 'exit' },
          { kind: 'alu', op: 'mov', width: 64, dst: 0, operand: { kind: 'imm', imm: 1 } },
          { kind: 'exit' },
        ];
        interpreter.start(programOf(insns));
        interpreter.run();
        const operand = kind === 'reg' ? b : BigInt(imm);
        expect(interpreter.r0Low).toBe(modelJmp(op, width, a, operand) ? 1 : 0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('unary instructions', () => {
  it.each(widths)('neg in %i bits', (width) => {
    fc.assert(
      fc.property(number64, (a) => {
        expect(apply({ kind: 'neg', width, dst: 1 }, a, 0n)).toBe(BigInt.asUintN(width, -a));
      }),
    );
  });

  it.each([
    { width: 32, bits: 8 },
    { width: 32, bits: 16 },
    { width: 64, bits: 8 },
    { width: 64, bits: 16 },
    { width: 64, bits: 32 },
  ] as const)('movsx of $bits bits to $width', ({ width, bits }) => {
    fc.assert(
      fc.property(number64, (b) => {
        const expected = BigInt.asUintN(width, BigInt.asIntN(bits, b));
        expect(apply({ kind: 'movsx', width, bits, dst: 1, src: 2 }, 0n, b)).toBe(expected);
      }),
    );
  });

  it.each([16, 32, 64] as const)('le, be and bswap of %i bits', (bits) => {
    fc.assert(
      fc.property(number64, (a) => {
        const cut = BigInt.asUintN(bits, a);
        const bytes = cut
          .toString(16)
          .padStart(bits / 4, '0')
          .match(/../g)!;
        const swapped = BigInt(`0x${bytes.reverse().join('')}`);
        expect(apply({ kind: 'endian', op: 'le', bits, dst: 1 }, a, 0n)).toBe(cut);
        expect(apply({ kind: 'endian', op: 'be', bits, dst: 1 }, a, 0n)).toBe(swapped);
        expect(apply({ kind: 'endian', op: 'swap', bits, dst: 1 }, a, 0n)).toBe(swapped);
      }),
    );
  });

  it('addr_space_cast keeps the low half: both address spaces are the linear memory', () => {
    const insn: Insn = { kind: 'addr-space-cast', dst: 1, src: 2, imm: 1 };
    expect(apply(insn, 5n, 0x1234567890abcdefn)).toBe(0x90abcdefn);
  });
});
