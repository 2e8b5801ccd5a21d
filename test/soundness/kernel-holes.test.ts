/**
 * Programs of which Linux 6.12 itself believes what is not true. The kernel was asked and accepts them with these states; bpflab does as the
 * kernel does, and the soundness test finds them.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/isa/index.ts';
import { Miss } from './replay.ts';
import { runAll, verified } from './runs.ts';

function run(text: string): void {
  const one = verified(assemble(text), 1);
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
