/**
 * The stack of states that wait to be explored. A conditional jump puts one side there and goes on with the other; when a path ends,
 * the walk takes up the state that was put there last. Source: push_stack, pop_stack in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import type { Env } from '../env.ts';
import { MAX_PENDING } from '../limits.ts';
import { copyState, dropState, VerifierState } from '../state/state.ts';

/** Puts a copy of the current state aside, to go on at `insn`; it comes from `from`. The caller adjusts the copy. */
export function pushState(env: Env, insn: number, from: number): VerifierState {
  const state = env.spareStates.pop() ?? new VerifierState();
  copyState(env.pool, state, env.state, false);
  env.pending.push(state);
  env.pendingInsn.push(insn);
  env.pendingFrom.push(from);
  env.observer?.push?.(env, state, insn);
  if (env.pending.length > MAX_PENDING)
    env.reject('too-many-jumps', Errno.E2BIG, `The sequence of ${env.pending.length} jumps is too complex.`);
  if (state.parent !== undefined) state.parent.branches++;
  return state;
}

/** Takes up the state that was put aside last. False if there is none: everything has been explored. */
export function popState(env: Env): boolean {
  const state = env.pending.pop();
  if (state === undefined) return false;
  copyState(env.pool, env.state, state, true);
  dropState(env.pool, state);
  env.spareStates.push(state);
  env.insn = env.pendingInsn.pop()!;
  env.prevInsn = env.pendingFrom.pop()!;
  env.observer?.pop?.(env, env.prevInsn);
  return true;
}
