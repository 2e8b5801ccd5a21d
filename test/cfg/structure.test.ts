/** The structured form of a function does what its graph does, whatever the graph; and stays flat where graphs are long, not deep. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  analyzeFlow,
  buildCfg,
  type Cfg,
  type ControlSink,
  OFF_END,
  structure,
} from '../../src/cfg/index.ts';
import type { Insn } from '../../src/isa/index.ts';
import { branch, EXIT, goto, jumpyProgram, NOP } from './support.ts';

type Step =
  | { readonly kind: 'block' | 'loop' | 'end' | 'offEnd' }
  | { readonly kind: 'code'; readonly block: number }
  | { readonly kind: 'if'; readonly block: number; readonly whenTaken: boolean }
  | { readonly kind: 'branchIf'; readonly block: number; readonly whenTaken: boolean; readonly depth: number }
  | { readonly kind: 'branch'; readonly depth: number }
  | { readonly kind: 'setLabel'; readonly label: number }
  | { readonly kind: 'dispatch'; readonly depths: readonly number[] };

function stepsOf(cfg: Cfg): Step[] {
  const steps: Step[] = [];
  const sink: ControlSink = {
    block: () => steps.push({ kind: 'block' }),
    loop: () => steps.push({ kind: 'loop' }),
    end: () => steps.push({ kind: 'end' }),
    code: (block) => steps.push({ kind: 'code', block }),
    ifCondition: (block, whenTaken) => steps.push({ kind: 'if', block, whenTaken }),
    branchIf: (block, whenTaken, depth) => steps.push({ kind: 'branchIf', block, whenTaken, depth }),
    branch: (depth) => steps.push({ kind: 'branch', depth }),
    setLabel: (label) => steps.push({ kind: 'setLabel', label }),
    dispatch: (depths) => steps.push({ kind: 'dispatch', depths }),
    offEnd: () => steps.push({ kind: 'offEnd' }),
  };
  structure(analyzeFlow(cfg), sink);
  return steps;
}

/** Runs a function's graph; the instructions that were run in loops, and what counting the rounds of loops makes of them. */
function countRounds(cfg: Cfg, decide: () => boolean, limit: number): { run: number; counted: number } {
  const flow = analyzeFlow(cfg);
  const { isHeader, innermost } = flow.loops;
  const { through } = flow.dispatch;
  const costs = costsOf(cfg);
  let run = 0;
  let counted = 0;
  for (const name of runGraph(cfg, decide, limit)) {
    const block = Number(name);
    if (Number.isNaN(block)) break;
    const header = through[block]! >= 0 ? through[block]! : block;
    if (isHeader[header] !== 0) counted += costs.get(header) ?? 0;
    if (isHeader[block] !== 0 && header !== block) counted += costs.get(block) ?? 0;
    if (innermost[block]! >= 0) run += cfg.end[block]! - cfg.first[block]!;
  }
  return { run, counted };
}

/** The cost of a round of each loop, by header. */
function costsOf(cfg: Cfg): Map<number, number> {
  const costs = new Map<number, number>();
  const nothing = (): void => undefined;
  structure(analyzeFlow(cfg), {
    block: nothing,
    loop: (header, cost) => costs.set(header, cost),
    end: nothing,
    code: nothing,
    ifCondition: nothing,
    branchIf: nothing,
    branch: nothing,
    setLabel: nothing,
    dispatch: nothing,
    offEnd: nothing,
  });
  return costs;
}

/** Where a construct that opens at a step ends. */
function endOf(steps: readonly Step[], at: number): number {
  let depth = 0;
  for (let i = at; ; i++) {
    const { kind } = steps[i]!;
    if (kind === 'block' || kind === 'loop' || kind === 'if') depth++;
    if (kind === 'end' && --depth === 0) return i;
  }
}

/** Runs the structured form; `decide` says for each block that branches whether it is taken. */
function runSteps(steps: readonly Step[], cfg: Cfg, decide: () => boolean, limit: number): string[] {
  const trace: string[] = [];
  const open: number[] = [];
  let label = 0;
  const leave = (at: number, depth: number): number => {
    open.length -= depth;
    const target = open[open.length - 1]!;
    if (steps[target]!.kind === 'loop') return target + 1;
    open.pop();
    expect(endOf(steps, target)).toBeGreaterThan(at);
    return endOf(steps, target) + 1;
  };
  for (let at = 0; ; ) {
    const step = steps[at]!;
    switch (step.kind) {
      case 'block':
      case 'loop':
        open.push(at++);
        break;
      case 'end':
        throw new Error('nothing runs off the end of a construct');
      case 'code':
        trace.push(`${step.block}`);
        if (trace.length >= limit) return trace;
        if (cfg.next[step.block] === -1 && cfg.taken[step.block] === -1) return trace;
        at++;
        break;
      case 'if':
        if (decide() === step.whenTaken) open.push(at++);
        else at = endOf(steps, at) + 1;
        break;
      case 'branchIf':
        at = decide() === step.whenTaken ? leave(at, step.depth) : at + 1;
        break;
      case 'branch':
        at = leave(at, step.depth);
        break;
      case 'setLabel':
        ({ label } = step);
        at++;
        break;
      case 'dispatch':
        at = leave(at, step.depths[label]!);
        break;
      case 'offEnd':
        trace.push('off');
        return trace;
    }
  }
}

function runGraph(cfg: Cfg, decide: () => boolean, limit: number): string[] {
  const trace: string[] = [];
  for (let block = 0; block !== -1; ) {
    if (block === OFF_END) return [...trace, 'off'];
    trace.push(`${block}`);
    if (trace.length >= limit) return trace;
    const next = cfg.next[block]!;
    const taken = cfg.taken[block]!;
    if (next === -1) block = taken;
    else if (taken === -1 || taken === next) block = next;
    else block = decide() ? taken : next;
  }
  return trace;
}

/** The same decisions again and again. */
function decisions(list: readonly boolean[]): () => boolean {
  let at = 0;
  return () => list[at++ % list.length]!;
}

function deepest(steps: readonly Step[]): number {
  let depth = 0;
  let max = 0;
  for (const { kind } of steps) {
    if (kind === 'end') depth--;
    else if (kind === 'block' || kind === 'loop' || kind === 'if') max = Math.max(max, ++depth);
  }
  expect(depth).toBe(0);
  return max;
}

describe('structured control flow', () => {
  it('goes through the same blocks as the graph, whatever its shape', () => {
    fc.assert(
      fc.property(jumpyProgram, fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (insns, list) => {
        const cfg = buildCfg(insns);
        const steps = stepsOf(cfg);
        expect(runSteps(steps, cfg, decisions(list), 60)).toEqual(runGraph(cfg, decisions(list), 60));
      }),
      { numRuns: 3000 },
    );
  });

  it('does not nest for a chain of 5,000 branches', () => {
    const insns: Insn[] = [];
    for (let i = 0; i < 5000; i++) insns.push(branch(insns.length, insns.length + 2), NOP);
    expect(deepest(stepsOf(buildCfg([...insns, EXIT])))).toBeLessThan(5);
  });

  it('nests once for each case of a switch whose cases fall through, and no more', () => {
    const cases = 5000;
    const chain = Array.from({ length: cases }, (_, i) => branch(i, cases + 1 + i));
    const bodies = Array.from({ length: cases }, () => NOP);
    const steps = stepsOf(buildCfg([...chain, goto(cases, 2 * cases + 1), ...bodies, EXIT]));
    expect(deepest(steps)).toBeLessThanOrEqual(cases + 1);
  });

  it('is found for 20,000 loops inside each other', () => {
    const loops = 20_000;
    const heads = Array.from({ length: loops }, () => NOP);
    const tails = Array.from({ length: loops }, (_, i) => branch(loops + i, loops - 1 - i));
    // Around each, a block that leads behind it.
    expect(deepest(stepsOf(buildCfg([...heads, ...tails, EXIT])))).toBe(2 * loops);
  });

  it('does not nest loops that follow each other', () => {
    const insns: Insn[] = [];
    for (let i = 0; i < 5000; i++) insns.push(NOP, branch(insns.length + 1, insns.length));
    expect(deepest(stepsOf(buildCfg([...insns, EXIT])))).toBe(2);
  });

  it('is found for thousands of loops with two entries', () => {
    const insns: Insn[] = [];
    for (let i = 0; i < 5000; i++) {
      const at = insns.length;
      insns.push(branch(at, at + 2), NOP, NOP, branch(at + 3, at + 1));
    }
    const steps = stepsOf(buildCfg([...insns, EXIT]));
    expect(steps.filter(({ kind }) => kind === 'dispatch')).toHaveLength(5000);
    expect(deepest(steps)).toBeLessThan(10);
  });
});

describe('the cost of a round', () => {
  it('is never less than what a round runs', () => {
    fc.assert(
      fc.property(jumpyProgram, fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (insns, list) => {
        const { run, counted } = countRounds(buildCfg(insns), decisions(list), 60);
        expect(counted).toBeGreaterThanOrEqual(run);
      }),
      { numRuns: 3000 },
    );
  });

  it('of a loop around a switch is that of its longest case, not of all', () => {
    const cases = 1000;
    // head: a chain of branches, each to its case of two instructions, all of which lead back to the head.
    const chain = Array.from({ length: cases }, (_, i) => branch(i, cases + 1 + 2 * i));
    const bodies = Array.from({ length: cases }, (_, i) => [NOP, goto(cases + 2 + 2 * i, 0)]).flat();
    const costs = costsOf(buildCfg([...chain, EXIT, ...bodies]));
    expect([...costs]).toEqual([[0, cases + 2]]);
  });

  it('leaves inner loops out, wherever they are left to', () => {
    // 0: outer; 1, 2: inner, which is left to 4 in its middle; 5: back to 0.
    const insns = [NOP, branch(1, 4), branch(2, 1), NOP, NOP, branch(5, 0), EXIT];
    expect([...costsOf(buildCfg(insns))]).toEqual([
      [0, 4],
      [1, 2],
    ]);
  });

  it('of a part that one dispatcher enters anywhere is that of a block, not of the part', () => {
    // Loops with two entries inside each other, too deep to be searched one by one.
    const depth = 2000;
    const heads = Array.from({ length: depth }, (_, i) => [branch(3 * i, 3 * i + 2), NOP, NOP]).flat();
    const tails = Array.from({ length: depth }, (_, i) => {
      const at = 3 * depth + 2 * i;
      const head = 3 * (depth - 1 - i);
      return [branch(at, head + 1), branch(at + 1, head + 2)];
    }).flat();
    const costs = costsOf(buildCfg([...heads, ...tails, EXIT]));
    expect(Math.max(...costs.values())).toBeLessThan(20);
  });
});
