/**
 * BPF_MAP_TYPE_INODE_STORAGE: values that hang on inodes of files; keys of user space are descriptors of an open file
 * (kernel/bpf/bpf_inode_storage.c).
 */
import { Errno } from '../../base/errno.ts';
import { LocalStorageMap } from '../local-storage.ts';
import type { StorageOwner } from '../ports.ts';

/** A value for each inode that was given one. */
export class InodeStorageMap extends LocalStorageMap {
  protected ownerByFd(fd: number): StorageOwner | number {
    return this.env.inodeByFd?.(fd) ?? -Errno.EBADF;
  }
}
