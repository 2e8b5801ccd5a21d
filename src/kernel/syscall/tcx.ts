/**
 * Programs at the tc hooks of a device, by the row that bpf(2) keeps there (kernel/bpf/tcx.c). In the simulated devices it is the same row
 * in which tc's own classifiers stand.
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType, BpfLinkType, BpfProgType } from '../../spec/index.ts';
import type { KernelLink, LinkRules } from '../attach/hooks.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import { programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { BPF_F_REPLACE, placeFor, placeToLeave, type Wish } from './multi-program.ts';
import { queryRow } from './query-row.ts';

/** The hook of a device and direction. @throws SyscallError ENODEV. */
function hookOf(sys: SyscallContext, ifindex: number, attachType: number): string {
  const device = sys.devices.byIndex(ifindex);
  if (device === undefined) fail(Errno.ENODEV, `there is no device ${ifindex}`);
  const direction = attachType === BpfAttachType.BPF_TCX_INGRESS ? 'ingress' : 'egress';
  return `tc/${direction}:${device.name}`;
}

function wishOf(attr: Attributes<'BPF_PROG_ATTACH' | 'BPF_PROG_DETACH'>): Wish {
  return {
    flags: attr.u32('attach_flags'),
    relative: attr.u32('relative_fd'),
    revision: attr.u64('expected_revision'),
  };
}

/** BPF_PROG_ATTACH to a device (tcx_prog_attach). */
export function tcxAttach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_ATTACH'>,
  program: LoadedProgram,
): number {
  const hook = hookOf(sys, attr.u32('target_ifindex'), attr.u32('attach_type'));
  const wish = wishOf(attr);
  const replacing = (wish.flags & BPF_F_REPLACE) !== 0;
  const old = replacing ? programOf(sys, attr.u32('replace_bpf_fd')) : undefined;
  if (old !== undefined && old.type !== BpfProgType.BPF_PROG_TYPE_SCHED_CLS)
    fail(Errno.EINVAL, 'the program to replace is of another type');
  const index = placeFor(sys, hook, program, wish, { program: old, link: undefined });
  if (replacing) {
    sys.hooks.at(hook)[index]?.replace(program);
    sys.hooks.bump(hook);
  } else {
    sys.hooks.place(hook, program, { index });
  }
  return 0;
}

/** BPF_PROG_DETACH from a device (tcx_prog_detach). */
export function tcxDetach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_DETACH'>,
  program: LoadedProgram | undefined,
): number {
  const hook = hookOf(sys, attr.u32('target_ifindex'), attr.u32('attach_type'));
  if (sys.hooks.at(hook).length === 0) fail(Errno.ENOENT, 'nothing is attached');
  sys.hooks.remove(placeToLeave(sys, hook, program, wishOf(attr)));
  return 0;
}

/** BPF_PROG_QUERY of a device (tcx_prog_query). */
export function tcxQuery(sys: SyscallContext, attr: Attributes<'BPF_PROG_QUERY'>): number {
  const hook = hookOf(sys, attr.u32('target_ifindex'), attr.u32('attach_type'));
  if (attr.u32('query_flags') !== 0 || attr.u32('attach_flags') !== 0)
    fail(Errno.EINVAL, 'a device has no effective programs to ask for');
  return queryRow(sys, attr, sys.hooks.at(hook), { flags: 0, revision: BigInt(sys.hooks.revision(hook)) });
}

/** A link at a device's tc hook. */
export function tcxLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  const ifindex = attr.u32('target_ifindex');
  const attachType = attr.u32('attach_type');
  const hook = hookOf(sys, ifindex, attachType);
  const index = placeFor(sys, hook, program, {
    flags: attr.u32('flags'),
    relative: attr.u32('relative_fd'),
    revision: attr.u64('expected_revision'),
  });
  const rules: LinkRules = {
    detachable: true,
    checkUpdate: (next, link, old) => {
      if (!link.isAttached) return -Errno.ENOLINK;
      if (old !== undefined && old !== link.program) return -Errno.EPERM;
      const there = sys.hooks.at(hook).some((other) => other.program === next && other.link !== link);
      return there ? -Errno.EEXIST : next.type === link.program.type ? 0 : -Errno.EINVAL;
    },
    onUpdate: (changed) => {
      if (changed) sys.hooks.bump(hook);
    },
  };
  const link: KernelLink = sys.hooks.link(
    BpfLinkType.BPF_LINK_TYPE_TCX,
    sys.hooks.place(hook, program, { index }),
    rules,
    () => ({ ifindex: link.isAttached ? ifindex : 0, attach_type: attachType }),
  );
  return link;
}
