/** Dominators and loops against their definitions, on random graphs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDispatchers,
  depthFirst,
  dominates,
  dominators,
  type FlowGraph,
  findLoops,
  graphOf,
  subtreeSize,
} from '../../src/cfg/index.ts';
import { arbitrarySuccessors } from './support.ts';

/** Nodes reachable from the entry without going through `without`. */
function reachable(graph: FlowGraph, without = -1): Set<number> {
  const seen = new Set<number>();
  const open = without === 0 ? [] : [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const target of graph.targets.subarray(graph.starts[node], graph.starts[node + 1])) {
      if (target !== without) open.push(target);
    }
  }
  return seen;
}

/** The graph without nodes that cannot be reached, as control-flow graphs are. */
function trimmed(successors: number[][]): FlowGraph {
  const all = reachable(graphOf(successors));
  const number = new Map([...all].sort((a, b) => a - b).map((node, index) => [node, index]));
  return graphOf([...number.keys()].map((node) => successors[node]!.map((target) => number.get(target)!)));
}

describe('dominators', () => {
  it('are the nodes that every path goes through', () => {
    fc.assert(
      fc.property(arbitrarySuccessors, (successors) => {
        const graph = graphOf(successors);
        const tree = dominators(graph, depthFirst(graph));
        const all = reachable(graph);
        for (const a of all) {
          const others = reachable(graph, a);
          let under = 0;
          for (const b of all) {
            const isDominated = !others.has(b);
            if (isDominated) under++;
            expect(dominates(tree, a, b)).toBe(isDominated);
          }
          expect(subtreeSize(tree, a)).toBe(under);
        }
      }),
    );
  });

  it('of nodes that cannot be reached are none', () => {
    const graph = graphOf([[1], [], [1]]);
    expect([...dominators(graph, depthFirst(graph)).immediate]).toEqual([-1, 0, -1]);
  });
});

describe('loops', () => {
  const loopsOf = (graph: FlowGraph): ReturnType<typeof findLoops> => {
    const walk = depthFirst(graph);
    return findLoops(graph, walk, dominators(graph, walk));
  };

  it('know the innermost loop around each node', () => {
    // 0 → 1 (outer header) → 2 (inner header) → 3 → 2, 3 → 4 → 1, 4 → 5
    const loops = loopsOf(graphOf([[1], [2], [3], [2, 4], [1, 5], []]));
    expect([...loops.isHeader]).toEqual([0, 1, 1, 0, 0, 0]);
    expect([...loops.innermost]).toEqual([-1, 1, 2, 2, 1, -1]);
    expect(loops.reducible).toBe(true);
  });

  it('with two entries are not reducible, and are with a dispatcher', () => {
    const graph = graphOf([[1, 2], [2], [1, 3], []]);
    expect(loopsOf(graph).reducible).toBe(false);
    const { graph: better, entries } = addDispatchers(graph);
    expect(entries.map((nodes) => nodes.toSorted())).toEqual([[1, 2]]);
    expect(loopsOf(better).reducible).toBe(true);
  });

  it('are reducible in every graph once it has dispatchers', () => {
    fc.assert(
      fc.property(arbitrarySuccessors, (successors) => {
        const graph = trimmed(successors);
        expect(loopsOf(addDispatchers(graph).graph).reducible).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
