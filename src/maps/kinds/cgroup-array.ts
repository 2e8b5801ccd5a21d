/**
 * BPF_MAP_TYPE_CGROUP_ARRAY: cgroups by index, for programs that ask whether a task or a packet belongs to one (cgroup_fd_array_* in
 * kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import type { CgroupRef } from '../ports.ts';
import { FdArrayMap } from '../slots/fd-array.ts';

/** Cgroups by index, for programs to compare with. */
export class CgroupArrayMap extends FdArrayMap<CgroupRef> {
  /** User space cannot read a slot. */
  protected readonly idOf = undefined;

  cgroupAt(index: number): CgroupRef | undefined {
    return this.at(index);
  }

  protected resolve(fd: number): CgroupRef | number {
    return this.env.cgroupByFd?.(fd) ?? -Errno.EBADF;
  }

  protected handleOf(cgroup: CgroupRef): number {
    return cgroup.address;
  }

  protected refuse(): number {
    return 0;
  }
}
