/** BPF_TASK_FD_QUERY (bpf_task_fd_query in kernel/bpf/syscall.c, bpf_get_perf_event_info in kernel/trace/bpf_trace.c). */
import { Errno } from '../../base/errno.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { BpfLinkType } from '../../spec/index.ts';
import { PerfEvent } from '../objects/perf-events.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { putString } from './info-struct.ts';

/** enum bpf_task_fd_type. */
const FdType = { rawTracepoint: 0, tracepoint: 1, kprobe: 2, kretprobe: 3 } as const;

interface Answer {
  readonly programId: number;
  readonly fdType: number;
  readonly name: string;
  readonly offset: number;
}

/** All tasks of the simulated process share its descriptors; other processes have none. */
export function taskFdQuery(sys: SyscallContext, attr: Attributes<'BPF_TASK_FD_QUERY'>): number {
  attr.checkUnused();
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  const { machine } = sys;
  const task = machine.tasks.get(attr.u32('pid'));
  if (task === undefined) fail(Errno.ENOENT, `there is no task ${attr.u32('pid')}`);
  const own = task.tgid === machine.current.task.tgid;
  const file = own ? sys.fds.get(attr.s32('fd')) : undefined;
  if (file === undefined) fail(Errno.EBADF, `descriptor ${attr.s32('fd')} is not open there`);
  if (file.kind === 'link' && file.link.type === BpfLinkType.BPF_LINK_TYPE_RAW_TRACEPOINT) {
    const name = String(file.link.describe().tp_name);
    return answer(sys, attr, {
      programId: file.link.program.id,
      fdType: FdType.rawTracepoint,
      name,
      offset: 0,
    });
  }
  if (file.kind !== 'perf-event' || !(file.event instanceof PerfEvent))
    fail(Errno.ENOTSUPP, `nothing is told of a ${file.kind}`);
  return answer(sys, attr, ofEvent(file.event));
}

function ofEvent({ attached, target }: PerfEvent): Answer {
  if (attached === undefined) fail(Errno.ENOENT, 'no program is attached to the event');
  const programId = attached.program.id;
  switch (target.kind) {
    case 'tracepoint':
      return { programId, fdType: FdType.tracepoint, name: target.name.replace(/^.*\//, ''), offset: 0 };
    case 'kprobe':
    case 'kretprobe':
      return { programId, fdType: FdType[target.kind], name: target.symbol, offset: target.offset ?? 0 };
    case 'software':
      return fail(Errno.EOPNOTSUPP, 'nothing is told of software events');
  }
}

/** The name as far as it fits, then all else; ENOSPC when it was cut. */
function answer(sys: SyscallContext, attr: Attributes<'BPF_TASK_FD_QUERY'>, found: Answer): number {
  const room = attr.u32('buf_len');
  const address = attr.word('buf');
  attr.put32('buf_len', encodeUtf8(found.name).length);
  const cut = room !== 0 && address !== 0 && putString(sys, address, room, found.name);
  attr.put32('prog_id', found.programId);
  attr.put32('fd_type', found.fdType);
  attr.put64('probe_offset', BigInt(found.offset));
  attr.put64('probe_addr', 0n);
  return cut ? fail(Errno.ENOSPC, 'the name does not fit its buffer') : 0;
}
