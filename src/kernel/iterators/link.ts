/** Links of iterators (bpf_iter_link_attach in kernel/bpf/bpf_iter.c). */
import { Errno } from '../../base/errno.ts';
import { BpfLinkType } from '../../spec/index.ts';
import type { HookTable, KernelLink, LinkRules } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { type IteratorChoice, IteratorTarget } from './target.ts';

/** The link of an iterator whose target is known. @throws SyscallError as IteratorTarget. */
export function linkIterator(
  machine: Machine,
  hooks: HookTable,
  program: LoadedProgram,
  choice: IteratorChoice,
): KernelLink {
  const iterator = new IteratorTarget(machine, hooks, program, choice);
  const rules: LinkRules = {
    detachable: false,
    iterator,
    checkUpdate: (next, link, old) => {
      if (old !== undefined && old !== link.program) return -Errno.EPERM;
      const same =
        next.type === link.program.type &&
        next.expectedAttachType === link.program.expectedAttachType &&
        next.facts.attachBtfId === link.program.facts.attachBtfId;
      return same ? 0 : -Errno.EINVAL;
    },
    onRelease: () => {
      iterator.release();
    },
  };
  const place = hooks.place(`iter:${iterator.kind}`, program);
  return hooks.link(BpfLinkType.BPF_LINK_TYPE_ITER, place, rules, () => iterator.describe());
}
