/**
 * What ring buffer and perf buffer readers have in common: records wait until they are read, go to callbacks, or are awaited.
 */
import { BtfError, UsageError } from '../base/errors.ts';
import { type Btf, type BtfValue, decodeValue } from '../btf/index.ts';

/** How records become values. */
export interface RecordOptions {
  /** Name of a struct in the object's BTF that records are decoded as; without it they stay bytes. */
  readonly type?: string;
}

/** Makes a value of a record's bytes. @throws UsageError when the object has no such type. */
export function recordDecoder(btf: Btf | undefined, options: RecordOptions): (bytes: Uint8Array) => BtfValue {
  const { type } = options;
  if (type === undefined) return (bytes) => bytes;
  const found = btf?.findByName(type.replace(/^(struct|union) /, ''));
  if (btf === undefined || found === undefined) {
    throw new UsageError('no-such-type', `the object's BTF has no type '${type}' to decode records with`);
  }
  return (bytes) => decodeRecord(btf, found.id, bytes);
}

/** Perf samples may be longer than the struct (they are padded), shorter ones are an error. */
function decodeRecord(btf: Btf, typeId: number, bytes: Uint8Array): BtfValue {
  const size = btf.sizeOf(typeId);
  if (bytes.length < size) {
    throw new BtfError('short-record', `a record has ${bytes.length} bytes, but its type needs ${size}`);
  }
  return decodeValue(btf, typeId, bytes.subarray(0, size));
}

/** Records in the order in which they came. */
export class RecordQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private readonly listeners = new Set<(record: T) => void>();
  private readonly awaiters: ((result: IteratorResult<T>) => void)[] = [];
  private closed = false;

  /** Gives a record to whoever waits for it, to all listeners, or keeps it. */
  push(record: T): void {
    const awaiter = this.awaiters.shift();
    if (awaiter !== undefined) awaiter({ value: record, done: false });
    for (const listener of this.listeners) listener(record);
    if (awaiter === undefined && this.listeners.size === 0) this.waiting.push(record);
  }

  /** All records that wait. */
  take(): T[] {
    return this.waiting.splice(0);
  }

  /** Calls `listener` for those that wait and every later one, until the returned function is called. */
  listen(listener: (record: T) => void): () => void {
    this.listeners.add(listener);
    for (const record of this.take()) listener(record);
    return () => this.listeners.delete(listener);
  }

  /** Ends all iterations once what waits is read. */
  close(): void {
    this.closed = true;
    for (const awaiter of this.awaiters.splice(0)) awaiter({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        const record = this.waiting.shift();
        if (record !== undefined) return Promise.resolve({ value: record, done: false });
        if (this.closed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          this.awaiters.push(resolve);
        });
      },
      return: () => Promise.resolve({ value: undefined, done: true }),
    };
  }
}
