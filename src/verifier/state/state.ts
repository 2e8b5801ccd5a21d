/**
 * A verifier state: what is known at one instruction on one path. The walk has one current state, a stack of states still to be
 * explored, and checkpoints: copies kept at instructions where paths meet.
 * Source: struct bpf_verifier_state and bpf_verifier_state_list, include/linux/bpf_verifier.h; copy_verifier_state.
 */
import type { Frame } from './frame.ts';
import type { FramePool } from './pool.ts';

/** One state; as a checkpoint it also counts how useful it was, and is in a list of its instruction. */
export class VerifierState {
  /** From the program's own frame to the current one. */
  readonly frames: Frame[] = [];
  /** A spin lock is held: index of its map (1-based), 0 for none, and the id of the value that it is in. */
  lockMap = 0;
  lockId = 0;
  /** Paths from this state that are not finished; a checkpoint with 0 is known to be safe. */
  branches = 0;
  /** The checkpoint that this state grew from. */
  parent: VerifierState | undefined;
  /** First and last instruction of this state's part of the path. */
  firstInsn = 0;
  lastInsn = 0;
  /** Checkpoints: the instruction where it was made. */
  insn = 0;
  /** This state's part of the instruction history. */
  historyStart = 0;
  historyEnd = 0;
  /** Number of checkpoints on the way here. */
  depth = 0;
  /** Rounds of callbacks that are being simulated. */
  callbackUnrollDepth = 0;
  mayGotoDepth = 0;
  usedAsLoopEntry = false;
  /** Some scalar in it may be marked precise. */
  anyPrecise = false;
  /** The outermost checkpoint that this one's path came back to. */
  loopEntry: VerifierState | undefined;

  // Checkpoints only: how often it let a path end early, or failed to; the next one of the same hash.
  hits = 0;
  misses = 0;
  next: VerifierState | undefined;

  /** The frame that is running. */
  get frame(): Frame {
    return this.frames[this.frames.length - 1]!;
  }

  /** Number of the running frame. */
  get curframe(): number {
    return this.frames.length - 1;
  }
}

/** Makes `to` a copy of `from`: all but what belongs to a checkpoint. `run`: it will be walked on. */
export function copyState(pool: FramePool, to: VerifierState, from: VerifierState, run: boolean): void {
  while (to.frames.length > from.frames.length) pool.release(to.frames.pop()!);
  to.lockMap = from.lockMap;
  to.lockId = from.lockId;
  to.branches = from.branches;
  to.parent = from.parent;
  to.firstInsn = from.firstInsn;
  to.lastInsn = from.lastInsn;
  to.historyStart = from.historyStart;
  to.historyEnd = from.historyEnd;
  to.depth = from.depth;
  to.callbackUnrollDepth = from.callbackUnrollDepth;
  to.mayGotoDepth = from.mayGotoDepth;
  to.usedAsLoopEntry = from.usedAsLoopEntry;
  to.anyPrecise = from.anyPrecise;
  to.loopEntry = from.loopEntry;
  for (let i = 0; i < from.frames.length; i++) {
    const frame = to.frames[i] ?? pool.take(run);
    frame.copyFrom(from.frames[i]!);
    to.frames[i] = frame;
  }
}

/** Gives all frames of a state back. */
export function dropState(pool: FramePool, state: VerifierState): void {
  for (const frame of state.frames) pool.release(frame);
  state.frames.length = 0;
}
