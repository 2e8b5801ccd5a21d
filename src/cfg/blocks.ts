/**
 * Basic blocks of one function: runs of instructions that are entered at the first and left at the last only. A function is what can be
 * reached from its entry slot, so a jump into another function takes that code along. Calls do not end a block.
 */
import { type Insn, type InsnList, slotsOf } from '../isa/index.ts';
import type { FlowGraph } from './graph.ts';

/** In `Cfg.next` and `Cfg.taken`: there is no such edge. */
export const NO_BLOCK = -1;
/** In `Cfg.next`: execution runs past the last instruction of the program. */
export const OFF_END = -2;

/** The control flow of one function. Block 0 is the entry; the others follow in ascending order of their slots. */
export interface Cfg extends FlowGraph {
  readonly insns: InsnList;
  /** Slot of each block's first instruction. */
  readonly first: Int32Array;
  /** Slot behind each block's last instruction. */
  readonly end: Int32Array;
  /** The block that follows when the last instruction does not jump, NO_BLOCK or OFF_END. */
  readonly next: Int32Array;
  /** The block that the last instruction may jump to, or NO_BLOCK. */
  readonly taken: Int32Array;
}

/** The slot that an instruction at `slot` may jump to, or undefined when it is no jump. */
export function jumpTarget(insn: Insn, slot: number): number | undefined {
  return insn.kind === 'ja' || insn.kind === 'jmp' || insn.kind === 'may-goto'
    ? slot + 1 + insn.offset
    : undefined;
}

/** Whether execution can go on with the instruction behind this one. */
function fallsThrough(insn: Insn): boolean {
  return insn.kind !== 'ja' && insn.kind !== 'exit';
}

/** The blocks of the function at `entry`. Jump targets must be inside the program and not inside a 16-byte instruction. */
export function buildCfg(insns: InsnList, entry = 0): Cfg {
  return new BlockFinder(insns).find(entry);
}

/** Finds the blocks of several functions of one program, with work in proportion to each function's size. */
export class BlockFinder {
  private readonly insns: InsnList;
  /** The search that last came by each slot, and the one for which each slot starts a block. */
  private readonly visited: Int32Array;
  private readonly leads: Int32Array;
  private readonly blockAt: Int32Array;
  private search = 0;

  constructor(insns: InsnList) {
    this.insns = insns;
    this.visited = new Int32Array(insns.length);
    this.leads = new Int32Array(insns.length);
    this.blockAt = new Int32Array(insns.length);
  }

  find(entry: number): Cfg {
    const leaders = this.findLeaders(entry);
    const size = leaders.length;
    leaders.forEach((slot, block) => {
      this.blockAt[slot] = block;
    });
    const first = Int32Array.from(leaders);
    const end = new Int32Array(size);
    const next = new Int32Array(size).fill(NO_BLOCK);
    const taken = new Int32Array(size).fill(NO_BLOCK);
    for (let block = 0; block < size; block++) this.closeBlock(block, first[block]!, end, next, taken);
    return { insns: this.insns, first, end, next, taken, ...edges(next, taken) };
  }

  /** Start slots of all blocks, the entry first, the others in ascending order. */
  private findLeaders(entry: number): number[] {
    this.search++;
    const found: number[] = [];
    const open: number[] = [];
    const lead = (slot: number): void => {
      if (slot >= this.insns.length || this.leads[slot] === this.search) return;
      this.leads[slot] = this.search;
      found.push(slot);
      open.push(slot);
    };
    lead(entry);
    for (let slot = open.pop(); slot !== undefined; slot = open.pop()) this.walk(slot, lead);
    const others = Int32Array.from(found.slice(1)).sort();
    return [entry, ...others];
  }

  private walk(start: number, lead: (slot: number) => void): void {
    for (let slot = start; slot < this.insns.length && this.visited[slot] !== this.search; ) {
      this.visited[slot] = this.search;
      const insn = this.insns[slot]!;
      const target = jumpTarget(insn, slot);
      if (target !== undefined) {
        lead(target);
        if (fallsThrough(insn)) lead(slot + 1);
        return;
      }
      if (!fallsThrough(insn)) return;
      slot += slotsOf(insn);
    }
  }

  private closeBlock(
    block: number,
    first: number,
    end: Int32Array,
    next: Int32Array,
    taken: Int32Array,
  ): void {
    let slot = first;
    for (;;) {
      const insn = this.insns[slot]!;
      const after = slot + slotsOf(insn);
      const target = jumpTarget(insn, slot);
      if (target !== undefined) taken[block] = this.blockAt[target]!;
      const goesOn = fallsThrough(insn);
      const isOver = after >= this.insns.length;
      if (target !== undefined || !goesOn || isOver || this.leads[after] === this.search) {
        end[block] = after;
        if (goesOn) next[block] = isOver ? OFF_END : this.blockAt[after]!;
        return;
      }
      slot = after;
    }
  }
}

/** Edges in the order next, taken; one edge where both are the same. */
function edges(next: Int32Array, taken: Int32Array): FlowGraph {
  const size = next.length;
  const starts = new Int32Array(size + 1);
  const targets = new Int32Array(2 * size);
  let count = 0;
  for (let block = 0; block < size; block++) {
    if (next[block]! >= 0) targets[count++] = next[block]!;
    if (taken[block]! >= 0 && taken[block] !== next[block]) targets[count++] = taken[block]!;
    starts[block + 1] = count;
  }
  return { size, starts, targets: targets.subarray(0, count) };
}
