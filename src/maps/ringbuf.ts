/**
 * BPF_MAP_TYPE_RINGBUF: one queue of records of any length for all CPUs, with the kernel's layout in linear memory: a page for the map
 * object, one for the consumer's position, one for the producer's, then the data (kernel/bpf/ringbuf.c). The kernel maps the data
 * twice, so that a record at the end goes on at the start; here the second copy is memory of its own, which does the same
 * as long as records are reached through their start, as every consumer does.
 */
import { Errno } from '../base/errno.ts';
import { alignUp } from '../base/int64.ts';
import type { Memory } from '../vm/index.ts';
import { copyBytes } from './copy.ts';
import { PAGE_BYTES, PAGE_SHIFT } from './flags.ts';
import type { BpfMap, MapAttr, RecordReader, RingBuffer } from './map.ts';
import type { MapContext } from './map-context.ts';
import { type MapMemory, MapObject, writeMapObject } from './map-memory.ts';

/** Flags of submit, discard and output. */
export const BPF_RB_NO_WAKEUP = 1;
export const BPF_RB_FORCE_WAKEUP = 2;

/** What bpf_ringbuf_query asks for. */
export const RingbufQuery = {
  BPF_RB_AVAIL_DATA: 0,
  BPF_RB_RING_SIZE: 1,
  BPF_RB_CONS_POS: 2,
  BPF_RB_PROD_POS: 3,
} as const;

/** Bytes ahead of each record: its length with two flags, then how many pages it is from the map object. */
export const BPF_RINGBUF_HDR_SZ = 8;
export const BPF_RINGBUF_BUSY_BIT = 2 ** 31;
export const BPF_RINGBUF_DISCARD_BIT = 2 ** 30;

/** RINGBUF_MAX_RECORD_SZ. */
const MAX_RECORD_BYTES = Math.floor(0xffffffff / 4);

const TWO_32 = 2 ** 32;

/** Where in the map's region things are. */
const CONSUMER_AT = PAGE_BYTES;
const PRODUCER_AT = 2 * PAGE_BYTES;
const PENDING_AT = PRODUCER_AT + 8;
const DATA_AT = 3 * PAGE_BYTES;

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

export class RingbufMap implements BpfMap, RingBuffer {
  readonly attr: MapAttr;
  readonly address: number;
  readonly userValueSize = 0;
  readonly ring: RingBuffer = this;
  private readonly memory: Memory;
  private readonly owner: MapMemory;
  private readonly data: number;
  private readonly mask: number;
  private readonly listeners = new Set<() => void>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    const { attr, owner } = context;
    this.attr = attr;
    this.owner = owner;
    this.memory = owner.memory;
    this.mask = attr.maxEntries - 1;
    const size = DATA_AT + 2 * attr.maxEntries;
    this.address = owner.allocate({ size, align: PAGE_BYTES, kind: 'mem', writable: false });
    this.data = this.address + DATA_AT;
    this.memory.setAccess(this.address + MapObject.bytes, size - MapObject.bytes, 'none');
    writeMapObject(this.memory, this.address, attr);
  }

  // ---- records ----

  reserve(size: number): number {
    if (size > MAX_RECORD_BYTES) return 0;
    const total = recordBytes(size);
    if (total > this.attr.maxEntries) return 0;
    const produced = this.position(PRODUCER_AT);
    const pending = this.advancePending(produced);
    const end = produced + total;
    if (end - this.position(CONSUMER_AT) > this.mask || end - pending > this.mask) return 0;
    const header = this.data + (produced & this.mask);
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
    const caughtUp = this.data + (this.position(CONSUMER_AT) & this.mask) === header;
    if ((flags & BPF_RB_FORCE_WAKEUP) !== 0 || (caughtUp && (flags & BPF_RB_NO_WAKEUP) === 0)) {
      for (const listener of this.listeners) listener();
    }
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
      const header = this.data + (consumed & this.mask);
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
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  // ---- what other kinds do; ring buffers have no keys ----

  lookup(): number {
    return -Errno.ENOTSUPP;
  }

  update(): number {
    return -Errno.ENOTSUPP;
  }

  delete(): number {
    return -Errno.ENOTSUPP;
  }

  readUser(): number {
    return -Errno.ENOTSUPP;
  }

  updateUser(): number {
    return -Errno.ENOTSUPP;
  }

  deleteUser(): number {
    return -Errno.ENOTSUPP;
  }

  nextKey(): number {
    return -Errno.ENOTSUPP;
  }

  free(): void {
    this.listeners.clear();
    this.owner.freeAll();
  }

  /** Whether a reserved record's header is here. Programs can write records but not their headers, so none is made up. */
  private isReserved(header: number): boolean {
    const offset = header - this.data;
    if (!(offset >= 0 && offset < this.attr.maxEntries && offset % 8 === 0)) return false;
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
      const length = words[(this.data + (pending & this.mask)) >>> 2]!;
      if (length >= BPF_RINGBUF_BUSY_BIT) break;
      pending += recordBytes(length % BPF_RINGBUF_DISCARD_BIT);
    }
    if (pending !== before) this.setPosition(PENDING_AT, pending);
    return pending;
  }

  /** A 64-bit position; it never reaches 2^53. */
  private position(at: number): number {
    const words = this.memory.u32;
    const word = (this.address + at) >>> 2;
    return words[word]! + words[word + 1]! * TWO_32;
  }

  private setPosition(at: number, position: number): void {
    const words = this.memory.u32;
    const word = (this.address + at) >>> 2;
    words[word] = position;
    words[word + 1] = position / TWO_32;
  }
}

/** What a record of `size` bytes takes in the buffer. */
function recordBytes(size: number): number {
  return alignUp(size + BPF_RINGBUF_HDR_SZ, 8);
}
