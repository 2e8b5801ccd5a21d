/**
 * What programs ask for most often, kept in linear memory: the current CPU and task, and clocks that stand still. Compiled programs read it
 * there (InlineHelper in vm/abi.ts) instead of calling a helper. No program can write it.
 */
import type { RuntimeWords } from '../../helpers/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { Clock } from './clock.ts';
import type { Task } from './tasks.ts';

const CLOCKS = ['monotonic', 'boottime', 'coarse', 'tai', 'jiffies'] as const;

/** Offsets in the region; the clocks follow at 8 bytes each. */
const CPU = 0;
const TASK = 4;
const PID_TGID = 8;
const FIRST_CLOCK = 16;
const BYTES = FIRST_CLOCK + 8 * CLOCKS.length;

/** Addresses of the words, and who keeps them up to date. */
export class CurrentWords implements RuntimeWords {
  readonly cpu: number;
  readonly task: number;
  readonly pidTgid: number;
  readonly clocks?: NonNullable<RuntimeWords['clocks']>;
  private readonly memory: Memory;

  constructor(memory: Memory, clock: Clock) {
    this.memory = memory;
    const start = memory.allocate({ size: BYTES, kind: 'kernel', name: 'current CPU and task' });
    memory.setAccess(start, BYTES, 'none');
    this.cpu = start + CPU;
    this.task = start + TASK;
    this.pidTgid = start + PID_TGID;
    if (!clock.standsStill) return;
    const address = (index: number): number => start + FIRST_CLOCK + 8 * index;
    this.clocks = Object.fromEntries(CLOCKS.map((name, index) => [name, address(index)])) as NonNullable<
      RuntimeWords['clocks']
    >;
    const show = (): void => {
      CLOCKS.forEach((name, index) => {
        const at = address(index) >>> 2;
        this.memory.i32[at] = clock.read(name);
        this.memory.i32[at + 1] = clock.high;
      });
    };
    show();
    clock.onAdvance(show);
  }

  /** Says who is current. */
  set({ cpu, task }: { readonly cpu: number; readonly task: Task }): void {
    const { i32 } = this.memory;
    i32[this.cpu >>> 2] = cpu;
    i32[this.task >>> 2] = task.address;
    i32[this.pidTgid >>> 2] = task.pid;
    i32[(this.pidTgid >>> 2) + 1] = task.tgid;
  }
}
