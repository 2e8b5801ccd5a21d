/**
 * The frames of one verification, used again when a state is dropped, and the handles by which a register names its parent in a
 * checkpoint. The walk allocates nothing once the pool has grown to the program's needs.
 */
import { Frame } from './frame.ts';
import { FIRST_SLOT, REG_PARENT, SLOT_PARENT, SLOTS_WITH_PARENT } from './layout.ts';
import { Slabs } from './slabs.ts';

/** Bits of a handle that number the record in its frame (see FIRST_SLOT in layout.ts). */
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

/** Number of the record that a parent handle names. */
export function recordOf(parent: number): number {
  return parent & ((1 << RECORD_BITS) - 1);
}

/** The handle of a record of a frame. */
export function parentHandle(frame: Frame, record: number): number {
  return (frame.handle << RECORD_BITS) | record;
}

/** The handle of the record that a record comes from, 0 for none. */
export function parentOf(words: Int32Array, record: number): number {
  if (record < FIRST_SLOT) return words[REG_PARENT + record]!;
  return record - FIRST_SLOT < words[SLOTS_WITH_PARENT]! ? words[SLOT_PARENT]! | record : 0;
}
