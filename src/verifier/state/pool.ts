/**
 * The frames of one verification, used again when a state is dropped, and the handles by which a register names its parent in a
 * checkpoint. The walk allocates nothing once the pool has grown to the program's needs.
 */
import { REG_WORDS } from '../domain/index.ts';
import { Frame } from './frame.ts';
import { Slabs } from './slabs.ts';

/** Bits of a handle that number the record in its frame: 11 registers and at most 64 slots. */
const RECORD_BITS = 7;

/** Owner of all frames. */
export class FramePool {
  /** By handle; handle 0 is nobody's, so that 0 can mean no parent. */
  private readonly frames: (Frame | undefined)[] = [undefined];
  private readonly slabs = new Slabs();
  private readonly freeLarge: Frame[] = [];
  private readonly freeSmall: Frame[] = [];

  /**
   * A frame with any content: the caller sets all of it. Frames that are run get room for the whole stack, so that their `words` never
   * move; those of checkpoints are as large as what they hold.
   */
  take(large: boolean): Frame {
    const used = (large ? this.freeLarge : this.freeSmall).pop();
    if (used !== undefined) return used;
    const frame = new Frame(this.frames.length, large, this.slabs);
    this.frames.push(frame);
    return frame;
  }

  release(frame: Frame): void {
    (frame.large ? this.freeLarge : this.freeSmall).push(frame);
  }

  /** The frame in which a parent handle's register is. */
  frameOf(parent: number): Frame {
    return this.frames[parent >>> RECORD_BITS]!;
  }
}

/** Word offset, in its frame, of the record that a parent handle names. */
export function recordOffset(parent: number): number {
  return (parent & ((1 << RECORD_BITS) - 1)) * REG_WORDS;
}

/** The handle of record number `record` (0 to 10 the registers, then the slots) of a frame. */
export function parentHandle(frame: Frame, record: number): number {
  return (frame.handle << RECORD_BITS) | record;
}
