/** File descriptors of the simulated process: numbers that stand for programs, perf events and maps. */
import type { Held } from '../maps/index.ts';

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
