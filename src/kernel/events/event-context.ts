/**
 * The context of an event or a test run in linear memory. The verifier lets programs of some types read further than a caller gives bytes for (the
 * kernel refuses to attach those, by max_ctx_offset): compiled verified programs find zeros there, all others fault.
 */
import type { Memory } from '../../vm/index.ts';

/** The largest context there is: PERF_MAX_TRACE_SIZE of include/linux/trace_events.h. */
const LARGEST_CONTEXT = 8192;

/** Puts the bytes of a context in memory of its own, with zeros behind it; the caller frees it. */
export function allocateContext(memory: Memory, bytes: Uint8Array, name: string): number {
  const room = Math.max(LARGEST_CONTEXT, bytes.length);
  const address = memory.allocate({
    size: bytes.length,
    kind: 'ctx',
    name,
    redZone: room - bytes.length + 8,
  });
  memory.u8.fill(0, address + bytes.length, address + room);
  memory.writeBytes(address, bytes);
  return address;
}
