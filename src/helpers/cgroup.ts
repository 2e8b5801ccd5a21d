/**
 * Who belongs to a cgroup of a BPF_MAP_TYPE_CGROUP_ARRAY: the current task (kernel/trace/bpf_trace.c), the socket of a packet
 * (net/core/filter.c).
 */
import { Errno } from '../base/errno.ts';
import type { CgroupRef } from '../maps/index.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';
import type { HelperRuntime } from './runtime.ts';

/** Membership in the cgroups of a map. */
export const cgroupHelpers: FamilyMaker = (runtime) => ({
  bpf_current_task_under_cgroup: plain((map, index) => {
    const cgroup = cgroupIn(runtime, 'bpf_current_task_under_cgroup', map, index >>> 0);
    if (typeof cgroup === 'number') return cgroup;
    return runtime.currentTaskIsUnder(cgroup) ? 1 : 0;
  }),

  bpf_skb_under_cgroup: plain((_context, map, index) => {
    const socket = runtime.packet()?.socket;
    if (socket === undefined) return -Errno.ENOENT;
    const cgroup = cgroupIn(runtime, 'bpf_skb_under_cgroup', map, index >>> 0);
    if (typeof cgroup === 'number') return cgroup;
    return socket.isUnder(cgroup) ? 1 : 0;
  }),
});

/** The cgroup in a slot: E2BIG when there is no such slot, EAGAIN when it is empty. */
function cgroupIn(
  runtime: HelperRuntime,
  helper: string,
  address: number,
  index: number,
): CgroupRef | number {
  const map = needMap(runtime, helper, address);
  if (map.cgroupAt === undefined) throw unsupported(map, helper);
  if (index >= map.attr.maxEntries) return -Errno.E2BIG;
  return map.cgroupAt(index) ?? -Errno.EAGAIN;
}
