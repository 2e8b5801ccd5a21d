/**
 * BPF_ITER_CREATE (bpf_iter_new_fd in kernel/bpf/bpf_iter.c). The descriptor is made and counted; reading it, which would run the program for
 * each object, is not simulated.
 */
import { Errno } from '../../base/errno.ts';
import { BpfLinkType } from '../../spec/index.ts';
import type { Attributes } from './attributes.ts';
import { linkOf, openFile, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

export function iterCreate(sys: SyscallContext, attr: Attributes<'BPF_ITER_CREATE'>): number {
  attr.checkUnused();
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const link = linkOf(sys, attr.u32('link_fd'));
  if (link.type !== BpfLinkType.BPF_LINK_TYPE_ITER) fail(Errno.EINVAL, 'the link is no iterator');
  return openFile(sys, { kind: 'iterator', held: link.program });
}
