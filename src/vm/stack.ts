/**
 * How the stack of a run lies in linear memory: a frame for each function that may be active, with gaps between them and room in front that
 * nothing may touch, so that a program that leaves its frame faults. Both engines use it, so their faults read the same.
 */
import { MAX_CALL_FRAMES, STACK_BYTES } from './engine.ts';
import { DEFAULT_RED_ZONE, type Memory } from './memory.ts';

/** Bytes from one function's frame to that of a function it calls. */
export const FRAME_STRIDE = STACK_BYTES + DEFAULT_RED_ZONE;
/** Bytes in front of the first frame: too large a local variable of the outermost function lies there. */
export const FIRST_FRAME = STACK_BYTES;
/** Bytes of all frames. */
export const FRAMES_BYTES = MAX_CALL_FRAMES * FRAME_STRIDE;
/** A stack begins at a multiple of this, so that an address tells its frame. */
export const STACK_ALIGN = 8192;
/** `frame & (STACK_ALIGN - 1)` of the last frame that there is. */
export const LAST_FRAME = FIRST_FRAME + (MAX_CALL_FRAMES - 1) * FRAME_STRIDE;

/** Takes memory for a stack and returns its address; the first frame is FIRST_FRAME bytes behind it. */
export function allocateStack(memory: Memory): number {
  const size = FIRST_FRAME + FRAMES_BYTES;
  const elements = { name: 'frame', first: FIRST_FRAME, stride: FRAME_STRIDE, size: STACK_BYTES };
  const stack = memory.allocate({ size, kind: 'stack', name: 'program', align: STACK_ALIGN, elements });
  memory.setAccess(stack, size, 'none');
  for (let frame = 0; frame < MAX_CALL_FRAMES; frame++) {
    memory.setAccess(stack + FIRST_FRAME + frame * FRAME_STRIDE, STACK_BYTES, 'readwrite');
  }
  return stack;
}
