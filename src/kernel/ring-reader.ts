/** The user-space end of a ring buffer map, as libbpf's ring_buffer. */
import { UsageError } from '../base/errors.ts';
import type { Btf, BtfValue } from '../btf/index.ts';
import type { BpfMap, RingBuffer } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';
import { type RecordOptions, RecordQueue, recordDecoder } from './record-queue.ts';

/**
 * Reads records: all at once with `read()`, as they come with `onRecord()`, or with `for await`. The last two follow the program's
 * wake-ups: a record submitted with BPF_RB_NO_WAKEUP comes with the next one that wakes, or with `read()`.
 */
export class RingReader implements AsyncIterable<BtfValue> {
  private readonly queue = new RecordQueue<BtfValue>();
  private readonly ring: RingBuffer;
  private readonly memory: Memory;
  private readonly decode: (bytes: Uint8Array) => BtfValue;
  private stopWakeups: (() => void) | undefined;

  /** @throws UsageError when the map is no ring buffer or the record type is not known. */
  constructor(map: BpfMap, memory: Memory, btf: Btf | undefined, options: RecordOptions) {
    if (map.ring === undefined)
      throw new UsageError('no-ring-buffer', `map '${map.attr.name}' is no ring buffer`);
    this.ring = map.ring;
    this.memory = memory;
    this.decode = recordDecoder(btf, options);
  }

  /** All committed records up to the first that is still reserved. */
  read(): BtfValue[] {
    this.drain();
    return this.queue.take();
  }

  /** Calls `listener` with every record as it comes, until the returned function is called. */
  onRecord(listener: (record: BtfValue) => void): () => void {
    this.followWakeups();
    return this.queue.listen(listener);
  }

  /** Stops following the ring; iterations end. */
  close(): void {
    this.stopWakeups?.();
    this.queue.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<BtfValue> {
    this.followWakeups();
    return this.queue[Symbol.asyncIterator]();
  }

  private followWakeups(): void {
    this.stopWakeups ??= this.ring.onWakeup(() => {
      this.drain();
    });
    this.drain();
  }

  private drain(): void {
    this.ring.consume((address, size) => {
      this.queue.push(this.decode(this.memory.readBytes(address, size)));
      return true;
    });
  }
}
