/**
 * File descriptors of the simulated process: one table for everything that a number can stand for. Opening takes a reference, closing
 * gives it back; the last one lets the object go.
 */
import { Errno } from '../../base/errno.ts';
import type { BpfMap, PerfEventRef, ProgRef } from '../../maps/index.ts';
import type { KernelFile } from './files.ts';
import type { LiveMap } from './live-map.ts';

/** First number that is handed out: 0 to 2 are the standard streams. */
const FIRST_FD = 3;
/** Numbers that a process may have open: RLIMIT_NOFILE's usual hard limit. */
const MAX_FDS = 1 << 20;

const STREAM: KernelFile = { kind: 'stream', held: { hold: () => undefined, release: () => undefined } };

/** Which file is behind which number. */
export class FdTable {
  private readonly files: (KernelFile | undefined)[] = [];

  /** The lowest free number, from now on `file`'s; -EMFILE when there is none. */
  open(file: KernelFile): number {
    const free = this.files.indexOf(undefined);
    const index = free < 0 ? this.files.length : free;
    if (index + FIRST_FD >= MAX_FDS) return -Errno.EMFILE;
    this.files[index] = file;
    file.held.hold();
    return index + FIRST_FD;
  }

  get(fd: number): KernelFile | undefined {
    return fd >= 0 && fd < FIRST_FD ? STREAM : this.files[fd - FIRST_FD];
  }

  /** Frees the number; the standard streams stay. @returns false when it is free already. */
  close(fd: number): boolean {
    const file = this.files[fd - FIRST_FD];
    if (file === undefined) return false;
    this.files[fd - FIRST_FD] = undefined;
    while (this.files.length > 0 && this.files.at(-1) === undefined) this.files.pop();
    file.held.release();
    return true;
  }

  /** How many are open. */
  get count(): number {
    return this.files.filter((file) => file !== undefined).length;
  }

  /** What is behind a number, for maps that store it; a negative errno when it is nothing or something else. */
  program(fd: number): ProgRef | number {
    const file = this.get(fd);
    if (file === undefined) return -Errno.EBADF;
    return file.kind === 'program' ? file.program : -Errno.EINVAL;
  }

  map(fd: number): LiveMap | number {
    const file = this.get(fd);
    if (file === undefined) return -Errno.EBADF;
    return file.kind === 'map' ? file.map : -Errno.EINVAL;
  }

  perfEvent(fd: number): PerfEventRef | number {
    const file = this.get(fd);
    return file?.kind === 'perf-event' ? file.event : -Errno.EBADF;
  }
}

/**
 * Stores an object in a map that holds such objects, as user space does it: by a file descriptor that it has for the moment. 0 or a
 * negative errno.
 */
export function updateByFd(
  table: FdTable,
  file: KernelFile,
  map: BpfMap,
  key: Uint8Array,
  flags = 0,
): number {
  const fd = table.open(file);
  if (fd < 0) return fd;
  const value = new Uint8Array(Math.max(4, map.userValueSize));
  new DataView(value.buffer).setUint32(0, fd, true);
  const error = map.updateUser(key, value, flags);
  table.close(fd);
  return error;
}
