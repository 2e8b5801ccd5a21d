/**
 * Precision: most scalars are compared loosely when paths meet, since nothing depended on their exact value. When something does
 * (a jump that is always taken, an offset, a size), the scalar and all it was computed from become precise in every checkpoint
 * on the path. Source: __mark_chain_precision, mark_all_scalars_precise, propagate_precision in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import type { Env } from '../env.ts';
import { MAX_BACKTRACKED } from '../limits.ts';
import { MAIN_FUNCTION } from '../state/frame.ts';
import {
  FIRST_SLOT,
  FP,
  isRead,
  isSpill,
  lowestBit,
  PRECISE,
  regAt,
  SPILLED,
  slotAt,
  TYPE,
} from '../state/layout.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import { forEachRegister } from '../state/registers.ts';
import type { VerifierState } from '../state/state.ts';
import { bug, stepBack } from './backtrack.ts';

/** The path goes no further back. */
const NO_MORE = -2;

/** The walk depends on a scalar register of the current frame. */
export function markPrecise(env: Env, reg: number): void {
  const { backtrack: bt, frame, state } = env;
  bt.frame = state.curframe;
  if (frame.words[regAt(reg) + TYPE] !== SCALAR_VALUE) bug(env, 'backtracking misuse');
  bt.setReg(reg);
  followChain(env);
}

/** The same for all registers and slots that are set in the backtracking masks. */
function markPreciseAll(env: Env): void {
  env.backtrack.frame = env.state.curframe;
  followChain(env);
}

/** Goes back checkpoint by checkpoint until nothing is wanted any more. */
function followChain(env: Env): void {
  const { backtrack: bt } = env;
  if (bt.isEmpty()) return;
  let state = env.state;
  let last = env.insn;
  let after = -1;
  let skipFirst = true;
  for (;;) {
    env.observer?.precisionStretch?.(env, bt.frame, last, state.firstInsn, after);
    if (last < 0) {
      finishAtEntry(env, state);
      return;
    }
    const outcome = backOverStretch(env, state, last, after, skipFirst);
    checkPatience(env);
    if (outcome === 'done') return;
    if (outcome === 'unsupported') {
      markAllPrecise(env);
      bt.reset();
      return;
    }
    skipFirst = false;
    after = state.firstInsn;
    const { parent } = state;
    if (parent === undefined) break;
    markInCheckpoint(env, parent);
    if (bt.isEmpty()) return;
    state = parent;
    last = parent.lastInsn;
  }
  if (!bt.isEmpty()) {
    markAllPrecise(env);
    bt.reset();
  }
}

/** Long paths that are gone back over again and again would take forever: the kernel's time is not bounded either. */
function checkPatience(env: Env): void {
  if (env.backtrack.steps > MAX_BACKTRACKED)
    env.reject(
      'backtracking-too-long',
      Errno.E2BIG,
      `the paths on which precise values were computed are too long: looked back at ${MAX_BACKTRACKED} insns`,
    );
}

/** Steps back over one state's instructions. `more`: the checkpoint that it grew from is next. */
function backOverStretch(
  env: Env,
  state: VerifierState,
  last: number,
  after: number,
  skipFirst: boolean,
): 'more' | 'done' | 'unsupported' {
  const { history, backtrack: bt } = env;
  const start = state.historyStart;
  let end = state.historyEnd;
  let next = after;
  let skip = skipFirst;
  for (let i = last; ; ) {
    bt.steps++;
    const entry = end > start && history.insnOf(end - 1) === i ? end - 1 : -1;
    if (skip) skip = false;
    else if (!stepBack(env, i, next, entry)) return 'unsupported';
    if (bt.isEmpty()) return 'done';
    next = i;
    const previous = previousInsn(env, state, i, start, end);
    if (entry >= 0) end--;
    if (previous === NO_MORE) return 'more';
    if (previous >= env.program.length) bug(env, `BUG backtracking idx ${previous}`);
    i = previous;
  }
}

/** The instruction before `i` on this state's path, or NO_MORE at its start (get_prev_insn_idx). */
function previousInsn(env: Env, state: VerifierState, i: number, start: number, end: number): number {
  const { history } = env;
  const count = end - start;
  if (i === state.firstInsn && (count === 0 || (count === 1 && history.insnOf(start) === i))) return NO_MORE;
  return count > 0 && history.insnOf(end - 1) === i ? history.prevOf(end - 1) : i - 1;
}

/** The start of a global function, which was walked by itself: what is wanted must be arguments. */
function finishAtEntry(env: Env, state: VerifierState): void {
  const { backtrack: bt } = env;
  const frame = state.frames[0]!;
  const isGlobalEntry = state.curframe === 0 && frame.subprog > 0 && frame.callsite === MAIN_FUNCTION;
  if (!isGlobalEntry || !bt.noSlots || (bt.regMask & ~0x3e) !== 0)
    bug(env, `BUG backtracking func entry subprog ${frame.subprog}`);
  for (let reg = 1; reg <= 5; reg++) {
    if (!bt.hasReg(reg)) continue;
    bt.clearReg(reg);
    const o = regAt(reg);
    if (frame.words[o + TYPE] === SCALAR_VALUE) frame.words[o + PRECISE] = 1;
    state.anyPrecise = true;
  }
}

/** Marks what is wanted in a checkpoint; what is no scalar, or is precise already, is wanted no more. */
function markInCheckpoint(env: Env, state: VerifierState): void {
  const { backtrack: bt } = env;
  for (let fr = bt.frame; fr >= 0; fr--) {
    const { words, slots } = state.frames[fr]!;
    for (let mask = bt.regs[fr]!; mask !== 0; mask &= mask - 1) {
      const reg = lowestBit(mask);
      if (!becomePrecise(state, words, regAt(reg))) bt.regs[fr]! &= ~(1 << reg);
    }
    for (let half = 0; half < 2; half++)
      for (let mask = (half === 0 ? bt.slotsLo : bt.slotsHi)[fr]!; mask !== 0; mask &= mask - 1) {
        const spi = 32 * half + lowestBit(mask);
        if (spi >= slots) bug(env, `BUG backtracking (stack slot ${spi}, total slots ${slots})`);
        if (!isSpill(words, spi) || !becomePrecise(state, words, slotAt(words, spi))) bt.clearSlot(fr, spi);
      }
    env.observer?.precisionParent?.(env, state, fr, bt.regs[fr]!, bt.slotsLo[fr]!, bt.slotsHi[fr]!);
  }
}

/** False if there was nothing to mark. */
function becomePrecise(state: VerifierState, words: Int32Array, o: number): boolean {
  if (words[o + TYPE] !== SCALAR_VALUE || words[o + PRECISE] === 1) return false;
  words[o + PRECISE] = 1;
  state.anyPrecise = true;
  return true;
}

/** Gives up finding out: all scalars of all checkpoints on the path become precise. */
function markAllPrecise(env: Env): void {
  const { observer } = env;
  observer?.precisionAll?.(env, env.state.curframe);
  for (let state = env.state.parent; state !== undefined; state = state.parent) {
    checkPatience(env);
    for (const [fr, { words, slots }] of state.frames.entries()) {
      env.backtrack.steps += FP + slots;
      for (let reg = 0; reg < FP; reg++)
        if (becomePrecise(state, words, regAt(reg))) observer?.precisionForced?.(fr, reg, -1);
      for (let spi = 0; spi < slots; spi++)
        if (isSpill(words, spi) && becomePrecise(state, words, slotAt(words, spi)))
          observer?.precisionForced?.(fr, -1, spi);
    }
  }
}

/** A new checkpoint starts without precise scalars: its own path will mark those that it needs. */
export function forgetPrecision(state: VerifierState): void {
  if (!state.anyPrecise) return;
  forEachRegister(state, (words, o) => {
    if (words[o + TYPE] === SCALAR_VALUE) words[o + PRECISE] = 0;
  });
  state.anyPrecise = false;
}

/** The current path ends at a checkpoint: what that needs precise, this path needs too (propagate_precision). */
export function propagatePrecision(env: Env, old: VerifierState): void {
  if (!old.anyPrecise) return;
  const { backtrack: bt, observer } = env;
  for (let fr = old.curframe; fr >= 0; fr--) {
    const { words } = old.frames[fr]!;
    for (let reg = 0; reg < FP; reg++)
      if (isRead(words, reg) && isPrecise(words, regAt(reg))) bt.regs[fr]! |= 1 << reg;
    for (let half = 0; half < 2; half++)
      for (let mask = words[SPILLED + 1 + half]!; mask !== 0; mask &= mask - 1) {
        const spi = 32 * half + lowestBit(mask);
        if (isRead(words, FIRST_SLOT + spi) && isPrecise(words, slotAt(words, spi))) bt.setSlot(fr, spi);
      }
    const any = (bt.regs[fr]! | bt.slotsLo[fr]! | bt.slotsHi[fr]!) !== 0;
    if (any && observer?.precisionPropagated !== undefined)
      observer.precisionPropagated(fr, bitsOf(bt.regs[fr]!, 0), [
        ...bitsOf(bt.slotsLo[fr]!, 0),
        ...bitsOf(bt.slotsHi[fr]!, 32),
      ]);
  }
  markPreciseAll(env);
}

function isPrecise(words: Int32Array, o: number): boolean {
  return words[o + TYPE] === SCALAR_VALUE && words[o + PRECISE] === 1;
}

/** Positions of set bits. */
export function bitsOf(mask: number, from: number): number[] {
  const bits: number[] = [];
  for (let i = 0; i < 32; i++) if ((mask & (1 << i)) !== 0) bits.push(from + i);
  return bits;
}
