/**
 * Finding objects by id: BPF_*_GET_NEXT_ID and BPF_*_GET_FD_BY_ID (bpf_obj_get_next_id, bpf_prog_get_fd_by_id and its kin in
 * kernel/bpf/syscall.c).
 */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../../maps/index.ts';
import { mapFile, programFile } from '../objects/files.ts';
import type { IdTable } from '../objects/ids.ts';
import type { Attributes } from './attributes.ts';
import { openFile, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { accessOf } from './map-access.ts';

type NextIdCommand =
  | 'BPF_PROG_GET_NEXT_ID'
  | 'BPF_MAP_GET_NEXT_ID'
  | 'BPF_BTF_GET_NEXT_ID'
  | 'BPF_LINK_GET_NEXT_ID';

const INT_MAX = 0x7fffffff;

/** The command for one table of objects. */
export function nextId(
  tableOf: (sys: SyscallContext) => Pick<IdTable<unknown>, 'after'>,
): (sys: SyscallContext, attr: Attributes<NextIdCommand>) => number {
  return (sys, attr) => {
    attr.checkUnused();
    const start = attr.u32('start_id');
    if (start >= INT_MAX) fail(Errno.EINVAL, 'ids are positive ints');
    attr.put32('next_id', tableOf(sys).after(start) ?? fail(Errno.ENOENT, `no id is greater than ${start}`));
    return 0;
  };
}

function byId<T>(table: IdTable<T>, id: number): T {
  return table.get(id) ?? fail(Errno.ENOENT, `there is no object with id ${id}`);
}

/** BPF_PROG_GET_FD_BY_ID (bpf_prog_get_fd_by_id). */
export function programById(sys: SyscallContext, attr: Attributes<'BPF_PROG_GET_FD_BY_ID'>): number {
  attr.checkUnused();
  return openFile(sys, programFile(byId(sys.machine.programs, attr.u32('prog_id'))));
}

/** BPF_MAP_GET_FD_BY_ID (bpf_map_get_fd_by_id). */
export function mapById(sys: SyscallContext, attr: Attributes<'BPF_MAP_GET_FD_BY_ID'>): number {
  attr.checkUnused();
  const flags = attr.u32('open_flags');
  if ((flags & ~(MapFlag.BPF_F_RDONLY | MapFlag.BPF_F_WRONLY)) !== 0)
    fail(Errno.EINVAL, 'the only flags are BPF_F_RDONLY and BPF_F_WRONLY');
  const access = accessOf(flags);
  return openFile(sys, mapFile(byId(sys.machine.liveMaps, attr.u32('map_id')), access));
}

/** BPF_BTF_GET_FD_BY_ID (bpf_btf_get_fd_by_id). */
export function btfById(sys: SyscallContext, attr: Attributes<'BPF_BTF_GET_FD_BY_ID'>): number {
  attr.checkUnused();
  const btf = byId(sys.machine.btfs, attr.u32('btf_id'));
  return openFile(sys, { kind: 'btf', btf, held: btf });
}

/** BPF_LINK_GET_FD_BY_ID (bpf_link_get_fd_by_id). */
export function linkById(sys: SyscallContext, attr: Attributes<'BPF_LINK_GET_FD_BY_ID'>): number {
  attr.checkUnused();
  const link = byId(sys.hooks.ids, attr.u32('link_id'));
  return openFile(sys, { kind: 'link', link, held: link });
}
