/**
 * What a round of each loop costs at most: the instructions on the longest way from its header back to it, those of inner loops left out,
 * because they count for themselves. Whoever counts rounds then never counts too little, and not all cases of a switch for each. Near-linear.
 */
import type { Cfg } from './blocks.ts';
import type { Dispatch } from './dispatch.ts';
import type { DepthFirst } from './graph.ts';
import type { LoopNest } from './loop-nest.ts';
import type { Loops } from './loops.ts';

/** A function's blocks, their graph with dispatchers, a walk through it and its loops. */
interface LoopyFlow {
  readonly cfg: Cfg;
  readonly dispatch: Dispatch;
  readonly walk: DepthFirst;
  readonly loops: Loops;
}

/** By header; at least 1, so that no loop is free. 1 for other nodes. */
export function roundCosts({ cfg, dispatch, walk, loops }: LoopyFlow, nest: LoopNest): Float64Array {
  const { size, starts, targets } = dispatch.graph;
  const { order, orderNumber } = walk;
  const { isHeader, innermost } = loops;
  /** The most on a way from the header of its innermost loop to the node, its own instructions not counted. */
  const before = new Float64Array(size);
  /** The same for headers, seen from the loop around their own. */
  const outside = new Float64Array(size);
  const costs = new Float64Array(size).fill(1);
  for (const node of order) {
    const own = node < dispatch.blocks ? cfg.end[node]! - cfg.first[node]! : 1;
    const behind = before[node]! + own;
    const loop = innermost[node]!;
    if (loop >= 0) costs[loop] = Math.max(costs[loop]!, behind);
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
      const target = targets[edge]!;
      if (orderNumber[target]! <= orderNumber[node]!) continue;
      const left = nest.left(node, target);
      const ways = isHeader[target] === 0 ? before : outside;
      ways[target] = Math.max(ways[target]!, left < 0 ? behind : outside[left]!);
    }
  }
  return costs;
}
