/** Where checkpoints are listed, and which of them belong together. Source: explored_state, same_callsites in kernel/bpf/verifier.c. */
import type { Env } from '../env.ts';
import type { VerifierState } from '../state/state.ts';

/** Where the checkpoints for an instruction in the current function are listed. */
export function bucketOf(env: Env, insn: number): number {
  return ((insn ^ env.frame.callsite) >>> 0) % env.program.length;
}

/** First of the checkpoints that may be for this instruction. */
export function checkpointsAt(env: Env, insn: number): VerifierState | undefined {
  return env.explored[bucketOf(env, insn)];
}

/** All frames were called from the same places. */
export function sameCallsites(a: VerifierState, b: VerifierState): boolean {
  if (a.frames.length !== b.frames.length) return false;
  for (let i = a.frames.length - 1; i >= 0; i--)
    if (a.frames[i]!.callsite !== b.frames[i]!.callsite) return false;
  return true;
}
