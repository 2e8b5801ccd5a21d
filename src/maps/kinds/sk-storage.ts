/** BPF_MAP_TYPE_SK_STORAGE: values that hang on sockets; keys of user space are descriptors of a socket (net/core/bpf_sk_storage.c). */
import { Errno } from '../../base/errno.ts';
import { LocalStorageMap } from '../local-storage.ts';
import type { StorageOwner } from '../ports.ts';

/** A value for each socket that was given one. */
export class SkStorageMap extends LocalStorageMap {
  protected ownerByFd(fd: number): StorageOwner | number {
    return this.env.socketByFd?.(fd) ?? -Errno.EBADF;
  }
}
