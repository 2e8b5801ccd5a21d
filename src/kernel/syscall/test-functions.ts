/**
 * The kernel's own functions to be traced in test runs: calls of them with known arguments (bpf_prog_test_run_tracing in
 * net/bpf/test_run.c), which run the programs that are attached there.
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A } from '../../spec/index.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';

interface TestCall {
  readonly name: string;
  readonly args: readonly number[];
  readonly returns: number;
}

const ENTRY_CALLS: readonly TestCall[] = [
  { name: 'bpf_fentry_test1', args: [1], returns: 2 },
  { name: 'bpf_fentry_test2', args: [2, 3], returns: 5 },
  { name: 'bpf_fentry_test3', args: [4, 5, 6], returns: 15 },
  { name: 'bpf_fentry_test4', args: [7, 8, 9, 10], returns: 34 },
  { name: 'bpf_fentry_test5', args: [11, 12, 13, 14, 15], returns: 65 },
  { name: 'bpf_fentry_test6', args: [16, 17, 18, 19, 20, 21], returns: 111 },
  { name: 'bpf_fentry_test7', args: [0], returns: 0 },
];

/** What the two functions of the other test return, and whether they change the number they are given the address of. */
const MODIFY_CALLS: readonly TestCall[] = [
  { name: 'bpf_modify_return_test', args: [1, 0], returns: 4 },
  { name: 'bpf_modify_return_test2', args: [1, 0, 3, 4, 5, 6, 7], returns: 29 },
];

/** The functions' programs run; the result is what the system call reports: side effects above, returns below. */
export function runTestFunctions(sys: SyscallContext, attachType: number): number {
  switch (attachType) {
    case A.BPF_TRACE_FENTRY:
    case A.BPF_TRACE_FEXIT:
      for (const call of ENTRY_CALLS) callFunction(sys, call);
      return 0;
    case A.BPF_MODIFY_RETURN: {
      let returned = 0;
      let effects = 0;
      for (const call of MODIFY_CALLS) {
        const replaced = callFunction(sys, call);
        returned += replaced === 0 ? call.returns : replaced;
        if (replaced === 0) effects++;
      }
      return ((effects << 16) | (returned & 0xffff)) >>> 0;
    }
    default:
      return fail(Errno.EFAULT, 'programs of this attach type have no test run');
  }
}

/** Runs what is attached to a function. @returns what a program returns in the function's place, 0 when none does. */
function callFunction(sys: SyscallContext, { name, args, returns }: TestCall): number {
  const runs = sys.events.functionCall(name, args, { returns });
  return runs.find(({ hook, retval }) => hook.startsWith('fmod_ret:') && retval !== 0)?.retval ?? 0;
}
