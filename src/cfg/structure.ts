/**
 * Control flow as nested blocks, loops and ifs, as WebAssembly wants it, from the dominator tree (N. Ramsey, "Beyond Relooper", ICFP
 * 2022): what a node dominates is written inside or behind it; a node that several edges lead to forwards stands behind a block that they
 * break out of. What follows a loop stands behind it, as if such a block were around the loop. Works for one function of any shape; cycles with several entries go through dispatchers (dispatch.ts).
 *
 * No recursion: a stack of tasks. The larger side of a branch goes on behind the `if` of the smaller one, so that chains of branches
 * do not nest.
 */
import { type Cfg, NO_BLOCK, OFF_END } from './blocks.ts';
import { addDispatchers, type Dispatch, withoutDispatch } from './dispatch.ts';
import { type Dominators, dominators, subtreeSize } from './dominators.ts';
import { type DepthFirst, depthFirst, type FlowGraph } from './graph.ts';
import { LoopNest } from './loop-nest.ts';
import { findLoops, type Loops } from './loops.ts';
import { roundCosts } from './round-costs.ts';

/** Told the structured form of a function from its start to its end. Depths count open constructs outwards from 0. */
export interface ControlSink {
  /** Opens a block: a branch to it goes behind its end. */
  block(): void;
  /** Opens the loop of a header: a branch to it goes to its start. `cost`: instructions of its longest round, without inner loops. */
  loop(header: number, cost: number): void;
  /** Opens an if on the condition at the end of a block; `whenTaken` false negates it. Nothing runs off its end. */
  ifCondition(block: number, whenTaken: boolean): void;
  /** Closes the innermost open construct. */
  end(): void;
  /** The instructions of a block but for a jump at its end. */
  code(block: number): void;
  /** Branches on the condition at the end of a block. */
  branchIf(block: number, whenTaken: boolean, depth: number): void;
  branch(depth: number): void;
  /** Notes which entry of a dispatcher the next branch means. */
  setLabel(label: number): void;
  /** Branches to the depth at the position that was noted last. */
  dispatch(depths: readonly number[]): void;
  /** Execution has run off the end of the program behind a block. */
  offEnd(block: number): void;
}

/** What is known of a function's control flow; its graph is reducible. */
export interface Flow {
  readonly cfg: Cfg;
  readonly dispatch: Dispatch;
  readonly walk: DepthFirst;
  readonly tree: Dominators;
  readonly loops: Loops;
}

/** Analyses a function and, where it has cycles with several entries, adds dispatchers. */
export function analyzeFlow(cfg: Cfg): Flow {
  const plain = analyze(cfg);
  if (plain.loops.reducible) return { cfg, dispatch: withoutDispatch(cfg), ...plain };
  const dispatch = addDispatchers(cfg);
  return { cfg, dispatch, ...analyze(dispatch.graph) };
}

function analyze(graph: FlowGraph): Pick<Flow, 'walk' | 'tree' | 'loops'> {
  const walk = depthFirst(graph);
  const tree = dominators(graph, walk);
  return { walk, tree, loops: findLoops(graph, walk, tree) };
}

/** Tells `sink` the structured form of the function. */
export function structure(flow: Flow, sink: ControlSink): void {
  new Structurer(flow, sink).run();
}

/** In the stack of tasks: close the innermost construct. Other tasks are nodes to write. */
const CLOSE = -1;

class Structurer {
  private readonly flow: Flow;
  private readonly sink: ControlSink;
  /** Nodes that stand behind a block of their own. */
  private readonly isMerge: Uint8Array;
  /** Merge nodes under each node of the dominator tree, in order: lists through `nextMerge`, last one first. */
  private readonly lastMerge: Int32Array;
  /** The same for the nodes behind each header's loop that are reached from inside it. */
  private readonly lastExit: Int32Array;
  private readonly nextMerge: Int32Array;
  /** Constructs that were open when the node's block or loop was opened. */
  private readonly blockDepth: Int32Array;
  private readonly loopDepth: Int32Array;
  private readonly costs: Float64Array;
  private readonly tasks: number[] = [];
  private depth = 0;

  constructor(flow: Flow, sink: ControlSink) {
    this.flow = flow;
    this.sink = sink;
    const { size } = flow.dispatch.graph;
    this.isMerge = new Uint8Array(size);
    this.lastMerge = new Int32Array(size).fill(-1);
    this.lastExit = new Int32Array(size).fill(-1);
    this.nextMerge = new Int32Array(size).fill(-1);
    this.blockDepth = new Int32Array(size);
    this.loopDepth = new Int32Array(size);
    const nest = new LoopNest(flow.loops, flow.walk.order);
    this.costs = roundCosts(flow, nest);
    this.findMerges(nest);
  }

  run(): void {
    const { tasks } = this;
    tasks.push(0);
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
      if (task === CLOSE) this.close();
      else for (let node = task; node >= 0; ) node = this.write(node);
    }
  }

  private findMerges(nest: LoopNest): void {
    const { dispatch, walk, tree } = this.flow;
    const { starts, targets } = dispatch.graph;
    const forwards = new Uint8Array(dispatch.graph.size);
    for (const node of walk.order) {
      for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
        const target = targets[edge]!;
        if (walk.orderNumber[target]! <= walk.orderNumber[node]!) continue;
        const isDispatch = node >= dispatch.blocks || target >= dispatch.blocks;
        if (forwards[target] !== 0 || isDispatch) this.isMerge[target] = 1;
        forwards[target] = 1;
      }
    }
    for (const node of walk.order) {
      const above = tree.immediate[node]!;
      const loop = above < 0 || node === above ? -1 : nest.left(above, node);
      if (loop >= 0) this.isMerge[node] = 1;
      if (this.isMerge[node] === 0) continue;
      const lists = loop >= 0 ? this.lastExit : this.lastMerge;
      const owner = loop >= 0 ? loop : above;
      this.nextMerge[node] = lists[owner]!;
      lists[owner] = node;
    }
  }

  /** Writes a node; returns the node to go on with, or -1. */
  private write(node: number): number {
    if (this.flow.loops.isHeader[node] !== 0) {
      this.openBlocks(this.lastExit[node]!);
      this.sink.loop(node, this.costs[node]!);
      this.loopDepth[node] = this.depth++;
      this.tasks.push(CLOSE);
    }
    this.openBlocks(this.lastMerge[node]!);
    const { dispatch, cfg } = this.flow;
    if (node >= dispatch.blocks) {
      const entries = dispatch.entries[node - dispatch.blocks]!;
      this.sink.dispatch(entries.map((entry) => this.depthOf(node, entry)));
      return -1;
    }
    this.sink.code(node);
    const next = cfg.next[node]!;
    const taken = cfg.taken[node]!;
    if (taken === NO_BLOCK || taken === next) return this.goOn(node, next);
    if (next === NO_BLOCK) return this.goOn(node, taken);
    return this.writeBranch(node, next, taken);
  }

  /** Opens the blocks that the nodes of a list stand behind. */
  private openBlocks(last: number): void {
    for (let node = last; node >= 0; node = this.nextMerge[node]!) {
      this.sink.block();
      this.blockDepth[node] = this.depth++;
      this.tasks.push(node, CLOSE);
    }
  }

  private writeBranch(node: number, next: number, taken: number): number {
    if (!this.isInline(node, taken)) {
      this.branchIf(node, true, taken);
      return this.goOn(node, next);
    }
    if (!this.isInline(node, next)) {
      if (next !== OFF_END) {
        this.branchIf(node, false, next);
        return taken;
      }
      this.openIf(node, false);
      this.sink.offEnd(node);
      this.close();
      return taken;
    }
    const { tree } = this.flow;
    const whenTaken = subtreeSize(tree, taken) < subtreeSize(tree, next);
    this.openIf(node, whenTaken);
    this.tasks.push(whenTaken ? next : taken, CLOSE);
    return whenTaken ? taken : next;
  }

  private openIf(node: number, whenTaken: boolean): void {
    this.sink.ifCondition(node, whenTaken);
    this.depth++;
  }

  private close(): void {
    this.sink.end();
    this.depth--;
  }

  /** Goes to `target` whatever happens: in line, or by a branch. */
  private goOn(node: number, target: number): number {
    if (target === NO_BLOCK) return -1;
    if (target === OFF_END) {
      this.sink.offEnd(node);
      return -1;
    }
    if (this.isInline(node, target)) return target;
    this.noteLabel(target);
    this.sink.branch(this.depthOf(node, this.aim(target)));
    return -1;
  }

  private branchIf(node: number, whenTaken: boolean, target: number): void {
    this.noteLabel(target);
    this.sink.branchIf(node, whenTaken, this.depthOf(node, this.aim(target)));
  }

  private noteLabel(target: number): void {
    const label = this.flow.dispatch.label[target]!;
    if (label >= 0) this.sink.setLabel(label);
  }

  /** The node that a jump to `target` goes to: its dispatcher if it has one. */
  private aim(target: number): number {
    const through = this.flow.dispatch.through[target]!;
    return through >= 0 ? through : target;
  }

  /** Whether the node at the other end of an edge is written right behind or inside `node`, because no other edge leads there. */
  private isInline(node: number, target: number): boolean {
    if (target < 0) return false;
    if (this.flow.dispatch.through[target]! >= 0) return false;
    return this.isMerge[target] === 0 && !this.isBackwards(node, target);
  }

  private isBackwards(node: number, target: number): boolean {
    const { orderNumber } = this.flow.walk;
    return orderNumber[target]! <= orderNumber[node]!;
  }

  private depthOf(node: number, target: number): number {
    const at = this.isBackwards(node, target) ? this.loopDepth[target]! : this.blockDepth[target]!;
    return this.depth - 1 - at;
  }
}
