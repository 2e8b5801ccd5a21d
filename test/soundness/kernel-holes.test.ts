/**
 * Programs of which Linux 6.12 itself believes what is not true. The kernel was asked and accepts them with these states; bpflab does as the
 * kernel does, and the soundness test finds them.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/isa/index.ts';
import { Miss } from './replay.ts';
import { runAll, verified } from './runs.ts';

const LD_IMM64 = 0x18;
const PSEUDO_FUNC = 4;

/** Runs a program; `ll` loads are addresses of functions, by their distance. */
function run(text: string): void {
  const insns = assemble(text).map((insn) =>
    insn.opcode === LD_IMM64 ? { ...insn, src: PSEUDO_FUNC } : insn,
  );
  const one = verified(insns, 1);
  if (one === undefined) throw new Error('the program is not accepted');
  runAll(one, { steps: 0, compared: 0, doubted: 0 });
}

describe('a number that is filled from four spilled bytes with its sign extended', () => {
  it('stays linked with the spilled one, although it is another: check_stack_read_fixed_off keeps the id', () => {
    const program = `r1 = *(u32 *)(r1 + 12)
*(u32 *)(r10 - 8) = r1
r0 = *(s32 *)(r10 - 8)
r5 = *(u32 *)(r10 - 8)
if r0 s<= 2 goto +1
r5 = 0
r0 = 0
exit`;
    expect(() => {
      run(program);
    }).toThrow(Miss);
  });

  it('is right if it is extended by a move, which gives up the link', () => {
    const program = `r1 = *(u32 *)(r1 + 12)
*(u32 *)(r10 - 8) = r1
r0 = *(u32 *)(r10 - 8)
r0 = (s32)r0
r5 = *(u32 *)(r10 - 8)
if r0 s<= 2 goto +1
r5 = 0
r0 = 0
exit`;
    expect(() => {
      run(program);
    }).not.toThrow();
  });
});

describe('a callback of bpf_loop that is called up to seven times on one path and once on another', () => {
  /** The callback counts in fp-8, by which a stack of two numbers is indexed afterwards. */
  const program = (rounds: readonly [one: number, other: number]): string => `*(u64 *)(r10 - 16) = 0
*(u64 *)(r10 - 24) = 0
*(u64 *)(r10 - 8) = 0
r7 = *(u32 *)(r1 + 12)
r8 = ${rounds[0]}
if r7 != 3 goto +1
r8 = ${rounds[1]}
r1 = r8
r2 = 16 ll
r3 = r10
r3 += -8
r4 = 0
r7 = 0
r8 = 0
r5 = 0
call 181
r1 = *(u64 *)(r10 - 8)
r1 <<= 3
r2 = r10
r2 += -24
r2 += r1
r0 = *(u64 *)(r2 + 0)
r0 = 0
exit
r1 = *(u64 *)(r2 + 0)
r1 += 1
*(u64 *)(r2 + 0) = r1
r0 = 0
exit`;

  it('is believed to be called once: callers keep no track of r1 to r5 in checkpoints of a callback', () => {
    expect(() => {
      run(program([7, 1]));
    }).toThrow(Miss);
  });

  it('is found out where the longer path comes first', () => {
    expect(() => {
      run(program([1, 7]));
    }).toThrow('not accepted');
  });

  it('is right where both call it once', () => {
    expect(() => {
      run(program([1, 1]));
    }).not.toThrow();
  });
});
