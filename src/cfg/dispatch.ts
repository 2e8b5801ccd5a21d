/**
 * Makes a graph reducible: each cycle with several entries gets a dispatcher, a new node through which all edges to those entries go, so
 * that the cycle has one entry. Which entry is meant has to be remembered in a variable by who jumps. Only cycles that need one get one.
 */
import { type FlowGraph, reversed } from './graph.ts';

/** A reducible graph that stands for one that may not be. */
export interface Dispatch {
  /** The old nodes under their old numbers, then the dispatchers. */
  readonly graph: FlowGraph;
  /** Nodes that are no dispatchers. */
  readonly blocks: number;
  /** The dispatcher through which each node is reached, or -1. */
  readonly through: Int32Array;
  /** Its number among the entries of its dispatcher. */
  readonly label: Int32Array;
  /** Entries of each dispatcher, by dispatcher number minus `blocks`. */
  readonly entries: readonly (readonly number[])[];
}

/** Edges that the search for nested cycles may look at, for each edge of the graph, before everything goes through one dispatcher. */
const EFFORT = 64;

/** The number of nodes whose part is known: larger than any other. */
const FINISHED = 0x7fffffff;

/** A graph that is reducible already. */
export function withoutDispatch(graph: FlowGraph): Dispatch {
  const none = new Int32Array(graph.size).fill(-1);
  return { graph, blocks: graph.size, through: none, label: none, entries: [] };
}

/** Adds dispatchers to a graph all of whose nodes can be reached. */
export function addDispatchers(graph: FlowGraph): Dispatch {
  const search = new CycleSearch(graph);
  const entries = search.run() ? search.entries : [allNodes(graph.size)];
  const through = new Int32Array(graph.size).fill(-1);
  const label = new Int32Array(graph.size).fill(-1);
  entries.forEach((nodes, index) => {
    nodes.forEach((node, position) => {
      through[node] = graph.size + index;
      label[node] = position;
    });
  });
  return { graph: reroute(graph, through, entries), blocks: graph.size, through, label, entries };
}

function allNodes(size: number): number[] {
  return Array.from({ length: size - 1 }, (_, index) => index + 1);
}

/** A dispatcher may stand in front of the entry node; the entry itself stays node 0 and is entered from outside directly. */
function reroute(graph: FlowGraph, through: Int32Array, entries: readonly (readonly number[])[]): FlowGraph {
  const { size, starts, targets } = graph;
  const total = size + entries.length;
  const newStarts = new Int32Array(total + 1);
  newStarts.set(starts);
  const newTargets: number[] = Array.from(targets, (target) =>
    through[target]! >= 0 ? through[target]! : target,
  );
  entries.forEach((nodes, index) => {
    for (const node of nodes) newTargets.push(node);
    newStarts[size + index + 1] = newTargets.length;
  });
  return { size: total, starts: newStarts, targets: Int32Array.from(newTargets) };
}

/**
 * Looks for cycles with several entries: strongly connected parts, then, with the edges to their entries taken away, the parts inside
 * them, and so on.
 */
class CycleSearch {
  readonly entries: number[][] = [];
  private readonly graph: FlowGraph;
  private readonly incoming: FlowGraph;
  /** The part each node is in now; edges between parts do not count. */
  private readonly part: Int32Array;
  /** Edges to these nodes are taken away. */
  private readonly isEntry: Uint8Array;
  private readonly number: Int32Array;
  private readonly low: Int32Array;
  private readonly cursor: Int32Array;
  private nextPart = 1;
  private clock = 0;
  private effort: number;

  constructor(graph: FlowGraph) {
    const { size } = graph;
    this.graph = graph;
    this.incoming = reversed(graph);
    this.part = new Int32Array(size);
    this.isEntry = new Uint8Array(size);
    this.number = new Int32Array(size).fill(-1);
    this.low = new Int32Array(size);
    this.cursor = new Int32Array(size);
    this.effort = EFFORT * (graph.targets.length + size);
  }

  /** False when it was given up. */
  run(): boolean {
    const open: number[][] = [Array.from({ length: this.graph.size }, (_, node) => node)];
    for (let nodes = open.pop(); nodes !== undefined; nodes = open.pop()) {
      if (this.effort < 0) return false;
      for (const node of nodes) this.number[node] = -1;
      for (const component of this.components(nodes)) {
        this.markEntries(component);
        open.push(component);
      }
    }
    return true;
  }

  /** Strongly connected parts of these nodes that have a cycle, each numbered as a part of its own. */
  private components(nodes: readonly number[]): number[][] {
    const found: number[][] = [];
    const stack: number[] = [];
    const path: number[] = [];
    for (const root of nodes) {
      if (this.number[root]! >= 0) continue;
      this.open(root, stack, path);
      while (path.length > 0) this.step(path, stack, found);
    }
    for (const component of found) {
      for (const node of component) this.part[node] = this.nextPart;
      this.nextPart++;
    }
    return found;
  }

  private open(node: number, stack: number[], path: number[]): void {
    this.number[node] = this.low[node] = this.clock++;
    this.cursor[node] = this.graph.starts[node]!;
    stack.push(node);
    path.push(node);
  }

  private step(path: number[], stack: number[], found: number[][]): void {
    const { starts, targets } = this.graph;
    const { part, number, low, cursor, isEntry } = this;
    const node = path[path.length - 1]!;
    this.effort--;
    const edge = cursor[node]!++;
    if (edge < starts[node + 1]!) {
      const target = targets[edge]!;
      if (isEntry[target] !== 0 || part[target] !== part[node]) return;
      if (number[target]! < 0) this.open(target, stack, path);
      else low[node] = Math.min(low[node]!, number[target]!);
      return;
    }
    path.pop();
    const above = path[path.length - 1];
    if (above !== undefined) low[above] = Math.min(low[above]!, low[node]!);
    if (low[node] !== number[node]) return;
    const component = stack.splice(stack.lastIndexOf(node));
    // Done with: nothing may connect to them any more.
    for (const member of component) this.number[member] = FINISHED;
    if (component.length > 1) found.push(component);
  }

  /** Takes away the edges to the entries of a cycle; more than one entry needs a dispatcher. */
  private markEntries(component: readonly number[]): void {
    const entries = component.filter((node) => this.isEntered(node));
    for (const node of entries) this.isEntry[node] = 1;
    if (entries.length > 1) this.entries.push(entries);
  }

  /** Whether an edge from outside its part leads to the node. */
  private isEntered(node: number): boolean {
    const { starts, targets } = this.incoming;
    if (node === 0) return true;
    for (let edge = starts[node]!; edge < starts[node + 1]!; edge++) {
      if (this.part[targets[edge]!] !== this.part[node]) return true;
    }
    return false;
  }
}
