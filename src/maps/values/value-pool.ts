/** Single values of a map that come and go without keys: values of local storage and of cgroup storage. */

import type { MapEnv } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { elementLayout, GrowingPool } from './elements.ts';
import { ValueLayout } from './value-layout.ts';

/** A value that hangs on an owner. */
export interface OwnedValue {
  /** Its address. */
  readonly value: number;
  /** Ends listening for the owner's end. */
  readonly stop: () => void;
}

/** Gives values out and takes them back once no program runs. */
export class ValuePool {
  readonly values: ValueLayout;
  private readonly env: MapEnv;
  private readonly pool: GrowingPool;

  constructor(context: MapContext, perCpu: boolean) {
    const { env, attr, owner, fields } = context;
    this.env = env;
    this.values = new ValueLayout(env, attr, fields, perCpu);
    this.pool = new GrowingPool(owner, elementLayout(0, this.values.total, 0), this.values, env.cpuCount);
  }

  /** Address of a new value, all zero; 0 when there is no memory. */
  take(): number {
    const value = this.pool.take(this.env.currentCpu());
    if (value !== 0) this.env.memory.u8.fill(0, value, value + this.values.total);
    return value;
  }

  /** Gives a value back. What it holds is released at once, its bytes stay readable for as long as a program runs. */
  give(value: number): void {
    this.values.free(value);
    const free = (): void => {
      this.pool.give(this.env.currentCpu(), value);
    };
    if (this.env.afterRun === undefined) free();
    else this.env.afterRun(free);
  }

  /** The map goes: what its values hold is released, and their owners are not listened to any more. */
  end(stored: Iterable<OwnedValue>): void {
    for (const { value, stop } of stored) {
      stop();
      this.values.free(value);
    }
  }
}
