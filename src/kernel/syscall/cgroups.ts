/**
 * Programs of cgroups: attached directly or by links, alone or many at once (kernel/bpf/cgroup.c). A cgroup is a directory below
 * /sys/fs/cgroup; its row of an attach type is a hook. Which programs run for a cgroup is of cgroup-programs.ts, when they do of cgroup-events.
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType } from '../../spec/index.ts';
import { checkRow, linkAt, makeValues } from '../attach/cgroup-link.ts';
import {
  BPF_F_ALLOW_MULTI,
  BPF_F_ALLOW_OVERRIDE,
  BPF_F_PREORDER,
  cgroupHook,
  effectivePrograms,
  rowFlags,
} from '../attach/cgroup-programs.ts';
import type { Attachment, KernelLink } from '../attach/hooks.ts';
import type { PathNode } from '../objects/files.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import { linkOf, programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import {
  BPF_F_AFTER,
  BPF_F_BEFORE,
  BPF_F_ID,
  BPF_F_LINK,
  BPF_F_REPLACE,
  checkRevision,
  type Wish,
} from './multi-program.ts';
import { queryRow } from './query-row.ts';

/** Flag of BPF_PROG_QUERY: those that run, also of the cgroups above. */
export const BPF_F_QUERY_EFFECTIVE = 1 << 0;
/** What a link may ask for. */
const LINK_FLAGS = BPF_F_ID | BPF_F_LINK | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_PREORDER;
/** The cgroup behind a descriptor. @throws SyscallError EBADF. */
function cgroupOf(sys: SyscallContext, fd: number): PathNode {
  const file = sys.fds.get(fd);
  return file?.kind === 'path' && file.node.kind === 'cgroup'
    ? file.node
    : fail(Errno.EBADF, `descriptor ${fd} is no cgroup`);
}

/** What is attached: a program, perhaps in another's place, or a link's. */
interface Newcomer {
  readonly program: LoadedProgram;
  readonly replaces?: LoadedProgram;
  readonly isLink: boolean;
}

/** __cgroup_bpf_attach up to the point where nothing can fail any more. @returns the one to replace, or an index. */
function findPlace(
  sys: SyscallContext,
  cgroup: PathNode,
  attachType: number,
  newcomer: Newcomer,
  wish: Wish,
): Attachment | number {
  const { flags } = wish;
  const hook = cgroupHook(cgroup, attachType);
  const row = sys.hooks.at(hook);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (
    (has(BPF_F_ALLOW_OVERRIDE) && has(BPF_F_ALLOW_MULTI)) ||
    (has(BPF_F_REPLACE) && !has(BPF_F_ALLOW_MULTI))
  )
    fail(Errno.EINVAL, 'these flags contradict each other');
  if (has(BPF_F_REPLACE) && has(BPF_F_BEFORE | BPF_F_AFTER))
    fail(Errno.EINVAL, 'a replacement has its place already');
  checkRevision(sys, hook, wish);
  checkRow(sys.hooks, cgroup, attachType, flags);
  if (!has(BPF_F_ALLOW_MULTI)) return row[0] ?? indexIn(sys, row, newcomer, wish);
  const { program, replaces, isLink } = newcomer;
  if (!isLink && program !== replaces && row.some((one) => one.link === undefined && one.program === program))
    fail(Errno.EINVAL, 'the program is there already');
  if (replaces === undefined) return indexIn(sys, row, newcomer, wish);
  const old = row.find((one) => one.link === undefined && one.program === replaces);
  return old ?? fail(Errno.ENOENT, 'the program to replace is not there');
}

/** The index that BPF_F_BEFORE and BPF_F_AFTER ask for (get_prog_list, insert_pl_to_hlist). */
function indexIn(
  sys: SyscallContext,
  row: readonly Attachment[],
  { isLink }: Newcomer,
  { flags, relative }: Wish,
): number {
  const before = (flags & BPF_F_BEFORE) !== 0;
  const behind = (flags & BPF_F_AFTER) !== 0;
  const byLink = (flags & BPF_F_LINK) !== 0;
  const anchored = relative !== 0 || (flags & (BPF_F_ID | BPF_F_LINK)) !== 0;
  if (!anchored) {
    if (before && behind && row.length > 0) fail(Errno.EINVAL, 'a place is before or behind another');
    return before ? 0 : row.length;
  }
  if (before === behind) fail(Errno.EINVAL, 'say whether before or behind');
  if (byLink !== isLink) fail(Errno.EINVAL, 'links are placed by links, programs by programs');
  const anchor = anchorIn(sys, row, flags, relative);
  if ((row[anchor]!.flags & BPF_F_PREORDER) !== (flags & BPF_F_PREORDER))
    fail(Errno.EINVAL, 'BPF_F_PREORDER must be as that of the other program');
  return before ? anchor : anchor + 1;
}

/** The index of the program or link that the place is relative to. */
function anchorIn(sys: SyscallContext, row: readonly Attachment[], flags: number, relative: number): number {
  const byId = (flags & BPF_F_ID) !== 0;
  if (!byId && relative === 0) fail(Errno.EINVAL, 'the other is not named');
  let index: number;
  if ((flags & BPF_F_LINK) !== 0) {
    const link = byId ? sys.hooks.ids.get(relative) : linkOf(sys, relative);
    if (link === undefined) fail(Errno.ENOENT, `there is no link ${relative}`);
    index = row.findIndex((one) => one.link === link);
  } else {
    const program = byId ? sys.machine.programs.get(relative) : programOf(sys, relative);
    if (program === undefined) fail(Errno.ENOENT, `there is no program ${relative}`);
    index = row.findIndex((one) => one.link === undefined && one.program === program);
  }
  return index >= 0 ? index : fail(Errno.ENOENT, 'the other is not attached here');
}

/** BPF_PROG_ATTACH to a cgroup (cgroup_bpf_prog_attach). */
export function cgroupAttach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_ATTACH'>,
  program: LoadedProgram,
): number {
  const cgroup = cgroupOf(sys, attr.u32('target_fd'));
  const flags = attr.u32('attach_flags');
  const attachType = attr.u32('attach_type');
  const both = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;
  const replaces = (flags & both) === both ? programOf(sys, attr.u32('replace_bpf_fd')) : undefined;
  if (replaces !== undefined && replaces.type !== program.type)
    fail(Errno.EINVAL, 'the program to replace is of another type');
  const newcomer = { program, isLink: false, ...(replaces === undefined ? {} : { replaces }) };
  const wish = { flags, relative: attr.u32('relative_fd'), revision: attr.u64('expected_revision') };
  const place = findPlace(sys, cgroup, attachType, newcomer, wish);
  makeValues(sys.machine, program, cgroup, attachType);
  const hook = cgroupHook(cgroup, attachType);
  if (typeof place === 'number') {
    sys.hooks.place(hook, program, { index: place, flags });
  } else {
    place.replace(program);
    sys.hooks.bump(hook);
  }
  return 0;
}

/** BPF_PROG_DETACH from a cgroup (cgroup_bpf_prog_detach). */
export function cgroupDetach(sys: SyscallContext, attr: Attributes<'BPF_PROG_DETACH'>, type: number): number {
  const cgroup = cgroupOf(sys, attr.u32('target_fd'));
  const hook = cgroupHook(cgroup, attr.u32('attach_type'));
  const file = sys.fds.get(attr.s32('attach_bpf_fd'));
  const program = file?.kind === 'program' && file.program.type === type ? file.program : undefined;
  checkRevision(sys, hook, { flags: 0, relative: 0, revision: attr.u64('expected_revision') });
  const row = sys.hooks.at(hook);
  const many = (rowFlags(row) & BPF_F_ALLOW_MULTI) !== 0;
  if (many && program === undefined) fail(Errno.EINVAL, 'say which of the programs by its descriptor');
  const found = many ? row.find((one) => one.link === undefined && one.program === program) : row[0];
  sys.hooks.remove(found ?? fail(Errno.ENOENT, 'it is not attached'));
  return 0;
}

/** BPF_PROG_QUERY of a cgroup (cgroup_bpf_prog_query). */
export function cgroupQuery(sys: SyscallContext, attr: Attributes<'BPF_PROG_QUERY'>): number {
  const cgroup = cgroupOf(sys, attr.u32('target_fd'));
  const attachType = attr.u32('attach_type');
  const effective = (attr.u32('query_flags') & BPF_F_QUERY_EFFECTIVE) !== 0;
  if (effective && attr.word('prog_attach_flags') !== 0)
    fail(Errno.EINVAL, 'effective programs have no flags of their own');
  if (attachType === BpfAttachType.BPF_LSM_CGROUP && !effective && needsFlags(attr))
    fail(Errno.EINVAL, 'programs of BPF_LSM_CGROUP are told apart by prog_attach_flags');
  const hook = cgroupHook(cgroup, attachType);
  const own = sys.hooks.at(hook);
  const row = effective
    ? effectivePrograms(sys.hooks, cgroup, attachType).map(({ attachment }) => attachment)
    : own;
  const flags = effective ? 0 : rowFlags(own);
  const revision = effective ? 0n : BigInt(sys.hooks.revision(hook));
  return queryRow(sys, attr, row, { flags, revision, programFlags: flags });
}

function needsFlags(attr: Attributes<'BPF_PROG_QUERY'>): boolean {
  return attr.u32('prog_cnt') !== 0 && attr.word('prog_ids') !== 0 && attr.word('prog_attach_flags') === 0;
}

/** A link to a cgroup. */
export function cgroupLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  const given = attr.u32('flags');
  if ((given & ~LINK_FLAGS) !== 0) fail(Errno.EINVAL, 'flags has unknown bits');
  const cgroup = cgroupOf(sys, attr.u32('target_fd'));
  const attachType = attr.u32('attach_type');
  const flags = given | BPF_F_ALLOW_MULTI;
  const wish = { flags, relative: attr.u32('relative_fd'), revision: attr.u64('expected_revision') };
  const place = findPlace(sys, cgroup, attachType, { program, isLink: true }, wish);
  const index = typeof place === 'number' ? place : sys.hooks.at(cgroupHook(cgroup, attachType)).length;
  return linkAt(sys.machine, sys.hooks, program, { directory: cgroup, attachType, flags, index });
}
