/**
 * The memory of ring buffers, with the kernel's layout: a page for the map object, one for the consumer's position, one for the producer's,
 * then the data (struct bpf_ringbuf in kernel/bpf/ringbuf.c). The kernel maps the data twice, so that a record at the end goes on at
 * the start; here the second copy is memory of its own, which does the same as long as records are reached through their start, as
 * everyone does.
 */
import { Errno } from '../base/errno.ts';
import { alignUp } from '../base/int64.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';
import type { Memory } from '../vm/index.ts';
import { KeylessMap } from './keyless.ts';
import type { MapAttr } from './map.ts';
import type { MapContext } from './map-context.ts';
import { type MapMemory, MapObject, writeMapObject } from './map-memory.ts';

/** Bytes ahead of each record: its length with two flags, then how many pages it is from the map object. */
export const BPF_RINGBUF_HDR_SZ = 8;
/** In a record's length: it is being written. */
export const BPF_RINGBUF_BUSY_BIT = 2 ** 31;
/** In a record's length: nobody is to see it. */
export const BPF_RINGBUF_DISCARD_BIT = 2 ** 30;

/** Offset of the consumer's position from the map object. */
export const CONSUMER_AT = PAGE_BYTES;
/** Offset of the producer's position. */
export const PRODUCER_AT = 2 * PAGE_BYTES;
const DATA_AT = 3 * PAGE_BYTES;
const TWO_32 = 2 ** 32;

/** A map that is one ring of records. */
export abstract class RingMap extends KeylessMap {
  readonly attr: MapAttr;
  readonly address: number;
  protected readonly memory: Memory;
  private readonly owner: MapMemory;
  private readonly data: number;
  private readonly mask: number;
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

  free(): void {
    this.listeners.clear();
    this.owner.freeAll();
  }

  /** Calls `listener` at each `wake`, until the function that it returns is called. */
  protected listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  protected wake(): void {
    for (const listener of this.listeners) listener();
  }

  /** Address of the record header at a position. */
  protected headerAt(position: number): number {
    return this.data + (position & this.mask);
  }

  /** Whether a record header can be at an address. */
  protected isHeader(address: number): boolean {
    const offset = address - this.data;
    return offset >= 0 && offset < this.attr.maxEntries && offset % 8 === 0;
  }

  /** A 64-bit position; it never reaches 2^53. */
  protected position(at: number): number {
    const words = this.memory.u32;
    const word = (this.address + at) >>> 2;
    return words[word]! + words[word + 1]! * TWO_32;
  }

  protected setPosition(at: number, position: number): void {
    const words = this.memory.u32;
    const word = (this.address + at) >>> 2;
    words[word] = position;
    words[word + 1] = position / TWO_32;
  }
}

/** What a record of `size` bytes takes in the ring. */
export function recordBytes(size: number): number {
  return alignUp(size + BPF_RINGBUF_HDR_SZ, 8);
}
