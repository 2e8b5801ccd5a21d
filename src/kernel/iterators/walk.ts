/**
 * A walk over the objects of one kind, as an iterator wants it: it can stop between objects, and go on where it stopped (struct
 * seq_operations of the iterators in kernel/bpf/).
 */

/** Each kind of iterator implements it; `T` is one of its objects. */
export interface Walk<T> {
  /** The object at the present position, after a stop the one that it stopped at; undefined at the end. */
  start(): T | undefined;
  /** The one behind `object`. */
  next(object: T): T | undefined;
  /** The words of the context behind its struct bpf_iter_meta: addresses and numbers. Without an object those of the last call. */
  words(object: T | undefined): readonly number[];
  /** Whether the object is shown; it always is where a kind does not say. */
  shows?(object: T): boolean;
  /** Frees what the walk holds. */
  close?(): void;
}

/** Objects with numbers: the one with a number or the next greater one, at each step (bpf_map_get_curr_or_next and its kin). */
export class NumberedWalk<T> implements Walk<T> {
  private number: number;
  private readonly find: (from: number) => { readonly number: number; readonly object: T } | undefined;
  private readonly wordsOf: (object: T | undefined) => readonly number[];

  /**
   * @param find The object with this number or the smallest greater one.
   * @param words What the context holds of it.
   */
  constructor(
    find: (from: number) => { readonly number: number; readonly object: T } | undefined,
    words: (object: T | undefined) => readonly number[],
    first = 0,
  ) {
    this.find = find;
    this.wordsOf = words;
    this.number = first;
  }

  start(): T | undefined {
    const found = this.find(this.number);
    if (found !== undefined) this.number = found.number;
    return found?.object;
  }

  next(): T | undefined {
    this.number++;
    return this.start();
  }

  words(object: T | undefined): readonly number[] {
    return this.wordsOf(object);
  }
}
