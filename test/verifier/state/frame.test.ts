/** Frames: how they lie in memory, and that copies of any form say the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REG_WORDS } from '../../../src/verifier/domain/index.ts';
import type { Frame } from '../../../src/verifier/state/frame.ts';
import {
  FIRST_SLOT,
  isRead,
  isSpill,
  isWritten,
  lowestBit,
  MAX_SLOTS,
  markWritten,
  READ32,
  READ64,
  REG_PARENT,
  REGISTERS,
  recordAt,
  regAt,
  SLOT_PARENT,
  SLOTS,
  SLOTS_WITH_PARENT,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  setSlotKind,
  setSlotKinds,
  slotAt,
  slotKind,
} from '../../../src/verifier/state/layout.ts';
import { FramePool, parentHandle, parentOf, recordOf } from '../../../src/verifier/state/pool.ts';
import { assignRegister } from '../../../src/verifier/state/reg.ts';

const pool = new FramePool();

/** An empty frame that can be run. */
function running(): Frame {
  const frame = pool.take(true);
  frame.words.fill(0, 0, SLOTS);
  frame.slots = 0;
  return frame;
}

/** All that a frame says, however it lies in memory. */
function contents(frame: Frame): unknown {
  const { words, slots } = frame;
  const record = (o: number): number[] => [...words.slice(o, o + REG_WORDS)];
  return {
    head: [...words.slice(0, SLOTS)],
    slots: Array.from({ length: slots }, (_, spi) => ({
      kinds: Array.from({ length: 8 }, (__, i) => slotKind(words, spi, i)),
      spilled: isSpill(words, spi) ? record(slotAt(words, spi)) : undefined,
    })),
  };
}

const kind = fc.constantFrom(STACK_INVALID, STACK_SPILL, STACK_MISC, STACK_ZERO);
const slots = fc.array(
  fc.record({ kinds: fc.array(kind, { minLength: 8, maxLength: 8 }), seed: fc.integer() }),
  {
    maxLength: MAX_SLOTS,
  },
);

function frameOf(stack: readonly { readonly kinds: readonly number[]; readonly seed: number }[]): Frame {
  const frame = running();
  const { words } = frame;
  for (let reg = 0; reg < REGISTERS; reg++) words.fill(reg + 1, regAt(reg), regAt(reg) + REG_WORDS);
  frame.grow(stack.length);
  stack.forEach(({ kinds, seed }, spi) => {
    kinds.forEach((one, i) => {
      setSlotKind(words, spi, i, one);
    });
    for (let i = 0; i < REG_WORDS; i++) words[slotAt(words, spi) + i] = seed + i;
  });
  return frame;
}

describe('copies of a frame', () => {
  it('say the same, in the form of a checkpoint and in that of a state that runs', () => {
    fc.assert(
      fc.property(slots, slots, (stack, before) => {
        const frame = frameOf(stack);
        const kept = pool.take(false);
        kept.copyFrom(frame);
        expect(contents(kept)).toEqual(contents(frame));
        const resumed = frameOf(before);
        resumed.copyFrom(kept);
        expect(contents(resumed)).toEqual(contents(frame));
        const again = frameOf(before);
        again.copyFrom(frame);
        expect(contents(again)).toEqual(contents(frame));
        for (const one of [frame, kept, resumed, again]) pool.release(one);
      }),
    );
  });

  it('that run on have a place for every slot', () => {
    const frame = frameOf([{ kinds: new Array<number>(8).fill(STACK_SPILL), seed: 7 }]);
    const kept = pool.take(false);
    kept.copyFrom(frame);
    const resumed = running();
    resumed.copyFrom(kept);
    resumed.grow(MAX_SLOTS);
    const places = Array.from({ length: MAX_SLOTS }, (_, spi) => slotAt(resumed.words, spi));
    expect(places).toEqual(Array.from({ length: MAX_SLOTS }, (_, spi) => places[0]! + spi * REG_WORDS));
    expect(places.at(-1)! + REG_WORDS).toBeLessThanOrEqual(resumed.words.length);
  });

  it('tell the register or slot of a record by its place', () => {
    const frame = frameOf(
      Array.from({ length: 40 }, (_, seed) => ({ kinds: new Array<number>(8).fill(STACK_SPILL), seed })),
    );
    const kept = pool.take(false);
    kept.copyFrom(frame);
    for (const { words } of [frame, kept]) {
      expect(recordAt(words, regAt(10))).toBe(10);
      expect(recordAt(words, slotAt(words, 39))).toBe(REGISTERS + 39);
    }
  });
});

describe('a slot', () => {
  it('is a spill if its lowest byte is', () => {
    const { words } = frameOf([{ kinds: new Array<number>(8).fill(STACK_MISC), seed: 0 }]);
    setSlotKind(words, 0, 0, STACK_SPILL);
    expect(isSpill(words, 0)).toBe(false);
    setSlotKind(words, 0, 7, STACK_SPILL);
    expect(isSpill(words, 0)).toBe(true);
    setSlotKinds(words, 0, STACK_ZERO);
    expect(isSpill(words, 0)).toBe(false);
    expect(slotKind(words, 0, 7)).toBe(STACK_ZERO);
  });

  it('that came into use after the checkpoint has no parent', () => {
    const frame = running();
    frame.grow(1);
    frame.words[SLOT_PARENT] = parentHandle(frame, 0);
    frame.words[SLOTS_WITH_PARENT] = 1;
    frame.grow(2);
    expect(parentOf(frame.words, FIRST_SLOT)).toBe(parentHandle(frame, FIRST_SLOT));
    expect(recordOf(parentOf(frame.words, FIRST_SLOT))).toBe(FIRST_SLOT);
    expect(parentOf(frame.words, FIRST_SLOT + 1)).toBe(0);
  });
});

describe('marks', () => {
  it('are kept by record', () => {
    const { words } = running();
    for (const record of [0, 9, FIRST_SLOT, FIRST_SLOT + 31, FIRST_SLOT + 32, FIRST_SLOT + 63]) {
      expect(isWritten(words, record)).toBe(false);
      markWritten(words, record);
      expect(isWritten(words, record)).toBe(true);
      expect(isRead(words, record)).toBe(false);
    }
  });

  it('and the parent go with a register that is assigned whole', () => {
    const from = running().words;
    const to = running().words;
    from[READ32] = 1 << 3;
    from[REG_PARENT + 3] = 77;
    to[READ64] = 1 << 2;
    assignRegister(to, 2, from, 3);
    expect([to[READ32], to[READ64], to[REG_PARENT + 2]]).toEqual([1 << 2, 0, 77]);
  });

  it('are found from the lowest up', () => {
    expect([1, -2147483648, 0x30, -1].map(lowestBit)).toEqual([0, 31, 4, 0]);
  });
});
