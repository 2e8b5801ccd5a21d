/**
 * Tasks: who runs when a program is called. A task is what the helpers tell of `current`: ids, credentials, name, and an
 * address that stands for its struct task_struct.
 */
import { encodeUtf8 } from '../base/text.ts';
import type { Memory } from '../vm/index.ts';

/** TASK_COMM_LEN of include/linux/sched.h: a command name's bytes, its terminating zero included. */
export const TASK_COMM_LEN = 16;

/** Bytes that stand for a struct task_struct; reads beyond fault in checked programs and fail in bpf_probe_read_kernel. */
const TASK_STRUCT_BYTES = 16 * 1024;

/** What a task is made from; what is left out is as for a user's first process. */
export interface TaskOptions {
  /** Thread id (`pid` in the kernel); by default the next free number. */
  readonly pid?: number;
  /** Process id (`tgid` in the kernel, `getpid()` in user space); by default the thread id. */
  readonly tgid?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** A live task. Ids and names may be changed between events, as by setuid() or exec(). */
export interface Task {
  readonly pid: number;
  readonly tgid: number;
  comm: string;
  uid: number;
  gid: number;
  /** Address of the task's struct task_struct, from bpf_get_current_task. */
  readonly address: number;
}

/** All tasks of a machine; hands out ids. */
export class TaskTable {
  private nextPid = 1000;
  private readonly byPid = new Map<number, Task>();
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Makes a task; an id that is taken already is given to the new one, as after a process ended. */
  spawn(options: TaskOptions = {}): Task {
    const pid = options.pid ?? this.freePid();
    this.exit(pid);
    const task: Task = {
      pid,
      tgid: options.tgid ?? pid,
      comm: options.comm ?? 'bpflab',
      uid: options.uid ?? 1000,
      gid: options.gid ?? options.uid ?? 1000,
      address: this.memory.allocate({
        size: TASK_STRUCT_BYTES,
        kind: 'task',
        name: `task ${pid}`,
        writable: false,
      }),
    };
    this.byPid.set(pid, task);
    return task;
  }

  get(pid: number): Task | undefined {
    return this.byPid.get(pid);
  }

  /** Ends a task and frees what stands for it. */
  exit(pid: number): void {
    const task = this.byPid.get(pid);
    if (task === undefined) return;
    this.byPid.delete(pid);
    this.memory.free(task.address);
  }

  private freePid(): number {
    while (this.byPid.has(this.nextPid)) this.nextPid++;
    return this.nextPid++;
  }
}

/** A command name as the kernel keeps it: cut to 15 bytes, padded with zeros to 16. */
export function commBytes(comm: string): Uint8Array {
  const bytes = new Uint8Array(TASK_COMM_LEN);
  bytes.set(encodeUtf8(comm).subarray(0, TASK_COMM_LEN - 1));
  return bytes;
}
