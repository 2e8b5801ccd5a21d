/**
 * The table of functions that tail calls go through, which all modules of an engine share: programs enter it when they are first the target
 * of a tail call. It is emptied now and then, as nobody says when a program is no longer used and a table keeps what is in it.
 */
import { type WasmTable, wasm } from '../wasm/platform.ts';

/** A compiled program that may be the target of a tail call. */
export interface TailTarget {
  /** Its first function. */
  readonly main: unknown;
  /** Its place in the table, negative while it has none. */
  tableIndex: number;
}

export class TailTable {
  readonly table: WasmTable = new wasm.Table({ element: 'anyfunc', initial: 0 });
  private readonly targets: TailTarget[] = [];

  /** The place of a target, which it gets if it has none. */
  indexOf(target: TailTarget): number {
    if (target.tableIndex < 0) {
      const index = this.targets.push(target) - 1;
      if (index === this.table.length) this.table.grow(1);
      this.table.set(index, target.main);
      target.tableIndex = index;
    }
    return target.tableIndex;
  }

  /** Takes all targets out when there are more than `most`. For times when no program runs. */
  trim(most: number): void {
    if (this.targets.length <= most) return;
    this.targets.forEach((target, index) => {
      target.tableIndex = -1;
      this.table.set(index, null);
    });
    this.targets.length = 0;
  }
}
