/** BPF_ITER_CREATE (bpf_iter_new_fd in kernel/bpf/bpf_iter.c). What reading the descriptor does is of kernel/iterators. */
import { Errno } from '../../base/errno.ts';
import type { Attributes } from './attributes.ts';
import { linkOf, openNew, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** BPF_ITER_CREATE (bpf_iter_create). */
export function iterCreate(sys: SyscallContext, attr: Attributes<'BPF_ITER_CREATE'>): number {
  attr.checkUnused();
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const { program, rules } = linkOf(sys, attr.u32('link_fd'));
  if (rules.iterator === undefined) fail(Errno.EINVAL, 'the link is no iterator');
  const session = rules.iterator.open(program);
  return openNew(sys, { kind: 'iterator', session, held: session });
}
