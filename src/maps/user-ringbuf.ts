/**
 * BPF_MAP_TYPE_USER_RINGBUF: one queue of records from user space to programs, with the kernel's layout in linear memory: a page for the map
 * object, one for the consumer's position, one for the producer's, then the data. The kernel maps the data twice; here the second copy is
 * memory of its own into which a record that reaches it is written, which does the same (kernel/bpf/ringbuf.c).
 */
import { Errno } from '../base/errno.ts';
import { alignUp } from '../base/int64.ts';
import type { Memory } from '../vm/index.ts';
import { PAGE_BYTES } from './flags.ts';
import { KeylessMap } from './keyless.ts';
import type { BpfMap, MapAttr, UserRingBuffer } from './map.ts';
import type { MapContext } from './map-context.ts';
import { type MapMemory, MapObject, writeMapObject } from './map-memory.ts';
import { BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ } from './ringbuf.ts';

const CONSUMER_AT = PAGE_BYTES;
const PRODUCER_AT = 2 * PAGE_BYTES;
const DATA_AT = 3 * PAGE_BYTES;
const TWO_32 = 2 ** 32;
/** DYNPTR_MAX_SIZE: what a program gets of a record has 24 bits for its size. */
const MAX_SAMPLE_BYTES = 0xffffff;

export class UserRingbufMap extends KeylessMap implements BpfMap, UserRingBuffer {
  readonly attr: MapAttr;
  readonly address: number;
  readonly userRing: UserRingBuffer = this;
  sample = 0;
  private readonly memory: Memory;
  private readonly owner: MapMemory;
  private readonly data: number;
  private readonly mask: number;
  private busy = false;
  private readonly listeners = new Set<() => void>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(Errno.ENOTSUPP);
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

  write(record: Uint8Array): number {
    const total = alignUp(record.length + BPF_RINGBUF_HDR_SZ, 8);
    if (total > this.attr.maxEntries) return -Errno.E2BIG;
    const produced = this.position(PRODUCER_AT);
    if (produced + total - this.position(CONSUMER_AT) > this.attr.maxEntries) return -Errno.ENOSPC;
    const header = this.data + (produced & this.mask);
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
    const header = this.data + (consumed & this.mask);
    const word = this.memory.u32[header >>> 2]!;
    const size = word % BPF_RINGBUF_DISCARD_BIT;
    const total = alignUp(size + BPF_RINGBUF_HDR_SZ, 8);
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
    this.setPosition(CONSUMER_AT, consumed + alignUp(size + BPF_RINGBUF_HDR_SZ, 8));
  }

  unclaim(wake: boolean): void {
    this.busy = false;
    if (wake) for (const listener of this.listeners) listener();
  }

  onRoom(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  free(): void {
    this.listeners.clear();
    this.owner.freeAll();
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
