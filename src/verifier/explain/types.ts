/** What an explanation consists of: plain data for terminals, web pages and `--json`. No text here is the kernel's but where said. */
import type { BoundRule } from '../domain/index.ts';
import type { VerifierFailure } from '../input.ts';

/** A line of the program's source, from BTF.ext. */
export interface SourcePlace {
  readonly file: string;
  /** Counted from 1; 0 when the compiler does not say. */
  readonly line: number;
  readonly column: number;
  /** The line itself, without the white space around it. */
  readonly text: string;
}

/** An instruction. */
export interface CodePlace {
  /** Index in slots, as the kernel's log counts. */
  readonly insn: number;
  /** The instruction as the kernel's log prints it; maps and functions by name. */
  readonly text: string;
  readonly source?: SourcePlace;
}

/** What the verifier knew of a register, or of eight bytes of stack, ahead of the failing instruction. */
export interface RegisterFact {
  /** `R1`, or `fp-8`. */
  readonly name: string;
  /** As the kernel's log prints it: `scalar(umin=1)`. `?` for what was never written. */
  readonly state: string;
  /** The same in plain words. */
  readonly meaning: string;
  /** The failure is about this one. */
  readonly culprit: boolean;
}

/** A conditional jump on the failing path; in a loop, the last time it was met. */
export interface BranchFact {
  readonly place: CodePlace;
  /** What held from here on: `r1 <= 5`. */
  readonly condition: string;
  readonly taken: boolean;
  /** The verifier knew that it could only go this way. */
  readonly decided: boolean;
  /** How often the path went this way. */
  readonly times: number;
}

/** One step of the way on which the offending value came to be. */
export interface OriginFact {
  readonly place: CodePlace;
  /** The register or stack slot that the instruction gave a value: `R1`, `fp-8`. */
  readonly name: string;
  /** What happened, as a sentence without its full stop. */
  readonly what: string;
  /** What was known of the value afterwards: the kernel's notation and plain words. */
  readonly state: string;
  readonly meaning: string;
  /** How often on the path; the other fields are about the last time. */
  readonly times: number;
}

/** Where one bound of the offending value comes from. */
export interface BoundFact {
  /** `smin`, `smax`, `umin`, `umax`, `var_off` in the kernel's words; `range` is how far a packet pointer may be used. */
  readonly names: readonly string[];
  /** As the log prints it. */
  readonly value: string;
  /** The instruction that set it; for a branch, the side that the path took. Absent: it came with the program's start. */
  readonly place?: CodePlace;
  /** The rule of BOUND_RULES that set it, where one did. */
  readonly rule?: BoundRule;
  /** Why it is so, in plain words. */
  readonly reason: string;
}

/** An instruction that the walk looked at often. */
export interface VisitFact {
  readonly place: CodePlace;
  readonly visits: number;
}

/** How much stack a function uses. */
export interface StackFact {
  /** Name of the function; its first instruction is the place. */
  readonly name: string;
  readonly place: CodePlace;
  readonly bytes: number;
}

/** Why a program was rejected, for its author. */
export interface Explanation {
  readonly failure: VerifierFailure;
  /** What went wrong, in a few words. */
  readonly title: string;
  /** What that means, in sentences, with the program's own values. */
  readonly meaning: string;
  /** What to do about it; one suggestion a string. */
  readonly advice: readonly string[];
  /** Where; absent for failures that have no place. */
  readonly place?: CodePlace;
  /** The last lines of the kernel's log about it; the last one is `failure.message`. */
  readonly log: readonly string[];
  /** The registers and stack bytes that the failing instruction reads. */
  readonly registers: readonly RegisterFact[];
  /** The calls that were open, outermost first. */
  readonly calls: readonly CodePlace[];
  /** The conditional jumps that led there, in order. */
  readonly branches: readonly BranchFact[];
  /** Where the offending value came from, in order; the last step is the nearest to the failure. */
  readonly origin: readonly OriginFact[];
  /** Where its bounds came from. */
  readonly bounds: readonly BoundFact[];
  /** Where the walk spent its time: for programs that are too complex, the busiest first. */
  readonly busiest: readonly VisitFact[];
  /** How much stack each function uses: for programs that use too much. Empty without type information. */
  readonly stacks: readonly StackFact[];
}
