/** What the commands of bpf(2) work on: the machine, its hooks and devices, and the memory and files of the calling process. */
import { Errno } from '../../base/errno.ts';
import type { HookTable, KernelLink } from '../attach/hooks.ts';
import type { EventSource } from '../events/events.ts';
import type { Machine } from '../machine/machine.ts';
import type { FdTable } from '../objects/fds.ts';
import type { KernelFile } from '../objects/files.ts';
import type { LiveBtf } from '../objects/live-btf.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { PathTable } from '../objects/paths.ts';
import type { DeviceTable } from '../packets/devices.ts';
import { fail } from './failure.ts';
import type { UserSpace } from './user-space.ts';

/** One for each kernel. */
export interface SyscallContext {
  readonly machine: Machine;
  readonly hooks: HookTable;
  readonly devices: DeviceTable;
  readonly events: EventSource;
  readonly paths: PathTable;
  readonly user: UserSpace;
  /** Addresses of kernel symbols by name. */
  readonly ksyms: Readonly<Record<string, bigint>>;
  readonly fds: FdTable;
}

type Kind = KernelFile['kind'];

/** The file behind a descriptor. @throws SyscallError EBADF when there is none, EINVAL when it is of another kind. */
export function fileOf<K extends Kind>(
  sys: SyscallContext,
  fd: number,
  kind: K,
): Extract<KernelFile, { kind: K }> {
  const file = sys.fds.get(fd | 0);
  if (file === undefined) fail(Errno.EBADF, `descriptor ${fd | 0} is not open`);
  if (file.kind !== kind) fail(Errno.EINVAL, `descriptor ${fd} is a ${file.kind}, not a ${kind}`);
  return file as Extract<KernelFile, { kind: K }>;
}

/** The map behind a descriptor. @throws SyscallError EBADF, EINVAL. */
export function mapOf(sys: SyscallContext, fd: number): LiveMap {
  return fileOf(sys, fd, 'map').map;
}

/** The program behind a descriptor. @throws SyscallError EBADF, EINVAL. */
export function programOf(sys: SyscallContext, fd: number): LoadedProgram {
  return fileOf(sys, fd, 'program').program;
}

/** The types behind a descriptor. @throws SyscallError EBADF, EINVAL. */
export function btfOf(sys: SyscallContext, fd: number): LiveBtf {
  return fileOf(sys, fd, 'btf').btf;
}

/** The link behind a descriptor. @throws SyscallError EBADF, EINVAL. */
export function linkOf(sys: SyscallContext, fd: number): KernelLink {
  return fileOf(sys, fd, 'link').link;
}

/** Opens a file; the descriptor is the command's result. @throws SyscallError EMFILE. */
export function openFile(sys: SyscallContext, file: KernelFile): number {
  const fd = sys.fds.open(file);
  return fd < 0 ? fail(-fd, 'too many files are open') : fd;
}

/** Opens a new object that nobody holds yet: when that fails, nothing of it stays. */
export function openNew(sys: SyscallContext, file: KernelFile): number {
  file.held.hold();
  try {
    return openFile(sys, file);
  } finally {
    file.held.release();
  }
}
