/**
 * Why a checkpoint covers the current state, place by place, or which place keeps it from doing so and why: for observers, after the
 * comparison. It looks at what equal.ts has decided and decides nothing itself.
 */
import { baseType } from '../../spec/index.ts';
import { rangeWithin, scalarWithin } from '../domain/index.ts';
import type { Frame } from '../state/frame.ts';
import {
  AUX,
  FIRST_SLOT,
  FP,
  isRead,
  isSpill,
  OFF,
  PRECISE,
  regAt,
  STACK_INVALID,
  slotAt,
  slotKinds,
  TYPE,
} from '../state/layout.ts';
import { sameButIds, samePointee } from '../state/reg.ts';
import {
  isPacketPointer,
  NOT_INIT,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';
import { type Difference, LOOSE, type Strictness } from './equal.ts';
import type { CoveredPlace, CoverReason, DifferenceReason, StateDifference } from './places.ts';

/**
 * Every register and slot that holds something now or then, after a comparison that found `current` covered. The frame pointer is left
 * out: it never changes.
 */
export function coveredPlaces(
  old: VerifierState,
  current: VerifierState,
  how: Strictness,
): readonly CoveredPlace[] {
  const places: CoveredPlace[] = [];
  for (const [frame, before] of old.frames.entries()) {
    const now = current.frames[frame]!;
    for (let reg = 0; reg < FP; reg++) {
      const o = regAt(reg);
      if (before.words[o + TYPE] === NOT_INIT && now.words[o + TYPE] === NOT_INIT) continue;
      const reason = registerReason(before, o, now, o, how, isRead(before.words, reg));
      places.push({ frame, reg, slot: -1, reason });
    }
    for (let slot = 0; slot < Math.max(before.slots, now.slots); slot++) {
      if (isEmpty(before, slot) && isEmpty(now, slot)) continue;
      places.push({ frame, reg: -1, slot, reason: slotReason(before, now, slot, how) });
    }
  }
  return places;
}

function registerReason(
  old: Frame,
  oi: number,
  now: Frame,
  ni: number,
  how: Strictness,
  read: boolean,
): CoverReason {
  if (how === LOOSE && !read) return 'not-read';
  if (old.words[oi + TYPE] === NOT_INIT) return 'unset';
  if (sameButIds(old.words, oi, now.words, ni)) return 'same';
  const imprecise = how === LOOSE && old.words[oi + TYPE] === SCALAR_VALUE && old.words[oi + PRECISE] === 0;
  return imprecise ? 'not-precise' : 'within';
}

function slotReason(old: Frame, now: Frame, slot: number, how: Strictness): CoverReason {
  const read = isRead(old.words, FIRST_SLOT + slot);
  if (how === LOOSE && !read) return 'not-read';
  if (isEmpty(old, slot)) return 'unset';
  if (isSpill(old.words, slot) && slot < now.slots && isSpill(now.words, slot))
    return registerReason(old, slotAt(old.words, slot), now, slotAt(now.words, slot), how, read);
  if (slot < now.slots && slotKinds(old.words, slot) === slotKinds(now.words, slot)) return 'same';
  return isSpill(old.words, slot) ? 'not-precise' : 'any-bytes';
}

/** Nothing was ever stored there, or nobody reads it any more. */
function isEmpty(frame: Frame, slot: number): boolean {
  return slot >= frame.slots || slotKinds(frame.words, slot) === STACK_INVALID * 0x11111111;
}

/** What the last comparison stumbled over. */
export function describeDifference(
  { what, frame, reg, slot }: Difference,
  old: VerifierState,
  current: VerifierState,
): StateDifference {
  if (what !== 'value') return { frame, reg, slot, reason: what };
  const before = old.frames[frame]!;
  const now = current.frames[frame]!;
  if (reg >= 0) return { frame, reg, slot, reason: valueReason(before, regAt(reg), now, regAt(reg)) };
  const spilled = slot < now.slots && isSpill(before.words, slot) && isSpill(now.words, slot);
  const reason =
    spilled && slotKinds(before.words, slot) === slotKinds(now.words, slot)
      ? valueReason(before, slotAt(before.words, slot), now, slotAt(now.words, slot))
      : 'bytes';
  return { frame, reg, slot, reason };
}

function valueReason(old: Frame, oi: number, now: Frame, ni: number): DifferenceReason {
  const a = old.words;
  const b = now.words;
  const type = a[oi + TYPE]!;
  if (type !== b[ni + TYPE]) return 'kind';
  if (isPacketPointer(type)) {
    if (reachesLess(a[oi + AUX]!, b[ni + AUX]!)) return 'packet-range';
    if (a[oi + OFF] !== b[ni + OFF]) return 'target';
  } else if (type !== SCALAR_VALUE) {
    const alike = RANGED.includes(baseType(type)) ? samePointee(a, oi, b, ni) : sameButIds(a, oi, b, ni);
    if (!alike) return 'target';
  }
  if (!rangeWithin(a, oi, b, ni)) return 'range';
  return scalarWithin(a, oi, b, ni) ? 'ids' : 'bits';
}

/** Pointers whose variable offset may be narrower than then; of others it must be the same. */
const RANGED: readonly number[] = [
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_BUF,
  PTR_TO_TP_BUFFER,
];

/** Negative ranges say that the end is reached, and match only themselves. */
function reachesLess(then: number, now: number): boolean {
  return then < 0 || now < 0 ? then !== now : then > now;
}
