/**
 * Values that hang on objects of the kernel: sockets, inodes, tasks, cgroups (bpf_*_storage_get and _delete in net/core/bpf_sk_storage.c and
 * kernel/bpf/bpf_*_storage.c), and those of the cgroup that the program is attached to (bpf_get_local_storage).
 */
import { Errno } from '../base/errno.ts';
import type { LocalStorage, StorageOwner } from '../maps/index.ts';
import { HelperFault } from './fault.ts';
import { type Family, type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

const GET_F_CREATE = 1;

/** Local storage: of sockets, tasks, inodes, cgroups. */
export const storageHelpers: FamilyMaker = (runtime) => {
  const storageOf = (helper: string, address: number): LocalStorage => {
    const map = needMap(runtime, helper, address);
    if (map.storage === undefined) throw unsupported(map, helper);
    return map.storage;
  };

  const ownerOf = (helper: string, address: number): StorageOwner => {
    const owner = runtime.storageOwnerAt(address >>> 0);
    if (owner !== undefined) return owner;
    const where = `0x${(address >>> 0).toString(16)}`;
    throw new HelperFault(
      'helper-bad-object',
      `${helper} got ${where}, where no object of the kernel stands`,
    );
  };

  /** The two helpers of one kind. */
  const pair = (name: string): Family => ({
    [`bpf_${name}_storage_get`]: plain((map, owner, value, flagsLo, flagsHi) => {
      const helper = `bpf_${name}_storage_get`;
      const storage = storageOf(helper, map);
      if (owner === 0 || (flagsLo & ~GET_F_CREATE) !== 0 || flagsHi !== 0) return 0;
      return storage.get(ownerOf(helper, owner), flagsLo === GET_F_CREATE, value >>> 0);
    }),
    [`bpf_${name}_storage_delete`]: plain((map, owner) => {
      const helper = `bpf_${name}_storage_delete`;
      const storage = storageOf(helper, map);
      return owner === 0 ? -Errno.EINVAL : storage.remove(ownerOf(helper, owner));
    }),
  });

  return {
    ...pair('sk'),
    ...pair('inode'),
    ...pair('task'),
    ...pair('cgrp'),
    // Flags must be 0, which the verifier sees to.
    bpf_get_local_storage: plain((address) => {
      const map = needMap(runtime, 'bpf_get_local_storage', address);
      if (map.cgroupValues === undefined) throw unsupported(map, 'bpf_get_local_storage');
      return runtime.cgroupValue(map.cgroupValues);
    }),
  };
};
