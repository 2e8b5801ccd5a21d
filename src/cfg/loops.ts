/**
 * Loops of a control-flow graph: which nodes head one, which loop is the innermost around each node, and whether the graph is reducible,
 * that is whether every cycle has one entry. Time: near-linear.
 */
import { type Dominators, dominates } from './dominators.ts';
import { type DepthFirst, type FlowGraph, reversed } from './graph.ts';

/** The loops of a graph, by node. */
export interface Loops {
  /** 1 for nodes that an edge leads back to which they dominate. */
  readonly isHeader: Uint8Array;
  /** Head of the innermost loop around each node, -1 for none. A header belongs to its own loop. */
  readonly innermost: Int32Array;
  /** By header: head of the innermost loop around its own, -1 for none and for other nodes. */
  readonly parent: Int32Array;
  /** Every edge that leads backwards leads to a node that dominates its source. */
  readonly reducible: boolean;
}

/** Finds the loops. In a graph that is not reducible, cycles with several entries are no loops. */
export function findLoops(graph: FlowGraph, walk: DepthFirst, tree: Dominators): Loops {
  const { size, starts, targets } = graph;
  const { order, orderNumber } = walk;
  const isHeader = new Uint8Array(size);
  let reducible = true;
  for (const node of order) {
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
      const target = targets[edge]!;
      if (orderNumber[target]! > orderNumber[node]!) continue;
      if (dominates(tree, target, node)) isHeader[target] = 1;
      else reducible = false;
    }
  }
  return { isHeader, ...nestLoops(graph, walk, tree, isHeader), reducible };
}

/** Inner loops first; each, once known, stands for all its nodes. */
function nestLoops(
  graph: FlowGraph,
  walk: DepthFirst,
  tree: Dominators,
  isHeader: Uint8Array,
): Pick<Loops, 'innermost' | 'parent'> {
  const incoming = reversed(graph);
  const innermost = new Int32Array(graph.size).fill(-1);
  const parent = new Int32Array(graph.size).fill(-1);
  const outermost = Int32Array.from({ length: graph.size }, (_, node) => node);
  const representative = (node: number): number => {
    let at = node;
    while (outermost[at] !== at) {
      outermost[at] = outermost[outermost[at]!]!;
      at = outermost[at]!;
    }
    return at;
  };
  const open: number[] = [];
  for (let i = walk.order.length - 1; i >= 0; i--) {
    const header = walk.order[i]!;
    if (isHeader[header] === 0) continue;
    innermost[header] = header;
    const take = (source: number): void => {
      if (walk.orderNumber[source]! < 0) return;
      const node = representative(source);
      if (node === header || !dominates(tree, header, node)) return;
      outermost[node] = header;
      if (innermost[node]! < 0) innermost[node] = header;
      else parent[node] = header;
      open.push(node);
    };
    for (let edge = incoming.starts[header]!; edge < incoming.starts[header + 1]!; edge++) {
      const source = incoming.targets[edge]!;
      if (dominates(tree, header, source)) take(source);
    }
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (let edge = incoming.starts[node]!; edge < incoming.starts[node + 1]!; edge++) {
        take(incoming.targets[edge]!);
      }
    }
  }
  return { innermost, parent };
}
