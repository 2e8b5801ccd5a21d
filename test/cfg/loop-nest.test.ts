/** Which loop an edge leaves, against looking through all loops around its ends. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyzeFlow, buildCfg, type Loops } from '../../src/cfg/index.ts';
import { LoopNest } from '../../src/cfg/loop-nest.ts';
import type { Insn } from '../../src/isa/index.ts';
import { branch, EXIT, jumpyProgram, NOP } from './support.ts';

/** Headers of all loops around a node, the innermost first. */
function around({ innermost, parent }: Loops, node: number): number[] {
  const headers: number[] = [];
  for (let header = innermost[node]!; header >= 0; header = parent[header]!) headers.push(header);
  return headers;
}

function expectRight(insns: readonly Insn[]): number {
  const { walk, tree, loops } = analyzeFlow(buildCfg(insns));
  const nest = new LoopNest(loops, walk.order);
  let left = 0;
  for (const node of walk.order) {
    const above = tree.immediate[node]!;
    if (above < 0 || above === node) continue;
    const inside = around(loops, node);
    const expected = around(loops, above).findLast((header) => !inside.includes(header)) ?? -1;
    expect(nest.left(above, node)).toBe(expected);
    if (expected >= 0) left++;
  }
  return left;
}

describe('the loop that an edge leaves', () => {
  it('is the outermost that its target is not in, in random graphs', () => {
    let left = 0;
    fc.assert(
      fc.property(jumpyProgram, (insns) => {
        left += expectRight(insns);
      }),
      { numRuns: 1000 },
    );
    expect(left).toBeGreaterThan(100);
  });

  it('is found from deep inside', () => {
    const loops = 300;
    const heads = Array.from({ length: loops }, () => NOP);
    // From the innermost loop out of all, and then each loop's jump backwards.
    const out = branch(loops, 2 * loops + 1);
    const tails = Array.from({ length: loops }, (_, i) => branch(loops + 1 + i, loops - 1 - i));
    expect(expectRight([...heads, out, ...tails, EXIT, EXIT])).toBeGreaterThan(loops - 2);
  });
});
