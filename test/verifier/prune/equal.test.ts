/** Whether a checkpoint covers a state: on states of two registers and a slot or two, made by hand. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BpfProgType } from '../../../src/spec/index.ts';
import { markKnown, markUnknown } from '../../../src/verifier/domain/index.ts';
import { Env } from '../../../src/verifier/env.ts';
import { COVERED, EXACT, LOOSE, statesEqual } from '../../../src/verifier/prune/equal.ts';
import type { Frame } from '../../../src/verifier/state/frame.ts';
import {
  ID,
  OFF,
  PRECISE,
  READ64,
  regAt,
  SLOTS,
  STACK_MISC,
  STACK_ZERO,
  setSlotKinds,
  TYPE,
} from '../../../src/verifier/state/layout.ts';
import { PTR_TO_CTX, PTR_TO_MAP_VALUE, SCALAR_VALUE } from '../../../src/verifier/state/reg-type.ts';
import { VerifierState } from '../../../src/verifier/state/state.ts';

const env = new Env(
  {
    insns: [{ opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 }],
    type: BpfProgType.BPF_PROG_TYPE_XDP,
    attachType: 0,
    flags: 0,
    license: 'GPL',
    maps: new Map(),
  },
  1,
  undefined,
);

function state(): VerifierState {
  const made = new VerifierState();
  const frame = env.pool.take(true);
  frame.words.fill(0, 0, SLOTS);
  frame.slots = 0;
  frame.callsite = -1;
  made.frames.push(frame);
  return made;
}

let old: VerifierState;
let now: VerifierState;
beforeEach(() => {
  old = state();
  now = state();
});

function scalar({ words }: Frame, reg: number, value: number | undefined): void {
  if (value === undefined) markUnknown(words, regAt(reg));
  else markKnown(words, regAt(reg), value, 0);
  words[regAt(reg) + TYPE] = SCALAR_VALUE;
}

function read({ words }: Frame, reg: number, precise = 0): void {
  words[READ64]! |= 1 << reg;
  words[regAt(reg) + PRECISE] = precise;
}

describe('a number', () => {
  beforeEach(() => {
    scalar(old.frame, 1, 5);
    scalar(now.frame, 1, 6);
  });

  it('that is never read does not matter', () => {
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
  });

  it('that is read but not precise does not matter either', () => {
    read(old.frame, 1);
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
  });

  it('that is precise must be among the old ones', () => {
    read(old.frame, 1, 1);
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
    scalar(old.frame, 1, undefined);
    read(old.frame, 1, 1);
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
  });

  it('must be among the old ones in a loop that is not finished, read or not', () => {
    expect(statesEqual(env, old, now, COVERED)).toBe(false);
    scalar(old.frame, 1, undefined);
    expect(statesEqual(env, old, now, COVERED)).toBe(true);
  });

  it('must be the same if a loop is to be endless', () => {
    scalar(old.frame, 1, undefined);
    expect(statesEqual(env, old, now, EXACT)).toBe(false);
    scalar(now.frame, 1, undefined);
    expect(statesEqual(env, old, now, EXACT)).toBe(true);
  });
});

describe('numbers that were equal then', () => {
  it('must be equal now', () => {
    for (const reg of [1, 2])
      for (const { frame } of [old, now]) {
        scalar(frame, reg, undefined);
        read(frame, reg, 1);
      }
    old.frame.words[regAt(1) + ID] = 3;
    old.frame.words[regAt(2) + ID] = 3;
    now.frame.words[regAt(1) + ID] = 8;
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
    now.frame.words[regAt(2) + ID] = 8;
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
  });
});

describe('a pointer that is read', () => {
  it('must point to the same', () => {
    for (const { frame } of [old, now]) {
      frame.words[regAt(1) + TYPE] = PTR_TO_MAP_VALUE;
      read(frame, 1);
    }
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
    now.frame.words[regAt(1) + OFF] = 8;
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
    now.frame.words[regAt(1) + TYPE] = PTR_TO_CTX;
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
  });
});

describe('a stack slot that is read', () => {
  function slot(frame: Frame, kind: number): void {
    frame.grow(1);
    setSlotKinds(frame.words, 0, kind);
    frame.words[READ64 + 1] = 1;
  }

  it('is covered by any bytes, not by zeros', () => {
    slot(old.frame, STACK_MISC);
    slot(now.frame, STACK_ZERO);
    expect(statesEqual(env, old, now, LOOSE)).toBe(true);
    expect(statesEqual(env, now, old, LOOSE)).toBe(false);
  });

  it('must exist if it held anything in particular', () => {
    slot(old.frame, STACK_ZERO);
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
  });
});

describe('calls', () => {
  it('must come from the same places', () => {
    now.frame.callsite = 4;
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
  });

  it('must be as deep', () => {
    now.frames.push(state().frame);
    expect(statesEqual(env, old, now, LOOSE)).toBe(false);
  });
});
