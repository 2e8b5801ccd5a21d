/** BPF_MAP_TYPE_TASK_STORAGE: values that hang on tasks; keys of user space are descriptors of a task (pidfd) (kernel/bpf/bpf_task_storage.c). */
import { Errno } from '../../base/errno.ts';
import { LocalStorageMap } from '../local-storage.ts';
import type { StorageOwner } from '../ports.ts';

/** A value for each task that was given one. */
export class TaskStorageMap extends LocalStorageMap {
  protected ownerByFd(fd: number): StorageOwner | number {
    return this.env.taskByPidFd?.(fd) ?? -Errno.EBADF;
  }
}
