/** Packing: what is refused before a run. */
import { describe, expect, it } from 'vitest';
import { IsaError } from '../../src/base/errors.ts';
import type { Insn } from '../../src/isa/index.ts';
import { pack } from '../../src/vm/pack.ts';
import { program, programOf } from './support.ts';

function refusal(...insns: (Insn | undefined)[]): [string, number | undefined, string] {
  try {
    pack(programOf(insns));
  } catch (error) {
    if (error instanceof IsaError) return [error.code, error.place.insn, error.message];
    throw error;
  }
  throw new Error('nothing was refused');
}

const exit: Insn = { kind: 'exit' };

describe('a program is refused', () => {
  it.each([1, -2, 1000])('that jumps out of itself by %i', (offset) => {
    const [code, insn] = refusal({ kind: 'ja', offset, long: false });
    expect([code, insn]).toEqual(['jump-out-of-range', 0]);
  });

  it('that jumps into a ld_imm64', () => {
    const load: Insn = { kind: 'ld-imm64', pseudo: 'const', dst: 0, lo: 0, hi: 0 };
    const [code, , message] = refusal(load, undefined, { kind: 'ja', offset: -2, long: false });
    expect([code, message]).toEqual([
      'jump-out-of-range',
      'this jumps into the middle of the instruction at slot 0',
    ]);
  });

  it('that calls where no function starts', () => {
    expect(refusal({ kind: 'call-subprog', offset: 0 }, exit)[0]).toBe('bad-call-target');
  });

  it('that takes the address of what is no function', () => {
    const load: Insn = { kind: 'ld-imm64', pseudo: 'func', dst: 1, lo: 3, hi: 0 };
    expect(refusal(load, undefined, exit, exit)[0]).toBe('bad-function-pointer');
  });

  it('whose references to maps are not resolved', () => {
    const load: Insn = { kind: 'ld-imm64', pseudo: 'map-fd', dst: 1, lo: 3, hi: 0 };
    expect(refusal(load, undefined, exit)[0]).toBe('unresolved-reference');
  });

  it('that names a register beyond r10', () => {
    expect(refusal(exit, { kind: 'neg', width: 64, dst: 11 })).toEqual([
      'bad-register',
      1,
      'r11 does not exist; registers are r0 to r10',
    ]);
  });
});

describe('calls', () => {
  it('of the same helper share one target', () => {
    const { calls } = pack(program('call 5\ncall 7\ncall 5\nexit'));
    expect(calls).toEqual([
      { kind: 'helper', id: 5 },
      { kind: 'helper', id: 7 },
    ]);
  });
});
