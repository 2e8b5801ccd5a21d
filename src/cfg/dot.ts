/** A function's control flow as a graph in the DOT language, for Graphviz: a box a block, loop headers with a thick frame. */
import { disassembleInsn, encodeInsn } from '../isa/index.ts';
import type { Cfg } from './blocks.ts';
import { analyzeFlow } from './structure.ts';

/** Writes the graph. Edges are labelled `taken` and `next` where a block has both; edges that close a loop are bold. */
export function toDot(cfg: Cfg, name = 'function'): string {
  const { loops, walk } = analyzeFlow(cfg);
  const lines = [`digraph ${quote(name)} {`, '  node [shape=box, fontname="monospace"];'];
  for (let block = 0; block < cfg.size; block++) {
    const frame = loops.isHeader[block] === 0 ? '' : ', penwidth=3';
    lines.push(`  b${block} [label=${quote(`${listing(cfg, block).join('\n')}\n`)}${frame}];`);
    const next = cfg.next[block]!;
    const taken = cfg.taken[block]!;
    const edge = (target: number, label: string): void => {
      if (target < 0) return;
      const isBack = walk.orderNumber[target]! <= walk.orderNumber[block]!;
      const attributes = [
        ...(next >= 0 && taken >= 0 ? [`label="${label}"`] : []),
        ...(isBack ? ['style=bold'] : []),
      ];
      lines.push(`  b${block} -> b${target}${attributes.length > 0 ? ` [${attributes.join(', ')}]` : ''};`);
    };
    edge(next, 'next');
    edge(taken, 'taken');
  }
  lines.push('}', '');
  return lines.join('\n');
}

function listing(cfg: Cfg, block: number): string[] {
  const lines: string[] = [];
  for (let slot = cfg.first[block]!; slot < cfg.end[block]!; slot++) {
    const insn = cfg.insns[slot];
    if (insn !== undefined) lines.push(`${slot}: ${disassembleInsn(encodeInsn(insn), 0)}`);
  }
  return lines;
}

/** Lines end with \l, which sets them to the left. */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\l')}"`;
}
