/** BPF_PROG_BIND_MAP, BPF_ENABLE_STATS and BPF_TOKEN_CREATE (kernel/bpf/syscall.c, kernel/bpf/token.c). */
import { Errno } from '../../base/errno.ts';
import { pathOf } from '../objects/paths.ts';
import type { Attributes } from './attributes.ts';
import { mapOf, openFile, programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** BPF_PROG_BIND_MAP (bpf_prog_bind_map). */
export function programBindMap(sys: SyscallContext, attr: Attributes<'BPF_PROG_BIND_MAP'>): number {
  attr.checkUnused();
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const program = programOf(sys, attr.u32('prog_fd'));
  program.bindMap(mapOf(sys, attr.u32('map_fd')));
  return 0;
}

const BPF_STATS_RUN_TIME = 0;

/** Runs are counted as long as somebody has such a descriptor open. */
export function enableStats(sys: SyscallContext, attr: Attributes<'BPF_ENABLE_STATS'>): number {
  attr.checkUnused();
  if (attr.u32('type') !== BPF_STATS_RUN_TIME) fail(Errno.EINVAL, 'the only type is BPF_STATS_RUN_TIME');
  const { machine } = sys;
  const held = {
    hold: () => {
      machine.runner.statsUsers++;
    },
    release: () => {
      machine.runner.statsUsers--;
    },
  };
  return openFile(sys, { kind: 'stats', held });
}

/** The simulated process lives in the first user namespace, for which the kernel makes no tokens. */
export function tokenCreate(sys: SyscallContext, attr: Attributes<'BPF_TOKEN_CREATE'>): number {
  attr.checkUnused();
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const file = sys.fds.get(attr.s32('bpffs_fd'));
  if (file === undefined) fail(Errno.EBADF, `descriptor ${attr.s32('bpffs_fd')} is not open`);
  const isRoot = file.kind === 'path' && file.node.kind === 'bpffs' && file.node.parent?.kind !== 'bpffs';
  if (!isRoot) {
    const what = file.kind === 'path' ? `'${pathOf(file.node)}'` : `a ${file.kind}`;
    fail(Errno.EINVAL, `${what} is not the root of a bpffs`);
  }
  return fail(Errno.EOPNOTSUPP, 'tokens are for other user namespaces than the first');
}

/** What BPF_F_TOKEN_FD names: never a token, as there are none. */
export function refuseToken(sys: SyscallContext, fd: number): never {
  const open = sys.fds.get(fd) !== undefined;
  return fail(open ? Errno.EINVAL : Errno.EBADF, `descriptor ${fd} is no BPF token`);
}
