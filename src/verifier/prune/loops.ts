/**
 * Loops among checkpoints. A checkpoint on a path that comes back to an unfinished one is not known to be safe until that one is; so
 * each knows the outermost it came back to. And how loops with an open end are made to converge.
 * Source: get_loop_entry, update_loop_entry, update_branch_counts, find_prev_entry, widen_imprecise_scalars in kernel/bpf/verifier.c.
 */
import type { Env } from '../env.ts';
import { isSpill, PRECISE, REGISTERS, regAt, slotAt, TYPE } from '../state/layout.ts';
import { markRegUnknown } from '../state/reg.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';
import { registersExact } from './equal.ts';
import { checkpointsAt, sameCallsites } from './explored.ts';

/** The outermost loop entry of a state; shortens the chains on the way. */
export function loopEntryOf(state: VerifierState): VerifierState | undefined {
  let top = state.loopEntry;
  while (top?.loopEntry !== undefined && top !== top.loopEntry) top = top.loopEntry;
  for (let at: VerifierState | undefined = state; at !== undefined && at.loopEntry !== top; ) {
    const next: VerifierState | undefined = at.loopEntry;
    at.loopEntry = top;
    at = next;
  }
  return top;
}

/** `state` is part of a loop that `header` is the entry of, if that is further out than what is known. */
export function updateLoopEntry(state: VerifierState, header: VerifierState): void {
  const own = loopEntryOf(state) ?? state;
  const outer = loopEntryOf(header) ?? header;
  if (outer.branches === 0 || outer.depth > own.depth) return;
  state.loopEntry = header;
  header.usedAsLoopEntry = true;
}

/** A path has ended: the checkpoints that it grew from have one fewer to wait for. */
export function finishPath(state: VerifierState): void {
  for (let at: VerifierState | undefined = state; at !== undefined; at = at.parent) {
    at.branches--;
    if (at.branches > 0) return;
    if (at.parent !== undefined && at.loopEntry !== undefined) updateLoopEntry(at.parent, at.loopEntry);
  }
}

/** The checkpoint of the round before, at a loop's instruction. */
export function previousRound(env: Env, state: VerifierState, insn: number): VerifierState | undefined {
  for (let at = checkpointsAt(env, insn); at !== undefined; at = at.next)
    if (at.insn === insn && at.branches > 0 && at.depth < state.depth && sameCallsites(at, state)) return at;
  return undefined;
}

/** Scalars that changed from round to round, and that nothing depends on, become unknown: then the next round is no different. */
export function widenScalars(env: Env, old: VerifierState, current: VerifierState): void {
  env.idMap.reset(env.idGen);
  for (let fr = old.curframe; fr >= 0; fr--) {
    const before = old.frames[fr]!;
    const now = current.frames[fr]!;
    for (let reg = 0; reg < REGISTERS; reg++) widen(env, before.words, regAt(reg), now.words, regAt(reg));
    const slots = Math.min(before.slots, now.slots);
    for (let spi = 0; spi < slots; spi++) {
      if (isSpill(before.words, spi) && isSpill(now.words, spi))
        widen(env, before.words, slotAt(before.words, spi), now.words, slotAt(now.words, spi));
    }
  }
}

function widen(env: Env, old: Int32Array, oi: number, now: Int32Array, ni: number): void {
  if (old[oi + TYPE] !== SCALAR_VALUE || now[ni + TYPE] !== SCALAR_VALUE) return;
  if (old[oi + PRECISE] === 1 || now[ni + PRECISE] === 1 || registersExact(env, old, oi, now, ni)) return;
  markRegUnknown(now, ni);
}
