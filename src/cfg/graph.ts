/**
 * Directed graphs with node 0 as entry, as compact arrays, and what every analysis needs first: an order and the reverse edges. All
 * walks are iterative, so that no graph can exhaust the stack. Nothing here knows instructions.
 */

/** The successors of node `n` are `targets[starts[n]]` to `targets[starts[n + 1] - 1]`. Node 0 is the entry. */
export interface FlowGraph {
  readonly size: number;
  readonly starts: Int32Array;
  readonly targets: Int32Array;
}

/** Makes a graph of the successors of each node. */
export function graphOf(successors: readonly (readonly number[])[]): FlowGraph {
  const size = successors.length;
  const starts = new Int32Array(size + 1);
  for (let node = 0; node < size; node++) starts[node + 1] = starts[node]! + successors[node]!.length;
  const targets = new Int32Array(starts[size]!);
  for (let node = 0; node < size; node++) targets.set(successors[node]!, starts[node]);
  return { size, starts, targets };
}

/** The same nodes with all edges turned round. */
export function reversed(graph: FlowGraph): FlowGraph {
  const { size, starts, targets } = graph;
  const back = new Int32Array(size + 1);
  for (const target of targets) back[target + 1]!++;
  for (let node = 0; node < size; node++) back[node + 1]! += back[node]!;
  const cursor = back.slice(0, size);
  const sources = new Int32Array(targets.length);
  for (let node = 0; node < size; node++) {
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++)
      sources[cursor[targets[edge]!]!++] = node;
  }
  return { size, starts: back, targets: sources };
}

/** A depth-first walk from the entry. Nodes that it does not reach have number -1 and are in no list. */
export interface DepthFirst {
  /** Nodes in the order in which the walk first saw them. */
  readonly preorder: Int32Array;
  /** Position of each node in `preorder`. */
  readonly preNumber: Int32Array;
  /** The node from which the walk came; -1 for the entry. */
  readonly parent: Int32Array;
  /** Reverse postorder: every edge that does not close a cycle leads forwards. */
  readonly order: Int32Array;
  /** Position of each node in `order`. */
  readonly orderNumber: Int32Array;
}

/** Walks a graph depth-first. Time: linear in nodes and edges. */
export function depthFirst(graph: FlowGraph): DepthFirst {
  const { size, starts, targets } = graph;
  const preorder = new Int32Array(size);
  const preNumber = new Int32Array(size).fill(-1);
  const parent = new Int32Array(size).fill(-1);
  const postorder = new Int32Array(size);
  const cursor = starts.slice(0, size);
  let seen = 0;
  let done = 0;
  for (let node = size === 0 ? -1 : 0; node >= 0; ) {
    if (preNumber[node]! < 0) {
      preNumber[node] = seen;
      preorder[seen++] = node;
    }
    const edge = cursor[node]!;
    if (edge === starts[node + 1]) {
      postorder[done++] = node;
      node = parent[node]!;
      continue;
    }
    cursor[node] = edge + 1;
    const target = targets[edge]!;
    if (preNumber[target]! >= 0) continue;
    parent[target] = node;
    node = target;
  }
  const order = postorder.subarray(0, done).reverse();
  const orderNumber = new Int32Array(size).fill(-1);
  for (let position = 0; position < done; position++) orderNumber[order[position]!] = position;
  return { preorder: preorder.subarray(0, seen), preNumber, parent, order, orderNumber };
}
