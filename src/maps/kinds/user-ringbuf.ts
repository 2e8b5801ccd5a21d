/** BPF_MAP_TYPE_USER_RINGBUF: one queue of records from user space to programs (kernel/bpf/ringbuf.c). */
import { Errno } from '../../base/errno.ts';
import type { BpfMap, UserRingBuffer } from '../map.ts';
import {
  BPF_RINGBUF_BUSY_BIT,
  BPF_RINGBUF_DISCARD_BIT,
  BPF_RINGBUF_HDR_SZ,
  CONSUMER_AT,
  PRODUCER_AT,
  RingMap,
  recordBytes,
} from '../ring-map.ts';

/** DYNPTR_MAX_SIZE: what a program gets of a record has 24 bits for its size. */
const MAX_SAMPLE_BYTES = 0xffffff;

/** A ring buffer, written by user space and read by programs. */
export class UserRingbufMap extends RingMap implements BpfMap, UserRingBuffer {
  readonly userRing: UserRingBuffer = this;
  sample = 0;
  private busy = false;

  write(record: Uint8Array): number {
    const total = recordBytes(record.length);
    if (total > this.attr.maxEntries) return -Errno.E2BIG;
    const produced = this.position(PRODUCER_AT);
    if (produced + total - this.position(CONSUMER_AT) > this.attr.maxEntries) return -Errno.ENOSPC;
    const header = this.headerAt(produced);
    this.memory.u32[header >>> 2] = record.length;
    this.memory.u32[(header + 4) >>> 2] = 0;
    this.memory.writeBytes(header + BPF_RINGBUF_HDR_SZ, record);
    this.setPosition(PRODUCER_AT, produced + total);
    return 0;
  }

  claim(): boolean {
    if (this.busy) return false;
    this.busy = true;
    return true;
  }

  peek(): number {
    const produced = this.position(PRODUCER_AT);
    if (produced % 8 !== 0) return -Errno.EINVAL;
    const consumed = this.position(CONSUMER_AT);
    if (consumed >= produced) return -Errno.ENODATA;
    const header = this.headerAt(consumed);
    const word = this.memory.u32[header >>> 2]!;
    const size = word % BPF_RINGBUF_DISCARD_BIT;
    const total = recordBytes(size);
    if (total > produced - consumed) return -Errno.EINVAL;
    if (total > this.attr.maxEntries || size > MAX_SAMPLE_BYTES) return -Errno.E2BIG;
    if ((word & BPF_RINGBUF_DISCARD_BIT) !== 0) {
      this.setPosition(CONSUMER_AT, consumed + total);
      return -Errno.EAGAIN;
    }
    if (word >= BPF_RINGBUF_BUSY_BIT) return -Errno.ENODATA;
    this.sample = header + BPF_RINGBUF_HDR_SZ;
    this.memory.setAccess(this.sample, size, 'read');
    return size;
  }

  release(size: number): void {
    this.memory.setAccess(this.sample, size, 'none');
    const consumed = this.position(CONSUMER_AT);
    this.setPosition(CONSUMER_AT, consumed + recordBytes(size));
  }

  unclaim(wake: boolean): void {
    this.busy = false;
    if (wake) this.wake();
  }

  onRoom(listener: () => void): () => void {
    return this.listen(listener);
  }
}
