/** What lies behind the bytes of a context. */
import { expect, it } from 'vitest';
import { allocateContext } from '../../src/kernel/events/event-context.ts';
import { Memory } from '../../src/vm/index.ts';

it('a context has zeros behind it that checked programs may not read', () => {
  const memory = new Memory();
  const old = memory.allocate({ size: 20_000, kind: 'map-value', name: 'old' });
  memory.u8.fill(0xaa, old, old + 20_000);
  memory.free(old);
  const context = allocateContext(memory, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 'context');
  expect(context).toBe(old);
  expect([...memory.readBytes(context, 9)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 0]);
  expect(memory.readBytes(context + 8, 8184).every((byte) => byte === 0)).toBe(true);
  expect(memory.isReadable(context, 8)).toBe(true);
  expect(memory.isReadable(context + 8, 1)).toBe(false);
  expect(memory.regionAt(context)?.size).toBe(8);
});
