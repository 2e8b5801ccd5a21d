/**
 * bpf_perf_event_output (kernel/trace/bpf_trace.c, net/core/filter.c): a sample to the perf event in a slot of a
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY, for networking programs with the first bytes of the packet behind it.
 */
import { Errno } from '../base/errno.ts';
import type { BpfMap, PerfEventRef } from '../maps/index.ts';
import { BpfProgType } from '../spec/index.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';
import { PacketWindow } from './packet-window.ts';
import type { HelperRuntime } from './runtime.ts';

/** The low half of BPF_F_CURRENT_CPU. */
const CURRENT_CPU = -1;
/** The high half of BPF_F_CTXLEN_MASK. */
const CONTEXT_LENGTH_MASK = 0xfffff;

/** Program types whose samples may carry bytes of the packet. */
const PACKET_TYPES: ReadonlyMap<number, 'xdp' | 'skb'> = new Map([
  [BpfProgType.BPF_PROG_TYPE_XDP, 'xdp'],
  [BpfProgType.BPF_PROG_TYPE_SOCKET_FILTER, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_SCHED_CLS, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_SCHED_ACT, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_CGROUP_SKB, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_LWT_IN, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_LWT_OUT, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_LWT_XMIT, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_LWT_SEG6LOCAL, 'skb'],
  [BpfProgType.BPF_PROG_TYPE_SK_SKB, 'skb'],
]);

/** bpf_perf_event_output. */
export const perfHelpers: FamilyMaker = (runtime) => {
  const window = new PacketWindow(runtime);

  return {
    bpf_perf_event_output: plain((_context, address, flagsLo, flagsHi, data, size) => {
      const map = needMap(runtime, 'bpf_perf_event_output', address);
      const kind = PACKET_TYPES.get(runtime.runningProgram().type);
      const known = kind === undefined ? 0 : CONTEXT_LENGTH_MASK;
      if ((flagsHi & ~known) !== 0) return -Errno.EINVAL;
      if (kind !== undefined) {
        window.open(kind, 'bpf_perf_event_output');
        if (flagsHi > window.length) return -Errno.EFAULT;
      }
      const event = eventFor(runtime, map, flagsLo);
      if (typeof event === 'number') return event;
      return event.output(data >>> 0, size >>> 0, window.data, flagsHi);
    }),
  };
};

/** The perf event that an index stands for, or an errno: it must be open, for samples of programs, and on this CPU. */
function eventFor(runtime: HelperRuntime, map: BpfMap, flags: number): PerfEventRef | number {
  if (map.eventAt === undefined) throw unsupported(map, 'bpf_perf_event_output');
  const cpu = runtime.currentCpu();
  const index = flags === CURRENT_CPU ? cpu : flags >>> 0;
  if (index >= map.attr.maxEntries) return -Errno.E2BIG;
  const event = map.eventAt(index);
  if (event === undefined) return -Errno.ENOENT;
  if (!event.isBpfOutput) return -Errno.EINVAL;
  return event.cpu === cpu ? event : -Errno.EOPNOTSUPP;
}
