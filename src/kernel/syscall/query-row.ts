/** What BPF_PROG_QUERY copies out of a row of programs (bpf_mprog_query in kernel/bpf/mprog.c, __cgroup_bpf_query in cgroup.c). */
import { Errno } from '../../base/errno.ts';
import type { Attachment } from '../attach/hooks.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** What is said of the whole row; a revision only where the kind of row has one. */
export interface RowState {
  readonly flags: number;
  readonly revision?: bigint;
  /** Flags of each program, where they are told apart from the row's. */
  readonly programFlags?: number;
}

/** Count, flags and revision always; ids, flags and links for those that ask. @throws SyscallError ENOSPC, EFAULT. */
export function queryRow(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_QUERY'>,
  row: readonly Attachment[],
  state: RowState,
): number {
  attr.put32('attach_flags', state.flags);
  if (state.revision !== undefined && attr.covers('revision')) attr.put64('revision', state.revision);
  attr.put32('prog_cnt', row.length);
  const room = attr.u32('prog_cnt');
  const ids = attr.word('prog_ids');
  if (room === 0 || ids === 0 || row.length === 0) return 0;
  const shown = row.slice(0, room);
  const columns: readonly (readonly [address: number, value: (one: Attachment) => number])[] = [
    [ids, (one) => one.program.id],
    [attr.word('prog_attach_flags'), () => state.programFlags ?? 0],
    [attr.word('link_ids'), (one) => one.link?.id ?? 0],
    [attr.word('link_attach_flags'), () => 0],
  ];
  for (const [address, value] of columns) {
    if (address === 0) continue;
    shown.forEach((one, i) => {
      sys.user.put32(address + 4 * i, value(one));
    });
  }
  return shown.length < row.length ? fail(Errno.ENOSPC, `${row.length} programs are there`) : 0;
}
