/**
 * Dynptrs over memory and over records of ring buffers (kernel/bpf/helpers.c, ringbuf.c). A dynptr is struct bpf_dynptr_kern on the program's
 * stack: an address, a size with kind and access in its upper bits, an offset.
 */
import { Errno } from '../base/errno.ts';
import { ringbufOfRecord } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';
import { type FamilyMaker, plain, unsigned64 } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';
import type { HelperRuntime } from './runtime.ts';

/** Offsets in struct bpf_dynptr_kern, and its size. */
const DATA_AT = 0;
const SIZE_AT = 8;
const OFFSET_AT = 12;
/** Bytes of a struct bpf_dynptr. */
export const DYNPTR_BYTES = 16;

/** DYNPTR_MAX_SIZE, DYNPTR_TYPE_SHIFT, DYNPTR_RDONLY_BIT, and the kinds that are here (enum bpf_dynptr_type). */
const MAX_SIZE = 0xffffff;
const TYPE_SHIFT = 28;
const READ_ONLY = 2 ** 31;
const LOCAL = 1;
const RINGBUF = 2;

/** Writes a dynptr. */
function writeDynptr(memory: Memory, at: number, data: number, size: number, kind: number): void {
  const { view } = memory;
  view.setUint32(at + DATA_AT, data, true);
  view.setUint32(at + DATA_AT + 4, 0, true);
  view.setUint32(at + SIZE_AT, size + kind * 2 ** TYPE_SHIFT, true);
  view.setUint32(at + OFFSET_AT, 0, true);
}

/** A dynptr over `size` bytes of memory that a callback gets. */
export function writeLocalDynptr(memory: Memory, at: number, data: number, size: number): void {
  writeDynptr(memory, at, data, size, LOCAL);
}

/** Where `length` bytes at an offset of a dynptr are; a negative errno when they are not all in it, or it is null (EINVAL). */
function place(memory: Memory, at: number, offset: number, length: number, write: boolean): number {
  const { view } = memory;
  const data = view.getUint32(at + DATA_AT, true);
  const word = view.getUint32(at + SIZE_AT, true);
  const size = word & MAX_SIZE;
  if (data === 0 || (write && word >= READ_ONLY)) return -Errno.EINVAL;
  if (length > size || offset > size - length) return -Errno.E2BIG;
  return data + view.getUint32(at + OFFSET_AT, true) + offset;
}

/** Ends a record of a ring buffer that a dynptr stands for. */
function endRecord(runtime: HelperRuntime, dynptr: number, flags: number, discard: boolean): number {
  const { memory } = runtime;
  const record = memory.view.getUint32(dynptr + DATA_AT, true);
  if (record === 0) return 0;
  runtime.mapAt(ringbufOfRecord(memory, record))?.ring?.commit(record, flags, discard);
  writeDynptr(memory, dynptr, 0, 0, 0);
  return 0;
}

/** Making, reading and writing dynptrs. */
export const dynptrHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;
  return {
    bpf_dynptr_from_mem: plain((data, size, flagsLo, flagsHi, dynptr) => {
      const fits = size >>> 0 <= MAX_SIZE;
      const valid = fits && (flagsLo | flagsHi) === 0;
      if (valid) writeDynptr(memory, dynptr >>> 0, data >>> 0, size >>> 0, LOCAL);
      else writeDynptr(memory, dynptr >>> 0, 0, 0, 0);
      return valid ? 0 : fits ? -Errno.EINVAL : -Errno.E2BIG;
    }),

    bpf_dynptr_read: plain((to, length, dynptr, offsetLo, offsetHi, flagsLo, flagsHi) => {
      if ((flagsLo | flagsHi) !== 0) return -Errno.EINVAL;
      const from = place(memory, dynptr >>> 0, unsigned64(offsetLo, offsetHi), length >>> 0, false);
      if (from < 0) return from;
      memory.u8.copyWithin(to >>> 0, from, from + (length >>> 0));
      return 0;
    }),

    bpf_dynptr_write: plain((dynptr, offsetLo, offsetHi, from, length, flagsLo, flagsHi) => {
      if ((flagsLo | flagsHi) !== 0) return -Errno.EINVAL;
      const to = place(memory, dynptr >>> 0, unsigned64(offsetLo, offsetHi), length >>> 0, true);
      if (to < 0) return to;
      memory.u8.copyWithin(to, from >>> 0, (from >>> 0) + (length >>> 0));
      return 0;
    }),

    bpf_dynptr_data: plain((dynptr, offsetLo, offsetHi, length) => {
      const at = place(memory, dynptr >>> 0, unsigned64(offsetLo, offsetHi), length >>> 0, true);
      return Math.max(at, 0);
    }),

    bpf_ringbuf_reserve_dynptr: plain((address, size, _sizeHi, flagsLo, flagsHi, dynptr) => {
      const map = needMap(runtime, 'bpf_ringbuf_reserve_dynptr', address);
      if (map.ring === undefined) throw unsupported(map, 'bpf_ringbuf_reserve_dynptr');
      writeDynptr(memory, dynptr >>> 0, 0, 0, 0);
      if ((flagsLo | flagsHi) !== 0) return -Errno.EINVAL;
      if (size >>> 0 > MAX_SIZE) return -Errno.E2BIG;
      const record = map.ring.reserve(size >>> 0);
      if (record === 0) return -Errno.EINVAL;
      writeDynptr(memory, dynptr >>> 0, record, size >>> 0, RINGBUF);
      return 0;
    }),

    bpf_ringbuf_submit_dynptr: plain((dynptr, flags) => endRecord(runtime, dynptr >>> 0, flags, false)),
    bpf_ringbuf_discard_dynptr: plain((dynptr, flags) => endRecord(runtime, dynptr >>> 0, flags, true)),
  };
};
