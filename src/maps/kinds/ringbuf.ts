/** BPF_MAP_TYPE_RINGBUF: one queue of records of any length, from programs on all CPUs to user space (kernel/bpf/ringbuf.c). */
import { Errno } from '../../base/errno.ts';
import { BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, PAGE_BYTES, PAGE_SHIFT } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import type { BpfMap, RecordReader, RingBuffer } from '../map.ts';
import {
  BPF_RINGBUF_BUSY_BIT,
  BPF_RINGBUF_DISCARD_BIT,
  BPF_RINGBUF_HDR_SZ,
  CONSUMER_AT,
  PRODUCER_AT,
  RingMap,
  recordBytes,
} from '../ring-map.ts';
import { copyBytes } from '../values/copy.ts';

/** What bpf_ringbuf_query asks for. */
export const RingbufQuery = {
  BPF_RB_AVAIL_DATA: 0,
  BPF_RB_RING_SIZE: 1,
  BPF_RB_CONS_POS: 2,
  BPF_RB_PROD_POS: 3,
} as const;

/** RINGBUF_MAX_RECORD_SZ. */
const MAX_RECORD_BYTES = Math.floor(0xffffffff / 4);

/** Offset of the position of the oldest record that is still reserved. */
const PENDING_AT = PRODUCER_AT + 8;

/**
 * Address of the map object that a record belongs to, read from the record's header as bpf_ringbuf_submit does, which gets nothing
 * but the record. Any number may come in; whether it is a ring buffer's address is for the caller to check.
 */
export function ringbufOfRecord(memory: Memory, record: number): number {
  const header = record - BPF_RINGBUF_HDR_SZ;
  if (header < 0 || header + BPF_RINGBUF_HDR_SZ > memory.size) return 0;
  const pages = memory.view.getUint32(header + 4, true);
  return Math.floor(header / PAGE_BYTES) * PAGE_BYTES - pages * PAGE_BYTES;
}

/** A ring buffer, written by programs and read by user space. */
export class RingbufMap extends RingMap implements BpfMap, RingBuffer {
  readonly ring: RingBuffer = this;

  reserve(size: number): number {
    if (size > MAX_RECORD_BYTES) return 0;
    const total = recordBytes(size);
    if (total > this.attr.maxEntries) return 0;
    const produced = this.position(PRODUCER_AT);
    const pending = this.advancePending(produced);
    const end = produced + total;
    if (end - this.position(CONSUMER_AT) >= this.attr.maxEntries || end - pending >= this.attr.maxEntries)
      return 0;
    const header = this.headerAt(produced);
    this.memory.u32[header >>> 2] = (size | BPF_RINGBUF_BUSY_BIT) >>> 0;
    this.memory.u32[(header + 4) >>> 2] = (header - this.address) >>> PAGE_SHIFT;
    this.setPosition(PRODUCER_AT, end);
    const record = header + BPF_RINGBUF_HDR_SZ;
    this.memory.setAccess(record, size, 'readwrite');
    return record;
  }

  commit(record: number, flags: number, discard: boolean): number {
    const header = record - BPF_RINGBUF_HDR_SZ;
    if (!this.isReserved(header)) return -Errno.EINVAL;
    const words = this.memory.u32;
    const size = words[header >>> 2]! - BPF_RINGBUF_BUSY_BIT;
    words[header >>> 2] = discard ? size + BPF_RINGBUF_DISCARD_BIT : size;
    this.memory.setAccess(record, size, 'none');
    const caughtUp = this.headerAt(this.position(CONSUMER_AT)) === header;
    if ((flags & BPF_RB_FORCE_WAKEUP) !== 0 || (caughtUp && (flags & BPF_RB_NO_WAKEUP) === 0)) this.wake();
    return 0;
  }

  output(data: number, size: number, flags: number): number {
    if (!(flags >= 0 && flags <= (BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))) return -Errno.EINVAL;
    const record = this.reserve(size);
    if (record === 0) return -Errno.EAGAIN;
    copyBytes(this.memory, record, data, size);
    return this.commit(record, flags, false);
  }

  query(what: number): number {
    switch (what) {
      case RingbufQuery.BPF_RB_AVAIL_DATA:
        return this.position(PRODUCER_AT) - this.position(CONSUMER_AT);
      case RingbufQuery.BPF_RB_RING_SIZE:
        return this.attr.maxEntries;
      case RingbufQuery.BPF_RB_CONS_POS:
        return this.position(CONSUMER_AT);
      case RingbufQuery.BPF_RB_PROD_POS:
        return this.position(PRODUCER_AT);
      default:
        return 0;
    }
  }

  consume(reader: RecordReader, limit = Number.POSITIVE_INFINITY): number {
    let shown = 0;
    while (shown < limit) {
      const consumed = this.position(CONSUMER_AT);
      if (consumed >= this.position(PRODUCER_AT)) break;
      const header = this.headerAt(consumed);
      const length = this.memory.u32[header >>> 2]!;
      if (length >= BPF_RINGBUF_BUSY_BIT) break;
      const discarded = length >= BPF_RINGBUF_DISCARD_BIT;
      const size = discarded ? length - BPF_RINGBUF_DISCARD_BIT : length;
      const more = discarded || reader(header + BPF_RINGBUF_HDR_SZ, size) !== false;
      this.setPosition(CONSUMER_AT, consumed + recordBytes(size));
      if (!discarded) shown++;
      if (!more) break;
    }
    return shown;
  }

  onWakeup(listener: () => void): () => void {
    return this.listen(listener);
  }

  /** Whether a reserved record's header is here. Programs can write records but not their headers, so none is made up. */
  private isReserved(header: number): boolean {
    if (!this.isHeader(header)) return false;
    const size = this.memory.u32[header >>> 2]! - BPF_RINGBUF_BUSY_BIT;
    return (
      size >= 0 &&
      !this.memory.isReadable(header, 1) &&
      this.memory.isWritable(header + BPF_RINGBUF_HDR_SZ, size)
    );
  }

  /** Moves the position of the oldest record that is still reserved past those that were committed, and returns it. */
  private advancePending(produced: number): number {
    const words = this.memory.u32;
    const before = this.position(PENDING_AT);
    let pending = before;
    while (pending < produced) {
      const length = words[this.headerAt(pending) >>> 2]!;
      if (length >= BPF_RINGBUF_BUSY_BIT) break;
      pending += recordBytes(length % BPF_RINGBUF_DISCARD_BIT);
    }
    if (pending !== before) this.setPosition(PENDING_AT, pending);
    return pending;
  }
}
