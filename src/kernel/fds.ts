/** File descriptors of the simulated process: numbers that stand for programs, perf events and maps. */
import type { BpfMap, Held } from '../maps/index.ts';

/** First number that is handed out: 0 to 2 are the standard streams. */
const FIRST_FD = 3;

/** Which object is behind which number. Opening takes a reference, closing gives it back. */
export class FdTable<T extends Held> {
  private readonly objects: (T | undefined)[] = [];

  /** The lowest free number, from now on `object`'s. */
  open(object: T): number {
    const free = this.objects.indexOf(undefined);
    const index = free < 0 ? this.objects.length : free;
    this.objects[index] = object;
    object.hold();
    return index + FIRST_FD;
  }

  get(fd: number): T | undefined {
    return this.objects[fd - FIRST_FD];
  }

  /** Frees the number; nothing happens when it is free already. */
  close(fd: number): void {
    const object = this.get(fd);
    if (object === undefined) return;
    this.objects[fd - FIRST_FD] = undefined;
    object.release();
  }
}

/**
 * Stores an object in a map that holds such objects, as user space does it: by a file descriptor that it has for the moment. 0 or a
 * negative errno.
 */
export function updateByFd<T extends Held>(
  table: FdTable<T>,
  object: T,
  map: BpfMap,
  key: Uint8Array,
  flags = 0,
): number {
  const fd = table.open(object);
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, fd, true);
  const error = map.updateUser(key, value, flags);
  table.close(fd);
  return error;
}
