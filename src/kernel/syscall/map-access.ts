/** What may be done through a descriptor of a map: as it was opened, and whether the map is frozen (map_get_sys_perms in kernel/bpf/syscall.c). */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../../maps/index.ts';
import type { FileAccess, KernelFile } from '../objects/files.ts';
import { fail } from './failure.ts';

const { BPF_F_RDONLY, BPF_F_WRONLY } = MapFlag;

type MapFile = Extract<KernelFile, { kind: 'map' }>;

/** @throws SyscallError EPERM when the descriptor was opened for writing only. */
export function needRead({ access }: MapFile): void {
  if (!access.read) fail(Errno.EPERM, 'the descriptor was opened with BPF_F_WRONLY');
}

/** @throws SyscallError EPERM when the map is frozen or the descriptor was opened for reading only. */
export function needWrite({ access, map }: MapFile): void {
  if (!access.write) fail(Errno.EPERM, 'the descriptor was opened with BPF_F_RDONLY');
  if (map.frozen) fail(Errno.EPERM, 'the map is frozen');
}

/** What BPF_F_RDONLY and BPF_F_WRONLY make of a descriptor. @throws SyscallError EINVAL for both. */
export function accessOf(flags: number): FileAccess {
  const readOnly = (flags & BPF_F_RDONLY) !== 0;
  const writeOnly = (flags & BPF_F_WRONLY) !== 0;
  if (readOnly && writeOnly) fail(Errno.EINVAL, 'BPF_F_RDONLY and BPF_F_WRONLY exclude each other');
  return { read: !writeOnly, write: !readOnly };
}
