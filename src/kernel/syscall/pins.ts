/** BPF_OBJ_PIN and BPF_OBJ_GET (bpf_obj_pin and bpf_obj_get in kernel/bpf/syscall.c, kernel/bpf/inode.c). */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../../maps/index.ts';
import { mapFile, type PathNode, type Pinnable } from '../objects/files.ts';
import { PATH_MAX } from '../objects/paths.ts';
import type { Attributes } from './attributes.ts';
import { openFile, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { accessOf } from './map-access.ts';

type ObjectCommand = 'BPF_OBJ_PIN' | 'BPF_OBJ_GET';

const BPF_F_PATH_FD = 1 << 14;
const ACCESS = MapFlag.BPF_F_RDONLY | MapFlag.BPF_F_WRONLY;
const AT_FDCWD = -100;

/** BPF_OBJ_PIN (bpf_obj_pin). */
export function objectPin(sys: SyscallContext, attr: Attributes<'BPF_OBJ_PIN'>): number {
  attr.checkUnused();
  checkFlags(attr, BPF_F_PATH_FD);
  const file = sys.fds.get(attr.s32('bpf_fd'));
  if (file === undefined || !isPinnable(file))
    fail(Errno.EINVAL, `descriptor ${attr.u32('bpf_fd')} is no map, program or link`);
  // A pin reads and writes, whatever the descriptor may do.
  const object = file.kind === 'map' ? mapFile(file.map) : file;
  const path = pathOf(sys, attr);
  sys.paths.pin(path, object as Pinnable, baseOf(sys, attr, path));
  return 0;
}

/** BPF_OBJ_GET (bpf_obj_get). */
export function objectGet(sys: SyscallContext, attr: Attributes<'BPF_OBJ_GET'>): number {
  attr.checkUnused();
  if (attr.u32('bpf_fd') !== 0) fail(Errno.EINVAL, 'bpf_fd must be 0');
  checkFlags(attr, BPF_F_PATH_FD | ACCESS);
  const access = accessOf(attr.u32('file_flags'));
  const path = pathOf(sys, attr);
  const { pin } = sys.paths.find(path, baseOf(sys, attr, path));
  if (pin === undefined) fail(Errno.EACCES, `nothing is pinned at '${path}'`);
  switch (pin.kind) {
    case 'map':
      return openFile(sys, mapFile(pin.map, access));
    case 'program':
      return openFile(sys, pin);
    case 'link':
      if (!access.read || !access.write)
        fail(Errno.EINVAL, 'links are always opened for reading and writing');
      return openFile(sys, pin);
  }
}

function isPinnable(file: { readonly kind: string }): boolean {
  return file.kind === 'map' || file.kind === 'program' || file.kind === 'link';
}

function checkFlags(attr: Attributes<ObjectCommand>, known: number): void {
  const flags = attr.u32('file_flags');
  if ((flags & ~known) !== 0) fail(Errno.EINVAL, 'file_flags has unknown bits');
  if ((flags & BPF_F_PATH_FD) === 0 && attr.u32('path_fd') !== 0)
    fail(Errno.EINVAL, 'path_fd needs BPF_F_PATH_FD');
}

function pathOf(sys: SyscallContext, attr: Attributes<ObjectCommand>): string {
  return sys.user.readString(attr.word('pathname'), PATH_MAX);
}

/** Where relative paths start. */
function baseOf(sys: SyscallContext, attr: Attributes<ObjectCommand>, path: string): PathNode | undefined {
  const fd = attr.s32('path_fd');
  if ((attr.u32('file_flags') & BPF_F_PATH_FD) === 0 || fd === AT_FDCWD || path.startsWith('/'))
    return undefined;
  const file = sys.fds.get(fd);
  if (path === '') fail(Errno.ENOENT, 'the path is empty');
  if (file === undefined) fail(Errno.EBADF, `descriptor ${fd} is not open`);
  if (file.kind !== 'path' || file.node.children === undefined)
    fail(Errno.ENOTDIR, `descriptor ${fd} is no directory`);
  return file.node;
}
