/**
 * BPF_MAP_TYPE_CGRP_STORAGE: values that hang on cgroups; keys of user space are descriptors of a cgroup's directory
 * (kernel/bpf/bpf_cgrp_storage.c).
 */
import { Errno } from '../../base/errno.ts';
import { LocalStorageMap } from '../local-storage.ts';
import type { StorageOwner } from '../ports.ts';

/** A value for each cgroup that was given one. */
export class CgrpStorageMap extends LocalStorageMap {
  protected ownerByFd(fd: number): StorageOwner | number {
    return this.env.cgroupByFd?.(fd) ?? -Errno.EBADF;
  }
}
