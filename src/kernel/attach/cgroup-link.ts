/** Attaching programs to cgroups, as far as the library and bpf(2) do it alike (__cgroup_bpf_attach in kernel/bpf/cgroup.c). */
import { Errno, SyscallError } from '../../base/errno.ts';
import { BpfLinkType } from '../../spec/index.ts';
import type { Machine } from '../machine/machine.ts';
import type { PathNode } from '../objects/files.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import {
  attachValues,
  BPF_F_ALLOW_MULTI,
  cgroupHook,
  parentsAllow,
  ROW_FLAGS,
  rowFlags,
} from './cgroup-programs.ts';
import type { HookTable, KernelLink, LinkRules } from './hooks.ts';

/** BPF_CGROUP_MAX_PROGS. */
const MAX_PROGRAMS = 64;

/** Whether one more program with these flags may be attached. @throws SyscallError EPERM, E2BIG. */
export function checkRow(hooks: HookTable, directory: PathNode, attachType: number, flags: number): void {
  const row = hooks.at(cgroupHook(directory, attachType));
  if (!parentsAllow(hooks, directory, attachType))
    throw new SyscallError(Errno.EPERM, 'a cgroup above has a program that may not be overridden');
  if (row.length > 0 && rowFlags(row) !== (flags & ROW_FLAGS))
    throw new SyscallError(Errno.EPERM, 'the programs that are there were attached with other flags');
  if (row.length >= MAX_PROGRAMS)
    throw new SyscallError(Errno.E2BIG, `a cgroup takes ${MAX_PROGRAMS} programs`);
}

/** Makes the values that the program has for the cgroup in its cgroup storage maps. @throws SyscallError ENOMEM. */
export function makeValues(
  machine: Machine,
  program: LoadedProgram,
  directory: PathNode,
  attachType: number,
): void {
  if (attachValues(program, machine.objects.cgroups.of(directory), attachType) !== 0)
    throw new SyscallError(Errno.ENOMEM, 'there is no memory for a value of a cgroup storage map');
}

/** Where a link puts its program. */
export interface CgroupPlace {
  readonly directory: PathNode;
  readonly attachType: number;
  /** BPF_F_ALLOW_MULTI and others. */
  readonly flags: number;
  /** Position in the row. */
  readonly index: number;
}

/** A link of a program at a place that was found to be free for it. Nobody holds the link yet. @throws SyscallError ENOMEM. */
export function linkAt(
  machine: Machine,
  hooks: HookTable,
  program: LoadedProgram,
  { directory, attachType, flags, index }: CgroupPlace,
): KernelLink {
  makeValues(machine, program, directory, attachType);
  const hook = cgroupHook(directory, attachType);
  const { cgroups, paths } = machine.objects;
  const rules: LinkRules = {
    detachable: true,
    checkUpdate: (next, link, old) => {
      if (!link.isAttached) return -Errno.ENOLINK;
      if (old !== undefined && old !== link.program) return -Errno.EPERM;
      if (next.type !== link.program.type) return -Errno.EINVAL;
      return attachValues(next, cgroups.of(directory), attachType);
    },
    onUpdate: () => {
      hooks.bump(hook);
    },
  };
  const link: KernelLink = hooks.link(
    BpfLinkType.BPF_LINK_TYPE_CGROUP,
    hooks.place(hook, program, { index, flags }),
    rules,
    () => ({ cgroup_id: link.isAttached ? paths.idOf(directory) : 0, attach_type: attachType }),
  );
  return link;
}

/** A link behind the programs that are there, as bpf_program__attach_cgroup of libbpf makes it. @throws SyscallError EPERM, E2BIG, ENOMEM. */
export function linkBehind(
  machine: Machine,
  hooks: HookTable,
  program: LoadedProgram,
  directory: PathNode,
): KernelLink {
  const attachType = program.expectedAttachType;
  checkRow(hooks, directory, attachType, BPF_F_ALLOW_MULTI);
  const index = hooks.at(cgroupHook(directory, attachType)).length;
  return linkAt(machine, hooks, program, { directory, attachType, flags: BPF_F_ALLOW_MULTI, index });
}
