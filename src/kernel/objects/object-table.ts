/**
 * Sockets, cgroups and inodes of a machine, and how maps find them, tasks and devices: by descriptors of the current process, by address, by
 * number.
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { CgroupRef, DeviceRef, SocketRef, StorageOwner } from '../../maps/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { Task, TaskTable } from '../machine/tasks.ts';
import type { SocketActions } from '../sockets/socket.ts';
import { SocketTable } from '../sockets/socket-table.ts';
import { type Cgroup, CgroupTable } from './cgroups.ts';
import type { FdTable } from './fds.ts';
import type { PathNode } from './files.ts';
import { InodeTable } from './inodes.ts';
import { PathTable } from './paths.ts';

/** Where devices are found. */
export interface DeviceSource {
  byIndex(ifindex: number): DeviceRef | undefined;
  /** @throws UsageError when there is no device of that name. */
  get(name: string): DeviceRef;
}

/** Sockets, cgroups, inodes and paths of one machine, by descriptor and by address. */
export class ObjectTable {
  readonly paths = new PathTable();
  readonly sockets: SocketTable;
  readonly cgroups: CgroupTable;
  readonly inodes: InodeTable;
  private readonly fds: FdTable;
  private readonly tasks: TaskTable;
  private socketActions: SocketActions | undefined;
  private devices: DeviceSource | undefined;
  private readonly cgroupOfTask = new WeakMap<Task, Cgroup>();

  constructor(memory: Memory, fds: FdTable, tasks: TaskTable, currentTask: () => Task) {
    this.fds = fds;
    this.tasks = tasks;
    this.cgroups = new CgroupTable(memory, this.paths);
    this.inodes = new InodeTable(memory, this.paths);
    this.sockets = new SocketTable(
      memory,
      () => this.cgroupOf(currentTask()),
      () => {
        if (this.socketActions !== undefined) return this.socketActions;
        throw new UsageError('no-network', 'a machine without a kernel has sockets that do nothing');
      },
    );
  }

  /** Says where devices are found. */
  setDevices(devices: DeviceSource): void {
    this.devices = devices;
  }

  /** @throws UsageError when there is no device of that name. */
  needDevice(name: string): void {
    this.devices?.get(name);
  }

  /** Says what sockets do. */
  setSocketActions(actions: SocketActions): void {
    this.socketActions = actions;
  }

  deviceByIndex(ifindex: number): DeviceRef | undefined {
    return this.devices?.byIndex(ifindex);
  }

  socketByFd(fd: number): SocketRef | number {
    const file = this.fds.get(fd);
    if (file === undefined) return -Errno.EBADF;
    return file.kind === 'socket' ? file.socket : -Errno.ENOTSOCK;
  }

  cgroupByFd(fd: number): CgroupRef | number {
    const file = this.fds.get(fd);
    return file?.kind === 'path' && file.node.kind === 'cgroup' ? this.cgroups.of(file.node) : -Errno.EBADF;
  }

  taskByPidFd(fd: number): StorageOwner | number {
    const file = this.fds.get(fd);
    if (file?.kind !== 'pidfd') return -Errno.EBADF;
    return this.tasks.at(file.task.address) ?? -Errno.ENOENT;
  }

  /** Files that are no paths have inodes, too, which are not simulated: EBADF. */
  inodeByFd(fd: number): StorageOwner | number {
    const file = this.fds.get(fd);
    return file?.kind === 'path' ? this.inodes.of(file.node) : -Errno.EBADF;
  }

  /** Whatever values may hang on that has its image at an address. */
  ownerAt(address: number): StorageOwner | undefined {
    return (
      this.tasks.at(address) ??
      this.sockets.at(address) ??
      this.cgroups.at(address) ??
      this.inodes.at(address)
    );
  }

  /** The cgroup that a task is in; the root unless it was moved, and when its cgroup was removed. */
  cgroupOf(task: Task): Cgroup {
    const cgroup = this.cgroupOfTask.get(task);
    return cgroup === undefined || cgroup.ended ? this.cgroups.root : cgroup;
  }

  /** Moves a task to the cgroup at a path. @throws SyscallError, UsageError. */
  moveTask(task: Task, path: string): void {
    const cgroup = this.cgroups.find(path);
    this.cgroupOfTask.set(task, cgroup);
  }

  /** A path was removed: what hangs on it goes. */
  removed(node: PathNode): void {
    this.inodes.removed(node);
    this.cgroups.removed(node);
  }
}
