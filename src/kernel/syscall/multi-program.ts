/**
 * Rows of programs in which a caller chooses the place: before or behind another program or link (bpf_mprog_attach and
 * bpf_mprog_detach in kernel/bpf/mprog.c). The rows are HookTable's.
 */
import { Errno } from '../../base/errno.ts';
import type { Attachment, KernelLink } from '../attach/hooks.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { linkOf, programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

export const BPF_F_REPLACE = 1 << 2;
export const BPF_F_BEFORE = 1 << 3;
export const BPF_F_AFTER = 1 << 4;
export const BPF_F_ID = 1 << 5;
export const BPF_F_LINK = 1 << 13;
/** All flags of an attachment to such a row. */
export const MULTI_FLAGS = BPF_F_REPLACE | BPF_F_BEFORE | BPF_F_AFTER | BPF_F_ID | BPF_F_LINK;

/** BPF_MPROG_MAX. */
const MAX_PROGRAMS = 64;

/** Where the caller wants to be. */
export interface Wish {
  readonly flags: number;
  /** A program or link, by descriptor or id as the flags say; 0 for none. */
  readonly relative: number;
  /** The row's revision that the caller knows; 0 for any. */
  readonly revision: bigint;
}

/** Another one in the row that a place is relative to. */
interface Anchor {
  readonly program?: LoadedProgram;
  readonly link?: KernelLink;
}

/** No position was asked for. */
const NOWHERE = -2;

/**
 * Finds the place of a new program.
 * @returns its index in the row; with `replace`, that of the one to exchange.
 * @throws SyscallError ESTALE, EEXIST, ENOENT, ERANGE, EINVAL, EBUSY.
 */
export function placeFor(
  sys: SyscallContext,
  hook: string,
  program: LoadedProgram,
  wish: Wish,
  replace?: { readonly program: LoadedProgram | undefined; readonly link: KernelLink | undefined },
): number {
  const row = sys.hooks.at(hook);
  checkRevision(sys, hook, wish);
  if (row.some((other) => other.program === program)) fail(Errno.EEXIST, 'the program is there already');
  const anchor = anchorOf(sys, wish, program.type);
  let index = NOWHERE;
  if ((wish.flags & BPF_F_REPLACE) !== 0) index = exactIndex(row, replace?.program, replace?.link);
  else if (row.length >= MAX_PROGRAMS) fail(Errno.ERANGE, `no more than ${MAX_PROGRAMS} programs fit`);
  index = relativeIndex(row, anchor, wish.flags, index);
  if (index === NOWHERE) {
    if (anchor.program !== undefined || wish.flags !== 0) fail(Errno.EINVAL, 'say whether before or behind');
    return row.length;
  }
  if ((wish.flags & BPF_F_REPLACE) !== 0) return index;
  // Before the first of those behind the index, which counts the one in front of the place.
  return (wish.flags & BPF_F_BEFORE) !== 0 ? index + 1 : index;
}

/**
 * Finds the one to take off.
 * @throws SyscallError EINVAL, ESTALE, ENOENT, ERANGE, EBUSY (it is there by a link).
 */
export function placeToLeave(
  sys: SyscallContext,
  hook: string,
  program: LoadedProgram | undefined,
  wish: Wish,
): Attachment {
  const row = sys.hooks.at(hook);
  if ((wish.flags & BPF_F_REPLACE) !== 0) fail(Errno.EINVAL, 'BPF_F_REPLACE is for attaching');
  checkRevision(sys, hook, wish);
  if (row.length === 0) fail(Errno.ENOENT, 'nothing is attached');
  const anchor = anchorOf(sys, wish, program?.type);
  let index = program === undefined ? NOWHERE : exactIndex(row, program, undefined);
  index = relativeIndex(row, anchor, wish.flags, index);
  if (index === NOWHERE) {
    if (anchor.program !== undefined || wish.flags !== 0) fail(Errno.EINVAL, 'say whether before or behind');
    index = row.length;
  }
  const found = row[Math.min(Math.max(index, 0), row.length - 1)]!;
  return found.link === undefined ? found : fail(Errno.EBUSY, 'the program is there by a link: detach that');
}

/** @throws SyscallError ESTALE when the row changed since the revision that is expected; 0 expects none. */
export function checkRevision(sys: SyscallContext, hook: string, { revision }: Wish): void {
  if (revision !== 0n && revision !== BigInt(sys.hooks.revision(hook)))
    fail(Errno.ESTALE, `the row changed: its revision is ${sys.hooks.revision(hook)}`);
}

/** The program or link that the place is relative to. */
function anchorOf(sys: SyscallContext, { flags, relative }: Wish, type: number | undefined): Anchor {
  const byId = (flags & BPF_F_ID) !== 0;
  if ((flags & BPF_F_LINK) !== 0) {
    const link = byId ? sys.hooks.ids.get(relative) : relative === 0 ? undefined : linkOf(sys, relative);
    if (link === undefined) fail(byId ? Errno.ENOENT : Errno.EINVAL, `there is no link ${relative}`);
    if (type !== undefined && link.program.type !== type) fail(Errno.EINVAL, 'the link is of another type');
    return { link, program: link.program };
  }
  if (!byId && relative === 0) return {};
  const program = byId ? sys.machine.programs.get(relative) : programOf(sys, relative);
  if (program === undefined) fail(Errno.ENOENT, `there is no program ${relative}`);
  if (type !== undefined && program.type !== type) fail(Errno.EINVAL, 'the program is of another type');
  return { program };
}

function exactIndex(
  row: readonly Attachment[],
  program: LoadedProgram | undefined,
  link: KernelLink | undefined,
): number {
  const index = row.findIndex((other) => other.program === program);
  if (index < 0) fail(Errno.ENOENT, 'the program is not there');
  if (row[index]?.link !== link) fail(Errno.EBUSY, 'the program is there by a link');
  return index;
}

/** Applies BPF_F_BEFORE and BPF_F_AFTER; the index in front of the place, or that of the place. */
function relativeIndex(row: readonly Attachment[], anchor: Anchor, flags: number, known: number): number {
  let index = known;
  const at = row.findIndex(
    (other) => other.program === anchor.program && (anchor.link === undefined || other.link === anchor.link),
  );
  const missing = at < 0 && anchor.program !== undefined;
  const steps: readonly (readonly [flag: number, found: number])[] = [
    [BPF_F_BEFORE, at < 0 ? -1 : at - 1],
    [BPF_F_AFTER, at < 0 ? row.length : at + 1],
  ];
  for (const [flag, found] of steps) {
    if ((flags & flag) === 0) continue;
    if (missing) fail(Errno.ENOENT, 'what the place is relative to is not there');
    if (index !== NOWHERE && index !== found) fail(Errno.ERANGE, 'the places contradict each other');
    index = found;
  }
  return index;
}
