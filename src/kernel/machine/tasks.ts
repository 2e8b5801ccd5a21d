/**
 * Tasks: who runs when a program is called. A task is what the helpers tell of `current`: ids, credentials, name, and a struct
 * task_struct in memory, laid out as the kernel's types say.
 */
import { encodeUtf8 } from '../../base/text.ts';
import type { Btf } from '../../btf/index.ts';
import { TASK_COMM_LEN } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import { memberOffset } from '../load/kernel-types.ts';
import type { KernelFile } from '../objects/files.ts';
import { KernelObject, UNCOUNTED } from '../objects/kernel-object.ts';

/** What a task is made from; what is left out is as for a user's first process. */
export interface TaskOptions {
  /** Thread id (`pid` in the kernel); by default the next free number. */
  readonly pid?: number;
  /** Process id (`tgid` in the kernel, `getpid()` in user space); by default the thread id. */
  readonly tgid?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Pid of the parent; by default the current task's. */
  readonly parent?: number;
}

/** A live task. Name and credentials may be changed between events, as by exec() or setuid(). */
export interface Task {
  readonly pid: number;
  readonly tgid: number;
  comm: string;
  uid: number;
  gid: number;
  /** Address of the task's struct task_struct, from bpf_get_current_task. */
  readonly address: number;
  /** Calls `listener` once when the task ends; returns what ends that. */
  onEnd(listener: () => void): () => void;
}

/** All tasks of a machine; hands out ids. */
export class TaskTable {
  private nextPid = 1000;
  private readonly byPid = new Map<number, TaskObject>();
  private readonly byAddress = new Map<number, TaskObject>();
  private readonly memory: Memory;
  private readonly types: Btf;

  /** @param types Where struct task_struct is looked up; without it tasks have no members in memory. */
  constructor(memory: Memory, types: Btf) {
    this.memory = memory;
    this.types = types;
  }

  /** Makes a task; an id that is taken already is given to the new one, as after a process ended. */
  spawn(options: TaskOptions = {}): Task {
    const pid = options.pid ?? this.freePid();
    this.exit(pid);
    const task = new TaskObject(this.memory, this.types, pid, options);
    task.setParent(this.byPid.get(options.parent ?? -1) ?? task);
    this.byPid.set(pid, task);
    this.byAddress.set(task.address, task);
    return task;
  }

  get(pid: number): Task | undefined {
    return this.byPid.get(pid);
  }

  /** The task with this pid or the smallest greater one. */
  from(pid: number): Task | undefined {
    let found: Task | undefined;
    for (const task of this.byPid.values())
      if (task.pid >= pid && (found === undefined || task.pid < found.pid)) found = task;
    return found;
  }

  /** The threads of a process in the order in which they were made. */
  threadsOf(tgid: number): Task[] {
    return [...this.byPid.values()].filter((task) => task.tgid === tgid);
  }

  /** The task whose struct task_struct is at an address. */
  at(address: number): Task | undefined {
    return this.byAddress.get(address);
  }

  /** Ends a task and frees what stands for it. */
  exit(pid: number): void {
    const task = this.byPid.get(pid);
    if (task === undefined) return;
    this.byPid.delete(pid);
    this.byAddress.delete(task.address);
    task.end();
    this.memory.free(task.address);
  }

  private freePid(): number {
    while (this.byPid.has(this.nextPid)) this.nextPid++;
    return this.nextPid++;
  }
}

/** A task together with its struct in memory, which follows changes of its name. */
class TaskObject extends KernelObject implements Task {
  readonly pid: number;
  readonly tgid: number;
  uid: number;
  gid: number;
  readonly address: number;
  private readonly memory: Memory;
  private readonly types: Btf;
  private name = '';

  constructor(memory: Memory, types: Btf, pid: number, options: TaskOptions) {
    super();
    this.memory = memory;
    this.types = types;
    this.pid = pid;
    this.tgid = options.tgid ?? pid;
    this.uid = options.uid ?? 1000;
    this.gid = options.gid ?? this.uid;
    const struct = types.findByName('task_struct', 'struct');
    const size = struct === undefined ? 0 : types.sizeOf(struct.id);
    this.address = memory.allocate({ size, kind: 'task', name: `task ${pid}`, writable: false });
    this.writeMember('pid', word32(pid));
    this.writeMember('tgid', word32(this.tgid));
    this.writeMember('group_leader', word64(this.address));
    this.comm = options.comm ?? 'bpflab';
  }

  get comm(): string {
    return this.name;
  }

  set comm(name: string) {
    this.name = name;
    const bytes = new Uint8Array(TASK_COMM_LEN);
    bytes.set(encodeUtf8(name).subarray(0, TASK_COMM_LEN - 1));
    this.writeMember('comm', bytes);
  }

  /** A descriptor of a task is a pidfd. */
  file(): KernelFile {
    return { kind: 'pidfd', task: this, held: UNCOUNTED };
  }

  end(): void {
    this.finish();
  }

  setParent(parent: TaskObject): void {
    for (const member of ['real_parent', 'parent']) this.writeMember(member, word64(parent.address));
  }

  private writeMember(member: string, bytes: Uint8Array): void {
    const offset = memberOffset(this.types, 'task_struct', member);
    if (offset !== undefined) this.memory.writeBytes(this.address + offset, bytes);
  }
}

function word32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function word64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}
