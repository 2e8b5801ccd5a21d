/** Graphs in DOT. */

import { expect, it } from 'vitest';
import { buildCfg, programToDot, toDot } from '../../src/cfg/index.ts';
import { assemble } from '../../src/isa/index.ts';
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

it('draws a graph a function, with texts of the caller', () => {
  const raws = assemble('call add\nexit\nadd:\nr0 = 1\nexit');
  const functions = [
    { name: 'main', start: 0 },
    { name: 'add "one"', start: 2 },
  ];
  const text = programToDot(raws, functions, (slot) => `insn ${slot}`);
  expect(text.match(/^digraph .*$/gm)).toEqual(['digraph "main" {', 'digraph "add \\"one\\"" {']);
  expect(text).toContain('b0 [label="2: insn 2\\l3: insn 3\\l"]');
});

it.each([
  ['out of the program', 'goto +5\nexit', 'slot 6'],
  ['back beyond its start', 'goto -2\nexit', 'slot -1'],
  ['into an instruction of two slots', 'if r1 == 0 goto +1\nr0 = 1 ll\nexit', 'slot 2'],
])('refuses a jump %s', (_, program, place) => {
  expect(() => programToDot(assemble(program), [{ name: 'main', start: 0 }])).toThrow(place);
});
