/** Sizes that libbpf adjusts before it creates a map: ring buffers take a power of two of pages. */
import { BpfMapType } from '../spec/index.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';

/** max_entries of a map: for ring buffers the next valid size (adjust_ringbuf_sz in tools/lib/bpf/libbpf.c). */
export function ringBufferSize(type: number, size: number): number {
  if (type !== BpfMapType.BPF_MAP_TYPE_RINGBUF && type !== BpfMapType.BPF_MAP_TYPE_USER_RINGBUF) return size;
  const pages = size / PAGE_BYTES;
  if (size === 0 || (pages >= 1 && Number.isInteger(Math.log2(pages)))) return size;
  // Larger than any power of two of pages that fits 32 bits: left for the kernel to refuse.
  const next = PAGE_BYTES * 2 ** Math.max(0, Math.floor(Math.log2(pages)) + 1);
  return next <= 0x8000_0000 ? next : size;
}
