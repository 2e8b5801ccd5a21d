/**
 * Who watches a verification. The walk announces each thing it does to one observer, if there is one; with none, an announcement
 * is one test. The kernel's log is an observer (log/kernel-log.ts), explanations and pages are others.
 */
import type { BoundRule } from './domain/index.ts';
import type { CoveredPlace, StateDifference } from './prune/places.ts';
import type { VerifierState } from './state/state.ts';
import type { Walk } from './walk.ts';

/** Why a path ended at a checkpoint. */
export type PruneReason = 'safe' | 'loop';

/**
 * All methods are optional. `walk` is the verification itself, to look at (walk.ts).
 */
export interface VerifierObserver {
  /** Text that the kernel's log has here, with its line ends: errors, notices, results of BTF lookups. */
  text?(text: string): void;
  /** The source line of `insn` belongs here, ahead of a message or an instruction. */
  source?(insn: number, prefix: string): void;
  /** A function is about to be walked: the program (0) or a global subprogram. */
  begin?(walk: Walk, subprog: number): void;
  /** That function has been walked and is safe. */
  end?(walk: Walk, subprog: number): void;
  /** The instruction `walk.insn` is about to be checked in `walk.state`. */
  step?(walk: Walk): void;
  /** The path ends at the current instruction, which a checkpoint covers. */
  pathSafe?(walk: Walk): void;
  /** A conditional jump was followed: `walk.state` is the side that goes on; `taken` is undefined if both sides are possible. */
  branch?(walk: Walk, taken: boolean | undefined): void;
  /** A state was put aside, to go on at `insn` later. */
  push?(walk: Walk, state: VerifierState, insn: number): void;
  /** The walk took up the state that was put aside last; `from` is the instruction it comes from. */
  pop?(walk: Walk, from: number): void;
  /** A checkpoint was made at `walk.insn`. */
  checkpoint?(walk: Walk, state: VerifierState): void;
  /** The path ends here: `state`, a checkpoint, covers the current state. Why it does so is said of each register and slot. */
  prune?(walk: Walk, state: VerifierState, reason: PruneReason, places: readonly CoveredPlace[]): void;
  /** A checkpoint at this instruction does not cover the current state: the first thing that differs, and how. */
  miss?(walk: Walk, state: VerifierState, difference: StateDifference): void;
  /** The current state equals one that it came from: the loop would never end. */
  infiniteLoop?(walk: Walk, state: VerifierState): void;
  /** The walk enters a static function. */
  call?(walk: Walk): void;
  /** The walk is about to return from a function; `target` is where it goes on. */
  return?(walk: Walk, target: number): void;
  /** Backtracking for precision starts a stretch between checkpoints. */
  precisionStretch?(walk: Walk, frame: number, last: number, first: number, subsequent: number): void;
  /** Backtracking looks at an instruction with these registers and slots (bit masks) still wanted. */
  precisionStep?(
    walk: Walk,
    frame: number,
    regs: number,
    slotsLo: number,
    slotsHi: number,
    insn: number,
  ): void;
  /** Backtracking reached a checkpoint: what is marked precise there. */
  precisionParent?(
    walk: Walk,
    state: VerifierState,
    frame: number,
    regs: number,
    slotsLo: number,
    slotsHi: number,
  ): void;
  /** Backtracking gave up: all scalars of all checkpoints on the path become precise; then one event a scalar. */
  precisionAll?(walk: Walk, frame: number): void;
  /** One scalar of a checkpoint that became precise so: a register, or (reg -1) a slot. */
  precisionForced?(frame: number, reg: number, slot: number): void;
  /** A checkpoint that covers this state needs these registers and slots precise. */
  precisionPropagated?(frame: number, regs: readonly number[], slots: readonly number[]): void;
  /** A bpf_loop callback was walked as often as the loop can run. */
  loopLimit?(walk: Walk): void;
  /** A rule set or tightened bounds of a number, see domain/rules.ts. Registers are records in `words`. */
  bound?(rule: BoundRule, changed: number, words: Int32Array, offset: number): void;
}
