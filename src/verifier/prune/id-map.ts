/**
 * Which ids of an old state stand for which of the current one. Two states are alike if their ids can be matched one to one: numbers
 * themselves mean nothing. Source: check_ids, check_scalar_ids in kernel/bpf/verifier.c.
 */
import { ADD_CONST } from '../state/layout.ts';

/** One comparison's pairs. The kernel's table is larger than any state has ids; this one grows. */
export class IdMap {
  private old = new Int32Array(64);
  private current = new Int32Array(64);
  private count = 0;
  private freshId = 0;

  /** Starts a comparison; `idGen` is the last id in use. */
  reset(idGen: number): void {
    this.count = 0;
    this.freshId = idGen;
  }

  /** Whether the ids can be the same one. 0 stands for no id and matches itself only. */
  match(oldId: number, currentId: number): boolean {
    if ((oldId === 0) !== (currentId === 0)) return false;
    if (oldId === 0) return true;
    for (let i = 0; i < this.count; i++) {
      if (this.old[i] === oldId) return this.current[i] === currentId;
      if (this.current[i] === currentId) return false;
    }
    if (this.count === this.old.length) this.widen();
    this.old[this.count] = oldId;
    this.current[this.count++] = currentId;
    return true;
  }

  /**
   * The same for ids of scalars: an old scalar without an id says less than one with, so it matches any; a current one without
   * counts as having one of its own. A scalar that is a constant away from the others must be so in both.
   */
  matchScalar(oldId: number, currentId: number): boolean {
    if (oldId === 0) return true;
    const id = currentId === 0 ? ++this.freshId : currentId;
    if (!this.match(oldId, id)) return false;
    return (oldId & ADD_CONST) === 0 || this.match(oldId & ~ADD_CONST, id & ~ADD_CONST);
  }

  private widen(): void {
    const old = new Int32Array(2 * this.count);
    const current = new Int32Array(2 * this.count);
    old.set(this.old);
    current.set(this.current);
    this.old = old;
    this.current = current;
  }
}
