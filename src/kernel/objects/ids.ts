/**
 * Numbers for kernel objects that can be asked for by number: programs, maps, type information, links. They ascend and come again only
 * after all others (idr_alloc_cyclic as kernel/bpf/syscall.c uses it).
 */
import { Errno, SyscallError } from '../../base/errno.ts';

/** Ids go up to here: INT_MAX. */
const LAST_ID = 0x7fffffff;

/** Objects of one kind by id. */
export class IdTable<T> {
  private readonly objects = new Map<number, T>();
  private last = 0;
  private listener: (object: T) => void = () => undefined;

  /** How many objects there are. */
  get count(): number {
    return this.objects.size;
  }

  /**
   * Makes an object with the next free id and remembers it.
   * @throws SyscallError ENOSPC when all are taken.
   */
  add<U extends T>(make: (id: number) => U): U {
    if (this.objects.size >= LAST_ID) throw new SyscallError(Errno.ENOSPC, 'no id is left');
    let id = this.last;
    do id = id >= LAST_ID ? 1 : id + 1;
    while (this.objects.has(id));
    const object = make(id);
    this.objects.set(id, object);
    this.last = id;
    return object;
  }

  get(id: number): T | undefined {
    return this.objects.get(id);
  }

  /** Forgets an object that is gone. */
  remove(id: number): void {
    const object = this.objects.get(id);
    if (object === undefined) return;
    this.objects.delete(id);
    this.listener(object);
  }

  /** Has `listener` called with each object that goes; there is one listener. */
  onRemove(listener: (object: T) => void): void {
    this.listener = listener;
  }

  /** The smallest id in use that is greater than `id`; undefined when there is none. */
  after(id: number): number | undefined {
    let next: number | undefined;
    for (const candidate of this.objects.keys())
      if (candidate > id && (next === undefined || candidate < next)) next = candidate;
    return next;
  }

  /** All objects in order of their ids. */
  all(): T[] {
    return [...this.objects].sort(([a], [b]) => a - b).map(([, object]) => object);
  }
}
