/**
 * A message on its way out of a socket, as SK_MSG programs see it: elements of which one is in reach at a time, in struct sk_msg_md
 * (include/linux/skmsg.h, the msg helpers of net/core/filter.c). The elements lie one behind the other in linear memory.
 */
import { Errno } from '../../base/errno.ts';
import type { MessagePort, SocketChoice } from '../../helpers/index.ts';
import type { Memory } from '../../vm/index.ts';
import { type SocketFacts, writeAddresses } from './socket-image.ts';

/** What one element holds: the page frames that the kernel copies data of processes to. */
const ELEMENT_BYTES = 32768;
/** MAX_MSG_FRAGS. */
const MAX_ELEMENTS = 17;
/** The largest block of pages that can be pushed in (MAX_PAGE_ORDER). */
const MAX_PUSH_BYTES = 4 << 20;
/** Bytes that programs can make a message grow to. */
const MAX_GROWN_BYTES = 16 << 20;

/** Offsets in struct sk_msg_md. */
const SkMsg = { data: 0, dataEnd: 8, family: 16, size: 68, sk: 72, bytes: 80 } as const;

/** One message and its context, struct sk_msg_md. */
export class MessageBuffer implements MessagePort {
  readonly context: number;
  /** Where programs sent it; it stays with the message. */
  readonly choice: SocketChoice = { socket: undefined, flags: 0 };
  applyBytes = 0;
  corkBytes = 0;
  private readonly memory: Memory;
  private start: number;
  private capacity: number;
  /** Bytes of each element. */
  private elements: number[] = [];

  constructor(memory: Memory) {
    this.memory = memory;
    this.capacity = ELEMENT_BYTES;
    this.start = this.allocate(this.capacity);
    this.context = memory.allocate({ size: SkMsg.bytes, kind: 'ctx', name: 'sk_msg_md' });
    memory.u8.fill(0, this.context, this.context + SkMsg.bytes);
  }

  get size(): number {
    return this.elements.reduce((sum, element) => sum + element, 0);
  }

  /** As much as fits: no more elements can be added. */
  get isFull(): boolean {
    return this.elements.length >= MAX_ELEMENTS;
  }

  /** Takes bytes of a process in, and says how many. */
  append(data: Uint8Array): number {
    let taken = 0;
    while (taken < data.length) {
      const last = this.elements.at(-1) ?? ELEMENT_BYTES;
      if (last >= ELEMENT_BYTES) {
        if (this.isFull) break;
        this.elements.push(0);
      }
      const at = this.elements.length - 1;
      const filled = this.elements[at] ?? 0;
      const part = data.subarray(taken, taken + ELEMENT_BYTES - filled);
      const { size } = this;
      this.reserve(size + part.length);
      this.memory.u8.set(part, this.start + size);
      this.elements[at] = filled + part.length;
      taken += part.length;
    }
    return taken;
  }

  /** So many bytes at its front. */
  peek(count: number): Uint8Array {
    return this.memory.readBytes(this.start, Math.min(count, this.size));
  }

  /** Takes so many bytes off its front. @returns how many there were. */
  take(count: number): number {
    const taken = Math.min(count, this.size);
    this.remove(0, taken);
    return taken;
  }

  /** Fills the context for a program: the first element is in reach. */
  show(socket: SocketFacts & { readonly address: number }): void {
    const { memory, context } = this;
    writeAddresses(memory, context + SkMsg.family, socket);
    memory.view.setUint32(context + SkMsg.sk, socket.address, true);
    this.reachFirst();
  }

  pull(from: number, to: number): number {
    const { index, offset } = this.elementAt(from);
    if (to <= from || index >= this.elements.length || to > this.size) return -Errno.EINVAL;
    let count = 1;
    let reach = this.elements[index] ?? 0;
    for (; offset + reach < to; count++) reach += this.elements[index + count] ?? 0;
    this.elements.splice(index, count, reach);
    this.reach(from, to);
    return 0;
  }

  push(at: number, count: number): number {
    if (count === 0) return 0;
    const { index, offset } = this.elementAt(at);
    const { size } = this;
    if (at > size) return -Errno.EINVAL;
    if (count > MAX_PUSH_BYTES || size + count > MAX_GROWN_BYTES) return -Errno.ENOMEM;
    this.reserve(size + count);
    const { u8 } = this.memory;
    u8.copyWithin(this.start + at + count, this.start + at, this.start + size);
    u8.fill(0, this.start + at, this.start + at + count);
    this.insert(index, at - offset, count);
    this.reachFirst();
    return 0;
  }

  pop(at: number, count: number): number {
    if (count === 0) return 0;
    const { index } = this.elementAt(at);
    if (index >= this.elements.length || at + count > this.size) return -Errno.EINVAL;
    this.split(at);
    this.remove(at, count);
    this.reachFirst();
    return 0;
  }

  free(): void {
    this.memory.free(this.start);
    this.memory.free(this.context);
  }

  /** The element that a byte is in, and where that begins. */
  private elementAt(byte: number): { readonly index: number; readonly offset: number } {
    let offset = 0;
    let index = 0;
    for (; index < this.elements.length; index++) {
      const length = this.elements[index] ?? 0;
      if (byte < offset + length) break;
      offset += length;
    }
    return { index, offset };
  }

  /** Puts an element in: at the start of another, in its middle when there is room for two more, else into it. */
  private insert(index: number, inside: number, count: number): void {
    const room = MAX_ELEMENTS - this.elements.length;
    if (index >= this.elements.length && room > 0) {
      this.elements.push(count);
      return;
    }
    const at = Math.min(index, this.elements.length - 1);
    const length = this.elements[at] ?? 0;
    if (room === 0 || (room === 1 && inside !== 0)) this.elements[at] = length + count;
    else if (inside === 0) this.elements.splice(at, 0, count);
    else this.elements.splice(at, 1, inside, count, length - inside);
  }

  /** Begins a new element at a byte, as long as there is room for one. */
  private split(byte: number): void {
    const { index, offset } = this.elementAt(byte);
    const length = this.elements[index];
    if (length === undefined || byte === offset || this.isFull) return;
    this.elements.splice(index, 1, byte - offset, length - (byte - offset));
  }

  private remove(at: number, count: number): void {
    const { size } = this;
    this.memory.u8.copyWithin(this.start + at, this.start + at + count, this.start + size);
    for (let left = count; left > 0; ) {
      const { index, offset } = this.elementAt(at);
      const length = this.elements[index] ?? 0;
      const part = Math.min(left, offset + length - at);
      if (part === length) this.elements.splice(index, 1);
      else this.elements[index] = length - part;
      left -= part;
    }
  }

  private reachFirst(): void {
    this.reach(0, this.elements[0] ?? 0);
  }

  /** Lets programs touch some of the bytes, and nothing else. */
  private reach(from: number, to: number): void {
    const { memory, context, start } = this;
    memory.setAccess(start, this.capacity, 'none');
    memory.setAccess(start + from, to - from, 'readwrite');
    memory.view.setUint32(context + SkMsg.data, start + from, true);
    memory.view.setUint32(context + SkMsg.dataEnd, start + to, true);
    memory.view.setUint32(context + SkMsg.size, this.size, true);
  }

  private reserve(bytes: number): void {
    if (bytes <= this.capacity) return;
    const capacity = Math.max(bytes, 2 * this.capacity);
    const next = this.allocate(capacity);
    this.memory.u8.copyWithin(next, this.start, this.start + this.size);
    this.memory.free(this.start);
    this.start = next;
    this.capacity = capacity;
  }

  private allocate(size: number): number {
    return this.memory.allocate({ size, kind: 'packet', name: 'sk_msg', align: 64 });
  }
}
