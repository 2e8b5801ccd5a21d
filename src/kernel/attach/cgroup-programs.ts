/**
 * Which programs run for a cgroup: the rows of hooks that its directory and those above have, one an attach type, and the values that
 * attachments have in cgroup storage maps (kernel/bpf/cgroup.c).
 */
import { Errno } from '../../base/errno.ts';
import type { Cgroup } from '../objects/cgroups.ts';
import type { PathNode } from '../objects/files.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { pathOf } from '../objects/paths.ts';
import type { Attachment, HookTable } from './hooks.ts';

export const BPF_F_ALLOW_OVERRIDE = 1 << 0;
export const BPF_F_ALLOW_MULTI = 1 << 1;
export const BPF_F_PREORDER = 1 << 6;
/** Flags that all programs of a row have in common. */
export const ROW_FLAGS = BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI;

/** The hook of a cgroup's programs of one attach type. */
export function cgroupHook(directory: PathNode, attachType: number): string {
  return `cgroup${pathOf(directory)}:${attachType}`;
}

/** The cgroup above; undefined for the root. */
function cgroupAbove(directory: PathNode): PathNode | undefined {
  return directory.parent?.kind === 'cgroup' ? directory.parent : undefined;
}

/** Flags of a cgroup's row: those of every program in it. */
export function rowFlags(row: readonly Attachment[]): number {
  return (row[0]?.flags ?? 0) & ROW_FLAGS;
}

/** A program that runs for a cgroup, and the directory of the one at which it is attached. */
export interface Effective {
  readonly attachment: Attachment;
  readonly directory: PathNode;
}

/**
 * The programs that run for a cgroup: its own, then those of the cgroups above, if those let others run beside them; those with
 * BPF_F_PREORDER first, from the root down (compute_effective_progs).
 */
export function effectivePrograms(hooks: HookTable, directory: PathNode, attachType: number): Effective[] {
  const early: Effective[] = [];
  const late: Effective[] = [];
  for (let at: PathNode | undefined = directory; at !== undefined; at = cgroupAbove(at)) {
    const row = hooks.at(cgroupHook(at, attachType));
    const some = early.length + late.length > 0;
    if (some && (rowFlags(row) & BPF_F_ALLOW_MULTI) === 0) continue;
    const here = at;
    const found = row.map((attachment) => ({ attachment, directory: here }));
    early.unshift(...found.filter(({ attachment }) => (attachment.flags & BPF_F_PREORDER) !== 0));
    late.push(...found.filter(({ attachment }) => (attachment.flags & BPF_F_PREORDER) === 0));
  }
  return [...early, ...late];
}

/** Whether the cgroups above let this one have programs of its own (hierarchy_allows_attach). */
export function parentsAllow(hooks: HookTable, directory: PathNode, attachType: number): boolean {
  for (let above = cgroupAbove(directory); above !== undefined; above = cgroupAbove(above)) {
    const row = hooks.at(cgroupHook(above, attachType));
    const flags = rowFlags(row);
    if ((flags & BPF_F_ALLOW_MULTI) !== 0) return true;
    if (row.length === 1) return (flags & BPF_F_ALLOW_OVERRIDE) !== 0;
  }
  return true;
}

/** Makes the values that a program's cgroup storage maps have for a cgroup (bpf_cgroup_storages_alloc): 0 or -ENOMEM. */
export function attachValues(program: LoadedProgram, cgroup: Cgroup, attachType: number): number {
  for (const { map } of program.usedMaps)
    if (map.cgroupValues !== undefined && map.cgroupValues.attach(cgroup, attachType) !== 0)
      return -Errno.ENOMEM;
  return 0;
}
