/**
 * Dominators: node `a` dominates `b` when every path from the entry to `b` goes through `a`. Found with semidominators and path
 * compression (T. Lengauer and R. Tarjan, "A fast algorithm for finding dominators in a flowgraph", 1979), which stays near-linear on
 * graphs made to hurt; all loops, no recursion.
 */
import { type DepthFirst, type FlowGraph, reversed } from './graph.ts';

/** The dominator tree. Nodes that cannot be reached have -1 everywhere. */
export interface Dominators {
  /** The closest dominator of each node; -1 for the entry. */
  readonly immediate: Int32Array;
  /** The nodes under a node in the tree have `enter` numbers from its own up to its `leave`. */
  readonly enter: Int32Array;
  readonly leave: Int32Array;
}

/** Whether `a` dominates `b`; a node dominates itself. */
export function dominates(tree: Dominators, a: number, b: number): boolean {
  return tree.enter[a]! <= tree.enter[b]! && tree.enter[b]! <= tree.leave[a]!;
}

/** Nodes in the dominator subtree of `node`, itself counted. */
export function subtreeSize(tree: Dominators, node: number): number {
  return tree.leave[node]! - tree.enter[node]! + 1;
}

/** Finds the dominators of a graph that was walked. */
export function dominators(graph: FlowGraph, walk: DepthFirst): Dominators {
  const immediate = immediateDominators(graph, walk);
  return { immediate, ...nesting(walk, immediate) };
}

/** Works on preorder numbers: smaller means closer to the entry on the walk's tree. */
function immediateDominators(graph: FlowGraph, walk: DepthFirst): Int32Array {
  const { preorder, preNumber, parent } = walk;
  const count = preorder.length;
  const incoming = reversed(graph);
  const semi = Int32Array.from({ length: count }, (_, v) => v);
  const forest = new Forest(semi);
  const idom = new Int32Array(count);
  // Nodes whose semidominator is v: a list through `nextInBucket`, as each node is in one bucket at a time.
  const bucket = new Int32Array(count).fill(-1);
  const nextInBucket = new Int32Array(count).fill(-1);
  for (let w = count - 1; w > 0; w--) {
    const node = preorder[w]!;
    for (let edge = incoming.starts[node]!; edge < incoming.starts[node + 1]!; edge++) {
      const v = preNumber[incoming.targets[edge]!]!;
      if (v < 0) continue;
      const candidate = semi[forest.lowest(v)]!;
      if (candidate < semi[w]!) semi[w] = candidate;
    }
    nextInBucket[w] = bucket[semi[w]!]!;
    bucket[semi[w]!] = w;
    const up = preNumber[parent[node]!]!;
    forest.link(up, w);
    for (let v = bucket[up]!; v >= 0; v = nextInBucket[v]!) {
      const u = forest.lowest(v);
      idom[v] = semi[u]! < semi[v]! ? u : up;
    }
    bucket[up] = -1;
  }
  const immediate = new Int32Array(graph.size).fill(-1);
  for (let w = 1; w < count; w++) {
    if (idom[w] !== semi[w]) idom[w] = idom[idom[w]!]!;
    immediate[preorder[w]!] = preorder[idom[w]!]!;
  }
  return immediate;
}

/** The linked part of the walk's tree, with the node of lowest semidominator on each path to a root. */
class Forest {
  private readonly semi: Int32Array;
  private readonly ancestor: Int32Array;
  private readonly label: Int32Array;
  private readonly path: number[] = [];

  constructor(semi: Int32Array) {
    this.semi = semi;
    this.ancestor = new Int32Array(semi.length).fill(-1);
    this.label = Int32Array.from(semi);
  }

  link(parent: number, child: number): void {
    this.ancestor[child] = parent;
  }

  /** The node with the lowest semidominator between `v` and its root, the root left out; a root itself. */
  lowest(v: number): number {
    if (this.ancestor[v]! < 0) return v;
    this.compress(v);
    return this.label[v]!;
  }

  private compress(v: number): void {
    const { ancestor, label, semi, path } = this;
    for (let u = v; ancestor[ancestor[u]!]! >= 0; u = ancestor[u]!) path.push(u);
    for (let u = path.pop(); u !== undefined; u = path.pop()) {
      const above = ancestor[u]!;
      if (semi[label[above]!]! < semi[label[u]!]!) label[u] = label[above]!;
      ancestor[u] = ancestor[above]!;
    }
  }
}

/** Numbers the tree so that a subtree is a range: sizes from the leaves up, places from the root down. */
function nesting(walk: DepthFirst, immediate: Int32Array): Pick<Dominators, 'enter' | 'leave'> {
  const { order } = walk;
  const size = immediate.length;
  const nodes = new Int32Array(size).fill(1);
  for (let i = order.length - 1; i > 0; i--) nodes[immediate[order[i]!]!]! += nodes[order[i]!]!;
  const enter = new Int32Array(size).fill(-1);
  const leave = new Int32Array(size).fill(-2);
  const free = new Int32Array(size);
  for (let i = 0; i < order.length; i++) {
    const node = order[i]!;
    const above = immediate[node]!;
    const place = above < 0 ? 0 : free[above]!;
    if (above >= 0) free[above]! += nodes[node]!;
    enter[node] = place;
    leave[node] = place + nodes[node]! - 1;
    free[node] = place + 1;
  }
  return { enter, leave };
}
