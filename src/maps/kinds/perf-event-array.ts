/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY: perf events by index, mostly one for each CPU, to which programs send samples
 * (perf_event_fd_array_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../flags.ts';
import type { PerfEventRef } from '../ports.ts';
import { FdArrayMap } from '../slots/fd-array.ts';
import { userWord } from '../values/copy.ts';

/** Perf events by index, usually one for each CPU, that programs write records to. */
export class PerfEventArrayMap extends FdArrayMap<PerfEventRef> {
  /** User space cannot read a slot. */
  protected readonly idOf = undefined;
  /** Through which open file of the map an event came, by slot. */
  private readonly files = new Map<number, { readonly file: object; readonly event: PerfEventRef }>();

  /**
   * Notes that the event of a slot came through an open file of the map: it stays no longer than that is open, unless the map was made
   * with BPF_F_PRESERVE_ELEMS (perf_event_fd_array_release).
   */
  bindToFile(key: Uint8Array, file: object): void {
    if ((this.attr.flags & MapFlag.BPF_F_PRESERVE_ELEMS) !== 0) return;
    const index = userWord(key, 0);
    const event = this.at(index);
    if (event !== undefined) this.files.set(index, { file, event });
  }

  /** An open file of the map is closed: the events that came through it go. */
  fileClosed(file: object): void {
    for (const [index, bound] of this.files) {
      if (bound.file !== file) continue;
      this.files.delete(index);
      if (this.at(index) === bound.event) this.remove(index);
    }
  }

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
