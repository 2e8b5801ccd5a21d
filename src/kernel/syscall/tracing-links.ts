/**
 * Links of tracing programs: raw tracepoints, functions by trampoline, perf events, iterators (bpf_raw_tp_link_attach,
 * bpf_tracing_prog_attach, bpf_perf_link_attach in kernel/bpf/syscall.c; bpf_iter_link_attach in kernel/bpf/bpf_iter.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A, BpfLinkType, BpfProgType as P } from '../../spec/index.ts';
import type { KernelLink, LinkDetails, LinkRules } from '../attach/hooks.ts';
import { linkIterator } from '../iterators/link.ts';
import { type IteratorChoice, iteratorKind, MAP_KINDS } from '../iterators/target.ts';
import type { TaskChoice } from '../iterators/tasks.ts';
import { attachName, type LoadedProgram } from '../objects/loaded-program.ts';
import { PerfEvent } from '../objects/perf-events.ts';
import type { Attributes } from './attributes.ts';
import { mapOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** Links that can be closed and nothing else. */
const FIXED: LinkRules = { detachable: false };

/** A program at a raw tracepoint, or, for programs that name a BTF type, where that says. `name`: undefined for NULL. */
export function rawTracepointLink(
  sys: SyscallContext,
  program: LoadedProgram,
  name: (() => string) | undefined,
  cookie: bigint,
): KernelLink {
  switch (program.type) {
    case P.BPF_PROG_TYPE_TRACING:
    case P.BPF_PROG_TYPE_EXT:
    case P.BPF_PROG_TYPE_LSM:
      if (name !== undefined) fail(Errno.EINVAL, 'the program says itself where it attaches');
      if (program.type === P.BPF_PROG_TYPE_TRACING && program.expectedAttachType === A.BPF_TRACE_RAW_TP)
        return atTracepoint(sys, program, attachName(program).replace(/^btf_trace_/, ''), 'tp_btf', cookie);
      return trampolineLink(sys, program, { targetFd: 0, btfId: 0, cookie: 0n });
    case P.BPF_PROG_TYPE_RAW_TRACEPOINT:
    case P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: {
      const wanted = name?.() ?? fail(Errno.EFAULT, 'a raw tracepoint is named');
      if (!isTracepoint(sys, wanted)) fail(Errno.ENOENT, `there is no raw tracepoint '${wanted}'`);
      return atTracepoint(sys, program, wanted, 'raw_tracepoint', cookie);
    }
    default:
      return fail(Errno.EINVAL, 'programs of this type do not attach to raw tracepoints');
  }
}

/** Whether the kernel has a raw tracepoint: its types tell, where they are a real kernel's. */
function isTracepoint(sys: SyscallContext, name: string): boolean {
  const types = sys.machine.kernelTypes;
  const telling = types.some((btf) => btf.findByName('btf_trace_sys_enter', 'typedef') !== undefined);
  if (!telling) return /^[a-z_0-9]+$/i.test(name);
  return types.some((btf) => btf.findByName(`btf_trace_${name}`, 'typedef') !== undefined);
}

function atTracepoint(
  sys: SyscallContext,
  program: LoadedProgram,
  name: string,
  kind: 'raw_tracepoint' | 'tp_btf',
  cookie: bigint,
): KernelLink {
  const place = sys.hooks.place(`${kind}:${name}`, program, { cookie });
  return sys.hooks.link(BpfLinkType.BPF_LINK_TYPE_RAW_TRACEPOINT, place, FIXED, () => ({ tp_name: name }));
}

const TRAMPOLINES: Readonly<Record<number, string>> = {
  [A.BPF_TRACE_FENTRY]: 'fentry',
  [A.BPF_TRACE_FEXIT]: 'fexit',
  [A.BPF_MODIFY_RETURN]: 'fmod_ret',
  [A.BPF_LSM_MAC]: 'lsm',
};

/** A program at the entry or return of a function. */
export function trampolineLink(
  sys: SyscallContext,
  program: LoadedProgram,
  target: { readonly targetFd: number; readonly btfId: number; readonly cookie: bigint },
): KernelLink {
  const kind = TRAMPOLINES[program.expectedAttachType];
  const isLsm = program.type === P.BPF_PROG_TYPE_LSM;
  if (kind === undefined || isLsm !== (kind === 'lsm'))
    fail(Errno.EINVAL, 'the program does not attach to functions');
  if ((target.targetFd !== 0) !== (target.btfId !== 0))
    fail(Errno.EINVAL, 'a target program and a BTF id go together');
  // Attaching to programs takes an extension, which no verifier here lets through.
  if (target.targetFd !== 0)
    fail(Errno.EINVAL, 'the program cannot be attached elsewhere than it was loaded for');
  const hook = `${kind}:${attachName(program)}`;
  if (sys.hooks.at(hook).some((one) => one.program === program))
    fail(Errno.EBUSY, 'the program is attached already');
  const place = sys.hooks.place(hook, program, { cookie: target.cookie });
  const { attachBtf, attachBtfId = 0 } = program.facts;
  return sys.hooks.link(BpfLinkType.BPF_LINK_TYPE_TRACING, place, FIXED, () => ({
    attach_type: program.expectedAttachType,
    target_obj_id: attachBtf?.id ?? 0,
    target_btf_id: attachBtfId,
  }));
}

/** A program at a perf event: of a tracepoint or of a function's entry or return. */
export function perfEventLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const file = sys.fds.get(attr.s32('target_fd'));
  if (file?.kind !== 'perf-event') fail(Errno.EBADF, `descriptor ${attr.s32('target_fd')} is no perf event`);
  const { event } = file;
  const fits = event instanceof PerfEvent && PERF_PROGRAMS[event.target.kind] === program.type;
  if (!fits || event.hook === undefined) fail(Errno.EINVAL, 'the program does not fit this perf event');
  if (event.attached?.link?.isAttached === true) fail(Errno.EEXIST, 'the event has a program already');
  const place = sys.hooks.place(event.hook, program, { cookie: attr.u64('perf_event.bpf_cookie') });
  event.attached = place;
  return sys.hooks.link(BpfLinkType.BPF_LINK_TYPE_PERF_EVENT, place, FIXED, () =>
    perfDetails(event, place.cookie),
  );
}

const PERF_PROGRAMS: Readonly<Record<string, number>> = {
  tracepoint: P.BPF_PROG_TYPE_TRACEPOINT,
  kprobe: P.BPF_PROG_TYPE_KPROBE,
  kretprobe: P.BPF_PROG_TYPE_KPROBE,
};

// enum bpf_perf_event_type.
const PERF_EVENT_KPROBE = 3;
const PERF_EVENT_KRETPROBE = 4;
const PERF_EVENT_TRACEPOINT = 5;

function perfDetails({ target }: PerfEvent, cookie: bigint): LinkDetails {
  switch (target.kind) {
    case 'tracepoint':
      // The kernel tells the tracepoint's name without its category.
      return { type: PERF_EVENT_TRACEPOINT, tp_name: target.name.replace(/^.*\//, ''), cookie };
    case 'kprobe':
    case 'kretprobe': {
      const type = target.kind === 'kprobe' ? PERF_EVENT_KPROBE : PERF_EVENT_KRETPROBE;
      return { type, func_name: target.symbol, kprobe_offset: target.offset ?? 0, kprobe_cookie: cookie };
    }
    case 'software':
      return {};
  }
}

/** A program that an iterator runs for each object of a kind. */
export function iteratorLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  if (attr.u32('target_fd') !== 0 || attr.u32('flags') !== 0)
    fail(Errno.EINVAL, 'target_fd and flags must be 0');
  const address = attr.word('iter_info');
  const size = attr.u32('iter_info_len');
  if ((address === 0) !== (size === 0)) fail(Errno.EINVAL, 'iter_info and its length go together');
  const info = sys.user.readKnown(address, size, ITER_INFO_BYTES);
  const choice = iteratorChoice(sys, iteratorKind(program), new DataView(info.buffer));
  return linkIterator(sys.machine, sys.hooks, program, choice);
}

/** Reads union bpf_iter_link_info. @throws SyscallError EBADF, EINVAL. */
function iteratorChoice(sys: SyscallContext, kind: string, info: DataView): IteratorChoice {
  const word = (offset: number): number => info.getUint32(offset, true);
  if (MAP_KINDS.includes(kind)) return word(0) === 0 ? {} : { map: mapOf(sys, word(0)) };
  switch (kind) {
    case 'task':
    case 'task_file':
    case 'task_vma':
      return { tasks: taskChoice(sys, word(0), word(4), word(8)) };
    default:
      return {};
  }
}

/** bpf_iter_attach_task. */
function taskChoice(sys: SyscallContext, tid: number, pid: number, pidFd: number): TaskChoice {
  if ([tid, pid, pidFd].filter((given) => given !== 0).length > 1)
    fail(Errno.EINVAL, 'name a thread, a process or a pidfd');
  if (tid !== 0) return { kind: 'thread', id: tid };
  if (pid !== 0) return { kind: 'process', id: pid };
  if (pidFd === 0) return { kind: 'all' };
  const file = sys.fds.get(pidFd | 0);
  if (file?.kind !== 'pidfd') fail(Errno.EBADF, `descriptor ${pidFd | 0} is no pidfd`);
  return { kind: 'process', id: sys.machine.tasks.at(file.task.address)?.pid ?? 0 };
}

/** sizeof(union bpf_iter_link_info). */
const ITER_INFO_BYTES = 16;
