/**
 * Puts an explanation together: a walk that records the failing path, a slice back from the offending value, and a second walk along that
 * path for the states and bounds of what the slice found. Both walks are the verifier's own, so they go the same way.
 */

import { helperText } from '../call/prototype.ts';
import type { VerifierFailure, VerifierInput } from '../input.ts';
import { Program } from '../program.ts';
import { verify } from '../verify.ts';
import { boundFacts } from './bounds.ts';
import { branchFacts } from './branches.ts';
import { culpritOf, lastVisit } from './culprit.ts';
import { originFacts, type ShownDefinition, shownDefinitions, stateKey } from './origin.ts';
import { PathRecorder } from './path.ts';
import { Places } from './places.ts';
import { type Definition, type Location, nameOfLocation, registerLocation, sliceBack } from './slice.ts';
import { textFor } from './texts/index.ts';
import { OriginTracker } from './tracker.ts';
import type { Explanation, StackFact, VisitFact } from './types.ts';

/** How `explain` runs. */
export interface ExplainOptions {
  /** CPUs of the machine, as for `verify`. */
  readonly cpuCount?: number;
}

/** Failures that come ahead of the instruction at which they are found: it has not been run when they do. */
const BEFORE_STEP: ReadonlySet<string> = new Set(['infinite-loop', 'too-complex']);
const COMPLEXITY: ReadonlySet<string> = new Set([
  'too-complex',
  'too-many-jumps',
  'backtracking-too-long',
  'out-of-memory',
]);
const STACK_USE: ReadonlySet<string> = new Set(['stack-too-deep', 'stack-before-tail-call']);
/** Busiest instructions that are named. */
const MAX_BUSIEST = 8;
/** In texts of the log that name an instruction where the walk has none. */
const INSN_IN_TEXT = /\binsn (\d+)\b/;
/** Of what a loader could not find and did not name. */
const NOT_SAID = 'the object names it';
const ALLOC_INSN = /alloc_insn=(\d+)/;

/**
 * Why a program is rejected; undefined if it is accepted. Walks the program twice. Keeps one path of it: at most some tens of megabytes,
 * however large the program.
 */
export function explain(input: VerifierInput, options: ExplainOptions = {}): Explanation | undefined {
  const path = new PathRecorder();
  const result = verify(input, { ...options, observer: path });
  if (result.failure === undefined) return undefined;
  return new Explainer(input, options, path, result.failure, result.stats.stackDepths).explanation();
}

/** One explanation in the making. */
class Explainer {
  private readonly input: VerifierInput;
  private readonly options: ExplainOptions;
  private readonly path: PathRecorder;
  private readonly failure: VerifierFailure;
  private readonly stackDepths: readonly number[];
  private readonly program: Program;
  private readonly places: Places;
  /** Steps that were carried out; the failing one, if it began, is the next. */
  private readonly steps: number;
  private readonly log: readonly string[];

  constructor(
    input: VerifierInput,
    options: ExplainOptions,
    path: PathRecorder,
    failure: VerifierFailure,
    stackDepths: readonly number[],
  ) {
    this.input = input;
    this.options = options;
    this.path = path;
    this.failure = failure;
    this.stackDepths = stackDepths;
    this.program = new Program(input.insns);
    this.places = new Places(input);
    const walked = failure.insn !== undefined;
    this.steps = walked ? Math.max(0, path.length - (BEFORE_STEP.has(failure.code) ? 0 : 1)) : 0;
    const lines = path.lines.filter((line) => line.trim() !== '');
    this.log = lines.at(-1) === failure.message ? lines : [...lines, failure.message];
  }

  explanation(): Explanation {
    const { failure, path, program, places } = this;
    const insn = failure.insn ?? this.insnOfText();
    const frame = failure.insn !== undefined && path.length > 0 ? path.frame(path.length - 1) : 0;
    const culprit = failure.insn === undefined ? undefined : culpritOf(program, failure, this.log, frame);
    const slice = this.slice(culprit, frame);
    const shown = shownDefinitions(path, slice);
    const tracker = this.track(culprit, slice, shown);
    const value = tracker.registers.find((register) => register.culprit);
    const text = textFor(failure.code, this.log, {
      reg: culprit === undefined ? 'The value' : nameOfLocation(culprit),
      value: value?.meaning ?? 'something that does not fit',
      helper: this.helper(insn),
      insn: insn === undefined ? '?' : `${insn}`,
      message: failure.message,
      detail: this.log.at(-2) ?? failure.message,
      missing: (insn === undefined ? undefined : this.input.missing?.get(insn)?.reason) ?? NOT_SAID,
    });
    const last = insn ?? -1;
    return {
      failure,
      ...text,
      meaning: text.meaning + this.lostText(tracker),
      ...(insn === undefined || !places.has(insn) ? {} : { place: places.at(insn) }),
      log: this.log,
      registers: tracker.registers,
      calls: tracker.callsites.map((site) => places.at(site)),
      branches: branchFacts(program, path, this.steps, last, places),
      origin: originFacts(program, path, shown, tracker, places, last),
      bounds: tracker.culprit === undefined ? [] : boundFacts(program, path, last, tracker.culprit, places),
      busiest: COMPLEXITY.has(failure.code) ? this.busiest() : [],
      stacks: STACK_USE.has(failure.code) ? this.stacks() : [],
    };
  }

  /** That the offending value was a pointer once, if it was. */
  private lostText(tracker: OriginTracker): string {
    const lost = [...tracker.changes.values()].filter((change) => change.lost).at(-1);
    if (lost === undefined) return '';
    const insn = this.path.insn(lost.index);
    const what = this.program.isHelperCall(insn) ? `the call of ${this.helper(insn)}` : 'what happens';
    return ` It was a pointer until ${what} at instruction ${insn}.`;
  }

  /** The instruction that a message of the structure checks names. */
  private insnOfText(): number | undefined {
    const match = INSN_IN_TEXT.exec(this.failure.message);
    return match === null ? undefined : Number(match[1]);
  }

  private slice(culprit: Location | undefined, frame: number): Definition[] {
    if (culprit !== undefined) return sliceBack(this.program, this.path, this.steps, frame, [culprit]);
    // What leaked came from a call.
    const acquired = ALLOC_INSN.exec(this.log.join('\n'));
    if (acquired === null) return [];
    const index = lastVisit(this.path, Number(acquired[1]), this.steps);
    if (index < 0) return [];
    const location = registerLocation(this.path.frame(index), 0);
    return [{ index, location, kind: 'helper', sources: [] }];
  }

  private track(
    culprit: Location | undefined,
    slice: readonly Definition[],
    shown: readonly ShownDefinition[],
  ): OriginTracker {
    const keys = new Set(shown.map(({ definition }) => stateKey(definition)));
    const tracker = new OriginTracker(this.program, this.path, this.steps, culprit, slice, keys);
    if (this.failure.insn !== undefined && this.path.length > 0)
      verify(this.input, { ...this.options, observer: tracker });
    return tracker;
  }

  private helper(insn: number | undefined): string {
    if (insn === undefined || !this.program.isHelperCall(insn)) return 'the function';
    return helperText(this.program.imm[insn]!);
  }

  private stacks(): StackFact[] {
    const { functions = [], btf } = this.input;
    if (functions.length !== this.stackDepths.length) return [];
    return functions.map(({ insn, typeId }, i) => ({
      name: btf?.nameOf(typeId) ?? '',
      place: this.places.at(insn),
      bytes: this.stackDepths[i]!,
    }));
  }

  private busiest(): VisitFact[] {
    const { visits } = this.path;
    const order = [...visits.keys()].sort((a, b) => visits[b]! - visits[a]! || a - b);
    const least = (visits[order[0] ?? 0] ?? 0) / 100;
    return order
      .slice(0, MAX_BUSIEST)
      .filter((insn) => visits[insn]! >= least)
      .map((insn) => ({ place: this.places.at(insn), visits: visits[insn]! }));
  }
}
