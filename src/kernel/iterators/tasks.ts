/** Walks over tasks for iter/task: all by their numbers, one, or the threads of one process (task_seq_get_next in kernel/bpf/task_iter.c). */
import type { Task, TaskTable } from '../machine/tasks.ts';
import { NumberedWalk, type Walk } from './walk.ts';

/** Which tasks an iterator walks over. */
export type TaskChoice =
  | { readonly kind: 'all' }
  /** The task with a thread id. */
  | { readonly kind: 'thread'; readonly id: number }
  /** The threads of a process. */
  | { readonly kind: 'process'; readonly id: number };

const words = (task: Task | undefined): readonly number[] => [task?.address ?? 0];

/** The walk over all tasks. */
export function taskWalk(tasks: TaskTable, choice: TaskChoice): Walk<Task> {
  switch (choice.kind) {
    case 'all':
      return new NumberedWalk((from) => {
        const task = tasks.from(from);
        return task === undefined ? undefined : { number: task.pid, object: task };
      }, words);
    case 'thread':
      return new NumberedWalk((from) => {
        const task = from <= choice.id ? tasks.get(choice.id) : undefined;
        return task === undefined ? undefined : { number: task.pid, object: task };
      }, words);
    case 'process':
      return new ThreadWalk(tasks, choice.id);
  }
}

/** The leader, then its threads in the order in which they were made. It ends when the one that it stands on is gone. */
class ThreadWalk implements Walk<Task> {
  private readonly tasks: TaskTable;
  private readonly tgid: number;
  private visiting: number | undefined;
  /** The one at `visiting` was shown. */
  private passed = false;

  constructor(tasks: TaskTable, tgid: number) {
    this.tasks = tasks;
    this.tgid = tgid;
  }

  start(): Task | undefined {
    const { tasks, tgid, visiting } = this;
    let task = tasks.get(visiting ?? tgid);
    if (visiting === undefined && task?.tgid !== tgid) return undefined;
    if (this.passed && task !== undefined) {
      const threads = tasks.threadsOf(tgid);
      task = threads[threads.indexOf(task) + 1];
    }
    if (task === undefined) return undefined;
    this.visiting = task.pid;
    this.passed = false;
    return task;
  }

  next(): Task | undefined {
    this.passed = true;
    return this.start();
  }

  words(task: Task | undefined): readonly number[] {
    return words(task);
  }
}
