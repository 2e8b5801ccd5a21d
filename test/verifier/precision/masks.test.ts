/** What backtracking looks for: registers and stack slots by frame. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Backtrack } from '../../../src/verifier/precision/masks.ts';

const bt = new Backtrack();
beforeEach(() => {
  bt.reset();
});

describe('what is looked for', () => {
  it('is nothing at first', () => {
    expect(bt.isEmpty()).toBe(true);
    expect(bt.noSlots).toBe(true);
  });

  it('are registers of the frame that is current', () => {
    bt.setReg(3);
    bt.frame = 1;
    expect(bt.hasReg(3)).toBe(false);
    expect(bt.isEmpty()).toBe(false);
    bt.frame = 0;
    expect(bt.regMask).toBe(1 << 3);
    bt.clearReg(3);
    expect(bt.isEmpty()).toBe(true);
  });

  it.each([0, 31, 32, 63])('can be slot %i of any frame', (slot) => {
    bt.setSlot(0, slot);
    bt.frame = 2;
    expect(bt.hasSlot(0, slot)).toBe(true);
    expect(bt.hasSlot(1, slot)).toBe(false);
    expect(bt.hasSlot(0, slot ^ 32)).toBe(false);
    expect(bt.noSlots).toBe(true);
    bt.clearSlot(0, slot);
    expect(bt.isEmpty()).toBe(true);
  });

  it('is not seen in frames below the current one', () => {
    bt.setSlot(3, 5);
    expect(bt.isEmpty()).toBe(true);
    bt.frame = 3;
    expect(bt.isEmpty()).toBe(false);
  });
});
