/**
 * How loops lie inside each other, and which loop an edge leaves. Near-linear: an ancestor of a loop is found in logarithmic time, through
 * one more pointer a loop that skips many (E. W. Myers, "An applicative random-access stack", 1983).
 */
import type { Loops } from './loops.ts';

/** Answers how loops lie inside each other. */
export class LoopNest {
  private readonly loops: Loops;
  /** By header: how many loops lie around it, its own included; 0 for other nodes. */
  private readonly depth: Int32Array;
  private readonly skip: Int32Array;

  /** @param order All nodes, outer headers before inner ones. */
  constructor(loops: Loops, order: Int32Array | readonly number[]) {
    const { isHeader, parent } = loops;
    this.loops = loops;
    this.depth = new Int32Array(isHeader.length);
    this.skip = new Int32Array(isHeader.length).fill(-1);
    for (const header of order) {
      if (isHeader[header] === 0) continue;
      const outer = parent[header]!;
      this.depth[header] = this.depthOf(outer) + 1;
      const far = outer < 0 ? -1 : this.skip[outer]!;
      const farther = far < 0 ? -1 : this.skip[far]!;
      const isEven = this.depthOf(outer) - this.depthOf(far) === this.depthOf(far) - this.depthOf(farther);
      this.skip[header] = outer >= 0 && isEven ? farther : outer;
    }
  }

  /**
   * The header of the outermost loop that `from` is in and `to` is not; -1 when there is none. `to` is a node that `from` dominates or that an
   * edge leads to from there, but not backwards.
   */
  left(from: number, to: number): number {
    const { innermost, isHeader } = this.loops;
    // All loops around a node but its own are around its dominators too, and around the nodes from which edges lead to it.
    const shared = this.depthOf(innermost[to]!) - isHeader[to]!;
    let at = innermost[from]!;
    if (this.depthOf(at) <= shared) return -1;
    while (this.depthOf(at) > shared + 1) {
      const far = this.skip[at]!;
      at = this.depthOf(far) > shared ? far : this.loops.parent[at]!;
    }
    return at;
  }

  private depthOf(header: number): number {
    return header < 0 ? 0 : this.depth[header]!;
  }
}
