/** Programs that would take the kernel very long, or very much memory: here they end with a limit, or do not take long. */
import { describe, expect, it } from 'vitest';
import { parseBtf } from '../../src/btf/index.ts';
import type { RawInsn } from '../../src/isa/index.ts';
import { BpfProgType } from '../../src/spec/index.ts';
import type { Env } from '../../src/verifier/env.ts';
import {
  type VerifierInput,
  type VerifierObserver,
  type VerifierResult,
  verify,
} from '../../src/verifier/index.ts';
import { MAX_BACKTRACKED } from '../../src/verifier/limits.ts';
import { Slabs } from '../../src/verifier/state/slabs.ts';
import { TestBtf } from '../btf/btf-builder.ts';

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): RawInsn => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const move = (dst: number, imm: number) => insn(0xb7, dst, 0, 0, imm);
const copy = (dst: number, src: number) => insn(0xbf, dst, src);
const EXIT = insn(0x95);
const PRANDOM = insn(0x85, 0, 0, 0, 7);

function judge(
  insns: readonly RawInsn[],
  more: Partial<VerifierInput> = {},
  observer?: VerifierObserver,
): VerifierResult {
  return verify(
    {
      insns,
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags: 0,
      license: 'GPL',
      maps: new Map(),
      ...more,
    },
    observer === undefined ? {} : { observer },
  );
}

describe('a path that is gone back over from each of its instructions', () => {
  /** A number from far back is an offset again and again, with no checkpoint in between. */
  function program(times: number): RawInsn[] {
    const body = Array.from({ length: times }, () => [copy(2, 10), insn(0x0f, 2, 3)]).flat();
    return [PRANDOM, copy(3, 0), insn(0x57, 3, 0, 0, 8), ...body, move(0, 0), EXIT];
  }

  it('is checked if it is not too long', () => {
    expect(judge(program(1000)).verdict).toBe('accept');
  });

  it('is refused once that was too much in all', () => {
    const observer: VerifierObserver = {
      begin(walk) {
        const { backtrack } = walk as unknown as Pick<Env, 'backtrack'>;
        backtrack.steps = MAX_BACKTRACKED - 100_000;
      },
    };
    expect(judge(program(1000), {}, observer).failure).toMatchObject({
      code: 'backtracking-too-long',
      errno: 7,
    });
  });
});

describe('functions that call each other many times', () => {
  /** Each of `depth` global functions calls the next `calls` times: calls ** depth chains. */
  function chains(depth: number, calls: number): VerifierResult {
    const b = new TestBtf();
    const proto = b.proto(b.int('int', 4), []);
    const insns: RawInsn[] = [];
    const functions: { insn: number; typeId: number }[] = [];
    for (let level = 0; level < depth; level++) {
      functions.push({ insn: insns.length, typeId: b.func(`f${level}`, proto) });
      const end = insns.length + calls + 2;
      if (level < depth - 1)
        for (let i = 0; i < calls; i++) insns.push(insn(0x85, 0, 1, 0, end - insns.length - 1));
      insns.push(move(0, 0), EXIT);
    }
    return judge(insns, { btf: parseBtf(b.bytes()), functions });
  }

  it('are followed once for each depth', () => {
    expect(chains(8, 100).verdict).toBe('accept');
  });

  it('are still too deep if they are', () => {
    expect(chains(9, 100).failure?.code).toBe('too-many-frames');
  });
});

describe('the memory of states', () => {
  it('has an end', () => {
    const slabs = new Slabs(3);
    for (let i = 0; i < 3; i++) slabs.take(1 << 18);
    expect(() => slabs.take(1)).toThrow(expect.objectContaining({ code: 'out-of-memory', errno: 12 }));
  });
});
