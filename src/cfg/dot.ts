/** Control flow as graphs in the DOT language, for Graphviz: a graph a function, a box a block, loop headers with a thick frame. */
import { IsaError } from '../base/errors.ts';
import { decodeProgram, disassembleInsn, encodeInsn, type InsnList, type RawInsn } from '../isa/index.ts';
import { buildCfg, type Cfg, jumpTarget } from './blocks.ts';
import { analyzeFlow } from './structure.ts';

/** A function of a program: where it starts, and what its graph is called. */
export interface NamedFunction {
  readonly name: string;
  readonly start: number;
}

/** Text of the instruction at a slot. */
export type InsnText = (slot: number) => string;

/**
 * Writes a graph for each function of a program, one after the other.
 * @param text what boxes say of an instruction; its disassembly by default
 * @throws IsaError where an instruction does not decode; `jump-out-of-range` where one jumps out of the program or into a ld_imm64.
 */
export function programToDot(
  raws: readonly RawInsn[],
  functions: readonly NamedFunction[],
  text?: InsnText,
): string {
  const insns = decodeProgram(raws);
  checkJumps(insns);
  return functions.map(({ name, start }) => toDot(buildCfg(insns, start), name, text)).join('');
}

function checkJumps(insns: InsnList): void {
  insns.forEach((insn, slot) => {
    const target = insn === undefined ? undefined : jumpTarget(insn, slot);
    if (target !== undefined && insns[target] === undefined)
      throw new IsaError('jump-out-of-range', `this jumps to slot ${target}, where no instruction starts`, {
        insn: slot,
      });
  });
}

/** Writes the graph of a function. Edges are labelled `taken` and `next` where a block has both; edges that close a loop are bold. */
export function toDot(cfg: Cfg, name = 'function', text: InsnText = disassembled(cfg)): string {
  const { loops, walk } = analyzeFlow(cfg);
  const lines = [`digraph ${quote(name)} {`, '  node [shape=box, fontname="monospace"];'];
  for (let block = 0; block < cfg.size; block++) {
    const frame = loops.isHeader[block] === 0 ? '' : ', penwidth=3';
    lines.push(`  b${block} [label=${quote(`${listing(cfg, block, text).join('\n')}\n`)}${frame}];`);
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

function disassembled({ insns }: Cfg): InsnText {
  return (slot) => disassembleInsn(encodeInsn(insns[slot]!), 0);
}

function listing(cfg: Cfg, block: number, text: InsnText): string[] {
  const lines: string[] = [];
  for (let slot = cfg.first[block]!; slot < cfg.end[block]!; slot++)
    if (cfg.insns[slot] !== undefined) lines.push(`${slot}: ${text(slot)}`);
  return lines;
}

/** Lines end with \l, which sets them to the left. */
function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\l')}"`;
}
