/**
 * Programs of the network namespace: one flow dissector, and socket lookups by links
 * (kernel/bpf/net_namespace.c). There is one namespace.
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A, BpfLinkType } from '../../spec/index.ts';
import type { KernelLink, LinkRules } from '../attach/hooks.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { FLOW_DISSECTOR_HOOK } from '../packets/flow-dissector.ts';
import { SK_LOOKUP_HOOK } from '../sockets/sk-lookup.ts';
import type { Attributes } from './attributes.ts';
import { programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { queryRow } from './query-row.ts';

/** Links that fit at once: one flow dissector, 64 socket lookups. */
const MAX_LINKS: Readonly<Record<number, number>> = { [A.BPF_FLOW_DISSECTOR]: 1, [A.BPF_SK_LOOKUP]: 64 };

const HOOKS: Readonly<Record<number, string>> = {
  [A.BPF_FLOW_DISSECTOR]: FLOW_DISSECTOR_HOOK,
  [A.BPF_SK_LOOKUP]: SK_LOOKUP_HOOK,
};

function hookOf(attachType: number): string {
  return HOOKS[attachType] ?? fail(Errno.EINVAL, 'a network namespace has no such place');
}

/** The inode number of the namespace. @throws SyscallError EINVAL, EBADF when a descriptor is none's. */
function namespaceOf(sys: SyscallContext, fd: number): number {
  const file = sys.fds.get(fd);
  if (file === undefined) fail(Errno.EBADF, `descriptor ${fd} is not open`);
  if (file.kind !== 'path' || file.node.kind !== 'netns')
    fail(Errno.EINVAL, `descriptor ${fd} is no network namespace`);
  return sys.paths.idOf(file.node);
}

/** BPF_PROG_ATTACH to a network namespace (netns_bpf_prog_attach). */
export function netnsAttach(
  sys: SyscallContext,
  attr: Attributes<'BPF_PROG_ATTACH'>,
  program: LoadedProgram,
): number {
  if (attr.u32('target_fd') !== 0 || attr.u32('attach_flags') !== 0 || attr.u32('replace_bpf_fd') !== 0)
    fail(Errno.EINVAL, 'the flow dissector is that of the own namespace and has no flags');
  const hook = hookOf(attr.u32('attach_type'));
  const [there] = sys.hooks.at(hook);
  if (there?.link !== undefined) fail(Errno.EEXIST, 'a link holds the place');
  if (attr.u32('attach_type') !== A.BPF_FLOW_DISSECTOR || there?.program === program)
    fail(Errno.EINVAL, 'the program cannot be attached so, or it is attached already');
  if (there === undefined) sys.hooks.place(hook, program);
  else there.replace(program);
  return 0;
}

/** BPF_PROG_DETACH from a network namespace (netns_bpf_prog_detach). */
export function netnsDetach(sys: SyscallContext, attr: Attributes<'BPF_PROG_DETACH'>, type: number): number {
  if (attr.u32('target_fd') !== 0) fail(Errno.EINVAL, 'target_fd must be 0');
  const hook = hookOf(attr.u32('attach_type'));
  const program = programOf(sys, attr.u32('attach_bpf_fd'));
  if (program.type !== type) fail(Errno.EINVAL, 'the program is of another type');
  const [there] = sys.hooks.at(hook);
  if (there?.link !== undefined) fail(Errno.EINVAL, 'the program is there by a link');
  if (there?.program !== program) fail(Errno.ENOENT, 'the program is not attached');
  sys.hooks.remove(there);
  return 0;
}

/** BPF_PROG_QUERY of a network namespace (netns_bpf_prog_query). */
export function netnsQuery(sys: SyscallContext, attr: Attributes<'BPF_PROG_QUERY'>): number {
  if (attr.u32('query_flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const hook = hookOf(attr.u32('attach_type'));
  namespaceOf(sys, attr.u32('target_fd'));
  return queryRow(sys, attr, sys.hooks.at(hook), { flags: 0 });
}

/** BPF_LINK_CREATE in a network namespace (netns_bpf_link_create). */
export function netnsLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const attachType = attr.u32('attach_type');
  const hook = hookOf(attachType);
  const inode = namespaceOf(sys, attr.u32('target_fd'));
  const row = sys.hooks.at(hook);
  if (row.filter((one) => one.link !== undefined).length >= (MAX_LINKS[attachType] ?? 0))
    fail(Errno.E2BIG, 'no further link fits');
  if (row.some((one) => one.link === undefined))
    fail(Errno.EEXIST, 'a program holds the place without a link');
  const rules: LinkRules = {
    detachable: true,
    checkUpdate: (next, link, old) => {
      if (old !== undefined && old !== link.program) return -Errno.EPERM;
      if (next.type !== link.program.type) return -Errno.EINVAL;
      return link.isAttached ? 0 : -Errno.ENOLINK;
    },
  };
  const link: KernelLink = sys.hooks.link(
    BpfLinkType.BPF_LINK_TYPE_NETNS,
    sys.hooks.place(hook, program),
    rules,
    () => ({ netns_ino: link.isAttached ? inode : 0, attach_type: attachType }),
  );
  return link;
}
