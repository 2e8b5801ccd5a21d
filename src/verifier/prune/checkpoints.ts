/**
 * Checkpoints: finding one that covers the current state, making new ones, dropping those that never helped.
 * Source: is_state_visited, clean_live_states, propagate_liveness, explored_state in kernel/bpf/verifier.c.
 */
import { CALLS_CALLBACK, type Env, FORCE_CHECKPOINT, JMP_POINT } from '../env.ts';
import { EINVAL } from '../errors.ts';
import { formatState } from '../log/state-text.ts';
import { forgetPrecision, propagatePrecision } from '../precision/chain.ts';
import { markAncestors } from '../registers/liveness.ts';
import type { Frame } from '../state/frame.ts';
import {
  FIRST_SLOT,
  FP,
  ID,
  isRead,
  lowestBit,
  MASK_WORDS,
  READ32,
  READ64,
  REF,
  REG_PARENT,
  REGISTERS,
  regAt,
  SLOT_PARENT,
  SLOTS_WITH_PARENT,
  STACK_INVALID,
  setSlotKinds,
  WRITTEN,
} from '../state/layout.ts';
import { parentHandle } from '../state/pool.ts';
import { markRegNotInit, sameButIds } from '../state/reg.ts';
import { copyState, dropState, VerifierState } from '../state/state.ts';
import { COVERED, differ, difference, EXACT, LOOSE, type Strictness, statesEqual } from './equal.ts';
import { bucketOf, sameCallsites } from './explored.ts';
import { loopEntryOf, updateLoopEntry } from './loops.ts';
import { coveredPlaces, describeDifference } from './reasons.ts';

/** A path longer than this since the last checkpoint gets one, so that backtracking stays short. */
const MAX_HISTORY = 40;

/**
 * Compares the current state with the checkpoints of the current instruction. True if one covers it: then the path ends. Otherwise
 * a checkpoint is made where that seems worth it.
 */
export function visitCheckpoint(env: Env): boolean {
  const { state, insn } = env;
  const force =
    env.testStateFreq ||
    env.isMarked(insn, FORCE_CHECKPOINT) ||
    state.historyEnd - state.historyStart > MAX_HISTORY;
  let add = force || (env.jumps - env.prevJumps >= 2 && env.processed - env.prevProcessed >= 8);
  const index = bucketOf(env, insn);
  finishCheckpoints(env, index);
  let count = 0;
  let previous: VerifierState | undefined;
  for (let old = env.explored[index]; old !== undefined; ) {
    count++;
    const next: VerifierState | undefined = old.next;
    if (old.insn !== insn) {
      previous = old;
      old = next;
      continue;
    }
    const verdict = compare(env, old, force);
    if (verdict === 'hit') {
      endAt(env, old);
      return true;
    }
    if (verdict === 'too-soon') add = false;
    if (missed(env, old, add)) {
      if (previous === undefined) env.explored[index] = next;
      else previous.next = next;
    } else previous = old;
    old = next;
  }
  if (count > env.maxStatesPerInsn) env.maxStatesPerInsn = count;
  if (add) addCheckpoint(env, index);
  return false;
}

/** One checkpoint against the current state; `too-soon`: this loop just began, no checkpoint is needed yet. */
function compare(env: Env, old: VerifierState, force: boolean): 'hit' | 'miss' | 'too-soon' {
  const { state, insn } = env;
  if (old.branches > 0) {
    const mayGoto = env.program.isMayGoto(insn);
    if (mayGoto && old.mayGotoDepth !== state.mayGotoDepth && statesEqual(env, old, state, COVERED)) {
      updateLoopEntry(state, old);
      return 'hit';
    }
    if (env.isMarked(insn, CALLS_CALLBACK)) {
      if (statesEqual(env, old, state, COVERED)) return 'hit';
    } else {
      checkInfiniteLoop(env, old);
      differ('unfinished', -1, -1, -1);
    }
    // The checkpoint is on this very path: a loop. Unrolling it a few times first often decides its end.
    const tooSoon = !force && env.jumps - env.prevJumps < 20 && env.processed - env.prevProcessed < 100;
    return tooSoon ? 'too-soon' : 'miss';
  }
  const how = strictness(old);
  if (!statesEqual(env, old, state, how)) return 'miss';
  if (how === COVERED) updateLoopEntry(state, loopEntryOf(old)!);
  return 'hit';
}

/** As part of a loop that is not finished, a checkpoint does not know yet what will be read. */
function strictness(old: VerifierState): Strictness {
  if (old.branches > 0) return COVERED;
  const entry = loopEntryOf(old);
  return entry !== undefined && entry.branches > 0 ? COVERED : LOOSE;
}

/** The path came back to where it was, and nothing has changed. */
function checkInfiniteLoop(env: Env, old: VerifierState): void {
  const { state, insn } = env;
  const same =
    maybeLooping(old, state) &&
    statesEqual(env, old, state, EXACT) &&
    old.mayGotoDepth === state.mayGotoDepth &&
    old.callbackUnrollDepth === state.callbackUnrollDepth;
  if (!same) return;
  env.observer?.infiniteLoop?.(env, old);
  env.observer?.source?.(insn, '; ');
  env.print(`infinite loop detected at insn ${insn}\n`);
  env.print(`cur state:${formatState(env, state.frame, true)}\n`);
  const oldFrame = old.frames[state.curframe]!;
  env.reject('infinite-loop', EINVAL, `old state:${formatState(env, oldFrame, true)}`);
}

/** A quick look at the registers of the running function, ids included. */
function maybeLooping(old: VerifierState, current: VerifierState): boolean {
  if (old.frames.length !== current.frames.length) return false;
  const a = old.frame.words;
  const b = current.frame.words;
  for (let reg = 0; reg < REGISTERS; reg++) {
    const o = regAt(reg);
    if (!sameButIds(a, o, b, o) || a[o + ID] !== b[o + ID] || a[o + REF] !== b[o + REF]) return false;
  }
  return true;
}

/** The path ends at a checkpoint: what that reads and needs precise, the states before this one do too. */
function endAt(env: Env, old: VerifierState): void {
  const { state, insn } = env;
  old.hits++;
  env.observer?.prune?.(
    env,
    old,
    old.branches > 0 ? 'loop' : 'safe',
    coveredPlaces(old, state, strictness(old)),
  );
  propagateLiveness(env, old, state);
  if (env.isMarked(insn, JMP_POINT)) env.history.push(state, insn, env.prevInsn, 0);
  propagatePrecision(env, old);
}

function propagateLiveness(env: Env, old: VerifierState, current: VerifierState): void {
  for (let fr = 0; fr < old.frames.length; fr++) {
    const before = old.frames[fr]!;
    const now = current.frames[fr]!;
    const running = fr === old.frames.length - 1;
    const slots = Math.min(before.slots, now.slots);
    // Of callers, only r6 to r9 will be read again.
    propagateMasked(env, before, now, 0, running ? 0x3ff : 0x3c0);
    propagateMasked(env, before, now, 1, lowBits(slots));
    propagateMasked(env, before, now, 2, lowBits(slots - 32));
  }
}

/** For the records of one word of the masks that are set in `among`. */
function propagateMasked(env: Env, before: Frame, now: Frame, word: number, among: number): void {
  const old64 = before.words[READ64 + word]!;
  const now64 = now.words[READ64 + word]!;
  const half = before.words[READ32 + word]! & ~(now64 | now.words[READ32 + word]!);
  for (let mask = ((old64 & ~now64) | half) & among; mask !== 0; mask &= mask - 1) {
    const bit = lowestBit(mask);
    markAncestors(env, parentHandle(now, 32 * word + bit), (old64 & (1 << bit)) !== 0);
  }
}

/** The lowest `count` bits; none if that is negative. */
function lowBits(count: number): number {
  return count >= 32 ? -1 : (1 << Math.max(count, 0)) - 1;
}

/** The checkpoint did not cover the state. True if it failed too often and is dropped from its list. */
function missed(env: Env, old: VerifierState, counts: boolean): boolean {
  env.observer?.miss?.(env, old, describeDifference(difference, old, env.state));
  if (counts) old.misses++;
  const patience = env.isMarked(env.insn, FORCE_CHECKPOINT) && old.branches > 0 ? 64 : 3;
  if (old.misses <= old.hits * patience + patience) return false;
  // Others may still name it as their parent, unless it is finished.
  if (old.frames[0]!.finished && !old.usedAsLoopEntry) {
    dropState(env.pool, old);
    env.peakStates--;
  }
  return true;
}

/** Copies the current state, and makes the copy its parent. */
function addCheckpoint(env: Env, index: number): void {
  const { state, insn } = env;
  env.totalStates++;
  env.peakStates++;
  env.prevJumps = env.jumps;
  env.prevProcessed = env.processed;
  forgetPrecision(state);
  const made = new VerifierState();
  copyState(env.pool, made, state, false);
  made.insn = insn;
  state.parent = made;
  state.firstInsn = insn;
  state.historyStart = state.historyEnd;
  state.depth = made.depth + 1;
  made.next = env.explored[index];
  env.explored[index] = made;
  adoptParents(state, made);
  env.observer?.checkpoint?.(env, made);
}

/** Registers begin a new life: unread, unwritten, and children of those in the checkpoint. */
function adoptParents(state: VerifierState, made: VerifierState): void {
  for (let fr = 0; fr < state.frames.length; fr++) {
    const { words, slots } = state.frames[fr]!;
    const above = made.frames[fr]!;
    // Of callers, only r6 to r9 will be read again.
    for (let reg = fr === state.curframe ? 0 : 6; reg < FP; reg++)
      words[REG_PARENT + reg] = parentHandle(above, reg);
    words[SLOT_PARENT] = parentHandle(above, 0);
    words[SLOTS_WITH_PARENT] = slots;
    for (let i = 0; i < MASK_WORDS; i++) {
      words[READ32 + i] = 0;
      words[READ64 + i] = 0;
      words[WRITTEN + i] = 0;
    }
  }
}

/** Forgets, in finished checkpoints of this instruction, all that nobody read (clean_live_states). */
function finishCheckpoints(env: Env, index: number): void {
  for (let old = env.explored[index]; old !== undefined; old = old.next) {
    if (old.branches > 0) continue;
    const entry = loopEntryOf(old);
    if (entry !== undefined && entry.branches > 0) continue;
    if (old.insn !== env.insn || !sameCallsites(old, env.state)) continue;
    if (!old.frames[0]!.finished) finish(old);
  }
}

function finish(state: VerifierState): void {
  for (const frame of state.frames) {
    const { words, slots } = frame;
    frame.finished = true;
    for (let reg = 0; reg < FP; reg++) if (!isRead(words, reg)) markRegNotInit(words, regAt(reg));
    for (let spi = 0; spi < slots; spi++)
      if (!isRead(words, FIRST_SLOT + spi)) setSlotKinds(words, spi, STACK_INVALID);
  }
}
