/** BPF_PROG_ATTACH, BPF_PROG_DETACH and BPF_PROG_QUERY of socket maps (sock_map_get_from_fd and its kin in net/core/sock_map.c). */
import { Errno } from '../../base/errno.ts';
import { attachToSocketMap, detachFromSocketMap, programOfSocketMap } from '../attach/socket-map-programs.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import { mapOf, programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** BPF_PROG_ATTACH to a socket map (sock_map_get_from_fd). */
export function socketMapAttach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_ATTACH'>,
  program: LoadedProgram,
): number {
  if (attr.u32('attach_flags') !== 0 || attr.u32('replace_bpf_fd') !== 0)
    fail(Errno.EINVAL, 'socket maps know no flags, and replace without being told what');
  attachToSocketMap(sys.hooks, mapOf(sys, attr.u32('target_fd')), program, attr.u32('attach_type'));
  return 0;
}

/** BPF_PROG_DETACH from a socket map (sock_map_prog_detach). */
export function socketMapDetach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_DETACH'>,
  type: number,
): number {
  const map = mapOf(sys, attr.u32('target_fd'));
  const program = programOf(sys, attr.u32('attach_bpf_fd'));
  if (program.type !== type) fail(Errno.EINVAL, 'the program is of another type');
  detachFromSocketMap(sys.hooks, map, program, attr.u32('attach_type'));
  return 0;
}

/** Says how many programs are there, one at most, and which, if asked; none where there is no such place, before it fails. */
export function socketMapQuery(sys: SyscallContext, attr: Attributes<'BPF_PROG_QUERY'>): number {
  if (attr.u32('query_flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const map = mapOf(sys, attr.u32('target_fd'));
  const room = attr.u32('prog_cnt');
  const ids = attr.word('prog_ids');
  attr.put32('attach_flags', 0);
  attr.put32('prog_cnt', 0);
  const id = programOfSocketMap(map, attr.u32('attach_type'));
  if (id !== undefined && ids !== 0 && room !== 0) sys.user.put32(ids, id);
  attr.put32('prog_cnt', id === undefined ? 0 : 1);
  return 0;
}
