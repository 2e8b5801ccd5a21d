/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY: perf events by index, mostly one for each CPU, to which programs send samples
 * (perf_event_fd_array_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../base/errno.ts';
import { FdArrayMap } from './fd-array.ts';
import type { PerfEventRef } from './ports.ts';

export class PerfEventArrayMap extends FdArrayMap<PerfEventRef> {
  /** User space cannot read a slot. */
  protected readonly idOf = undefined;

  eventAt(index: number): PerfEventRef | undefined {
    return this.at(index);
  }

  protected resolve(fd: number): PerfEventRef | number {
    return this.env.perfEventByFd?.(fd) ?? -Errno.EBADF;
  }

  /** One more than the event's CPU, so that it is not 0. */
  protected handleOf(event: PerfEventRef): number {
    return event.cpu + 1;
  }

  protected refuse(): number {
    return 0;
  }
}
