/** Programs that nobody would write: whatever is wrong with them, the explanation is of what `verify` says, and leaves no value open. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfObject, VerifierInputs } from '../../../src/index.ts';
import type { RawInsn } from '../../../src/isa/index.ts';
import { explain, formatExplanation, type VerifierInput, verify } from '../../../src/verifier/index.ts';
import { ROOT } from '../../fixtures.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const FOLDER = join(ROOT, 'fixtures/programs/rejected');

/** Inputs of the rejected programs, but for those that take a million steps. */
const inputs: readonly VerifierInput[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.o') && !file.startsWith('too_'))
  .sort()
  .map((file) => {
    const object = BpfObject.open(new Uint8Array(readFileSync(join(FOLDER, file))), { name: file });
    return new VerifierInputs(object).of(object.spec.programs[0]!);
  });

/** One field of one instruction becomes another number. */
const mutation = fc.record({
  at: fc.nat(),
  field: fc.constantFrom('opcode', 'dst', 'src', 'offset', 'imm'),
  value: fc.oneof(fc.integer({ min: -16, max: 16 }), fc.integer()),
});

const BITS = { opcode: 8, dst: 4, src: 4, offset: 16, imm: 32 } as const;

function mutate(
  insns: readonly RawInsn[],
  { at, field, value }: { at: number; field: keyof typeof BITS; value: number },
): RawInsn[] {
  const signed = field === 'offset' || field === 'imm';
  const cut = signed ? Number(BigInt.asIntN(BITS[field], BigInt(value))) : value & (2 ** BITS[field] - 1);
  return insns.map((insn, i) => (i === at % insns.length ? { ...insn, [field]: cut } : insn));
}

describe('explain, of mutants,', () => {
  it('says what verify says, completely', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(mutation, { minLength: 1, maxLength: 3 }), (which, mutations) => {
        const original = inputs[which % inputs.length]!;
        const insns = mutations.reduce<readonly RawInsn[]>(mutate, original.insns);
        const input = { ...original, insns };
        const explanation = explain(input);
        expect(explanation?.failure).toEqual(verify(input).failure);
        if (explanation === undefined) return;
        const text = formatExplanation(explanation);
        expect(text).toContain(explanation.title);
        expect(text).not.toMatch(/\{\w+\}|undefined|NaN/);
        for (const { place } of [...explanation.branches, ...explanation.origin])
          expect(place.insn).toBeLessThan(insns.length);
      }),
      { numRuns: RUNS, seed: 7 },
    );
  }, 60_000);
});
