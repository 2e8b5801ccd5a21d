/** Graphs in DOT. */
import { expect, it } from 'vitest';
import { buildCfg, toDot } from '../../src/cfg/index.ts';
import { branch, EXIT, NOP } from './support.ts';

it('shows blocks with their instructions, labelled edges, and which edges close loops', () => {
  expect(toDot(buildCfg([NOP, branch(1, 0), EXIT]), 'count')).toBe(`digraph "count" {
  node [shape=box, fontname="monospace"];
  b0 [label="0: (07) r0 += 1\\l1: (15) if r1 == 0x1 goto pc-2\\l", penwidth=3];
  b0 -> b1 [label="next"];
  b0 -> b0 [label="taken", style=bold];
  b1 [label="2: (95) exit\\l"];
}
`);
});
