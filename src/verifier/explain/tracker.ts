/**
 * The second walk of an explanation: goes along the path that the first one recorded and notes, for the values on the slice, what they
 * were after each definition and which instruction and rule set each of their bounds. Off the path it looks at nothing.
 */
import { Bound, type BoundRule, REG_WORDS } from '../domain/index.ts';
import type { VerifierObserver } from '../observer.ts';
import { CLASS_LDX, CLASS_STX, classOf, type Program } from '../program.ts';
import { AUX, ID, REGISTERS, recordAt, regAt, slotAt, TYPE } from '../state/layout.ts';
import { isPacketPointer, SCALAR_VALUE } from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';
import type { Walk } from '../walk.ts';
import { readsOf } from './effects.ts';
import type { PathRecorder } from './path.ts';
import {
  type Definition,
  frameOfLocation,
  type Location,
  nameOfLocation,
  type OriginKind,
  recordOfLocation,
} from './slice.ts';
import type { RegisterFact } from './types.ts';
import { type Described, describeRecord } from './words.ts';

/** What is followed of a value: its bounds, and how far a packet pointer may be used. */
export const TRACKED = ['var_off', 'smin', 'smax', 'umin', 'umax', 'range'] as const;

/** The words of each in a record, and its bit in events. */
const PARTS: readonly { readonly from: number; readonly count: number; readonly bit: number }[] = [
  { from: 0, count: 4, bit: Bound.Var },
  { from: 4, count: 2, bit: Bound.Smin },
  { from: 6, count: 2, bit: Bound.Smax },
  { from: 8, count: 2, bit: Bound.Umin },
  { from: 10, count: 2, bit: Bound.Umax },
  { from: AUX, count: 1, bit: 0 },
];
const RANGE = 5;
/** More than there are locations. */
const LOCATIONS = 1024;

/** Who set a bound: a step of the path, with the rule if one did; -1: it was so from the start. */
export interface Setter {
  readonly index: number;
  readonly rule: BoundRule | undefined;
  /** The definition that the value got there; undefined where it was only tightened. */
  readonly kind: OriginKind | undefined;
}

/** A value that is followed. */
export interface TrackedValue {
  readonly words: Int32Array;
  /** One for each of TRACKED. */
  readonly setters: readonly Setter[];
}

/** A value that became better known, or worse, without being set anew: by a branch, or by a call that made a pointer useless. */
export interface Change {
  /** Step of the path. */
  readonly index: number;
  readonly location: Location;
  readonly described: Described;
  readonly times: number;
  /** It was a pointer and is a number from here on. */
  readonly lost: boolean;
}

interface BoundEvent {
  readonly rule: BoundRule;
  readonly changed: number;
  readonly frame: number;
  readonly record: number;
  /** It is about the state that was put aside. */
  readonly aside: boolean;
}

/** Definitions that copy their source. */
const COPIES: ReadonlySet<OriginKind> = new Set(['copy', 'fill', 'spill', 'argument', 'result']);
const START: Setter = { index: -1, rule: undefined, kind: undefined };

/** Listens to one walk and knows of each register and slot which instruction last changed which of its bounds. */
export class OriginTracker implements VerifierObserver {
  /** Values of the definitions that are shown, by step: `index:location`. */
  readonly states = new Map<string, Described>();
  /** What loads read from, by step. */
  readonly bases = new Map<number, string>();
  /** The registers that the failing instruction reads. */
  registers: RegisterFact[] = [];
  /** Instructions of the calls that were open, outermost first. */
  callsites: number[] = [];
  /** Changes of values that the slice went on to use, by instruction and location: the last on the path. */
  readonly changes = new Map<number, Change>();
  /** The offending value at the failure. */
  culprit: TrackedValue | undefined;

  private readonly program: Program;
  private readonly path: PathRecorder;
  private readonly steps: number;
  private readonly wanted: Location | undefined;
  private readonly shown: ReadonlySet<string>;
  /** Definitions that are still to come, the next one last. */
  private readonly coming: Definition[];
  private readonly values = new Map<Location, TrackedValue>();
  /** Changes of values that have not been used yet. */
  private readonly unused = new Map<Location, Map<number, Change>>();
  private next = 0;
  private ordinal = 0;
  private walk: Walk | undefined;
  private pushed: VerifierState | undefined;
  private readonly events: BoundEvent[] = [];

  /** @param shown keys of `states` that are wanted */
  constructor(
    program: Program,
    path: PathRecorder,
    steps: number,
    wanted: Location | undefined,
    definitions: readonly Definition[],
    shown: ReadonlySet<string>,
  ) {
    this.program = program;
    this.path = path;
    this.steps = steps;
    this.wanted = wanted;
    this.coming = [...definitions];
    this.shown = shown;
  }

  step(walk: Walk): void {
    const ordinal = this.ordinal++;
    this.walk = undefined;
    if (this.next >= this.path.length || ordinal !== this.path.ordinalOf(this.next)) return;
    if (this.next > 0) this.finish(walk, this.next - 1);
    if (this.next === this.steps) this.atFailure(walk);
    this.noteBase(walk, this.next);
    this.walk = walk;
    this.pushed = undefined;
    this.events.length = 0;
    this.next++;
  }

  push(_walk: Walk, state: VerifierState): void {
    this.pushed = state;
  }

  pop(): void {
    this.walk = undefined;
  }

  infiniteLoop(walk: Walk): void {
    const { frame } = walk;
    this.callsites = walk.state.frames.slice(1).map(({ callsite }) => callsite);
    for (let reg = 0; reg < REGISTERS - 1; reg++)
      if (frame.words[regAt(reg) + TYPE] !== 0)
        this.registers.push({ name: `R${reg}`, ...describeRecord(walk, frame, reg), culprit: false });
  }

  bound(rule: BoundRule, changed: number, words: Int32Array, offset: number): void {
    if (this.walk === undefined) return;
    const here = this.walk.state.frames.findIndex((frame) => frame.words === words);
    const aside = here < 0;
    const frame = aside ? (this.pushed?.frames.findIndex((one) => one.words === words) ?? -1) : here;
    if (frame >= 0) this.events.push({ rule, changed, frame, record: recordAt(words, offset), aside });
  }

  /** Step `k` has been carried out; `walk` is at the next one. */
  private finish(walk: Walk, k: number): void {
    const aside = this.path.isPopped(k + 1);
    const fresh = new Map<Location, TrackedValue>();
    while (this.coming.at(-1)?.index === k) {
      const definition = this.coming.pop()!;
      for (const source of definition.sources) this.useChanges(source);
      const words = wordsOf(walk, definition.location);
      if (words === undefined) continue;
      fresh.set(definition.location, { words, setters: this.settersOf(definition, words, aside) });
      const key = `${k}:${definition.location}`;
      const frame = walk.state.frames[frameOfLocation(definition.location)];
      if (frame !== undefined && this.shown.has(key))
        this.states.set(key, describeRecord(walk, frame, recordOfLocation(definition.location)));
    }
    for (const [location, value] of this.values) this.refresh(walk, location, value, k, aside);
    for (const [location, value] of fresh) {
      this.values.set(location, value);
      this.unused.delete(location);
    }
  }

  /** A value is used: what it went through matters. */
  private useChanges(location: Location): void {
    for (const [key, change] of this.unused.get(location) ?? []) {
      const times = (this.changes.get(key)?.times ?? 0) + change.times;
      this.changes.set(key, { ...change, times });
    }
    this.unused.delete(location);
  }

  private settersOf(definition: Definition, words: Int32Array, aside: boolean): Setter[] {
    const { index, location, kind, sources } = definition;
    return TRACKED.map((_, part) => {
      for (const source of sources) {
        const value = this.values.get(source);
        if (value !== undefined && inherits(kind, part, words, value.words)) return value.setters[part]!;
      }
      return { index, rule: this.ruleFor(location, part, aside), kind };
    });
  }

  /** The rule of the last event about a part of a value; where its own is missing, that of a value it is linked to. */
  private ruleFor(location: Location, part: number, aside: boolean): BoundRule | undefined {
    const { bit } = PARTS[part]!;
    const frame = frameOfLocation(location);
    const record = recordOfLocation(location);
    let linked: BoundRule | undefined;
    for (let i = this.events.length - 1; i >= 0; i--) {
      const event = this.events[i]!;
      if (event.aside !== aside || (event.changed & bit) === 0) continue;
      if (event.frame === frame && event.record === record) return event.rule;
      linked ??= event.rule;
    }
    return linked;
  }

  /** A value that was not defined by step `k` may have been tightened by it. */
  private refresh(walk: Walk, location: Location, value: TrackedValue, k: number, aside: boolean): void {
    const words = wordsOf(walk, location);
    if (words === undefined) {
      this.values.delete(location);
      return;
    }
    if (same(words, value.words, 0, ID)) return;
    const lost = words[TYPE] === SCALAR_VALUE && value.words[TYPE] !== SCALAR_VALUE;
    const setters = TRACKED.map((_, part): Setter => {
      const { from, count } = PARTS[part]!;
      if (!lost && same(words, value.words, from, count)) return value.setters[part]!;
      return { index: k, rule: this.ruleFor(location, part, aside), kind: undefined };
    });
    this.values.set(location, { words, setters });
    this.noteChange(walk, location, k, lost);
  }

  private noteChange(walk: Walk, location: Location, k: number, lost: boolean): void {
    const frame = walk.state.frames[frameOfLocation(location)];
    if (frame === undefined) return;
    const changes = this.unused.get(location) ?? new Map<number, Change>();
    const key = this.path.insn(k) * LOCATIONS + location;
    const described = describeRecord(walk, frame, recordOfLocation(location));
    const times = (changes.get(key)?.times ?? 0) + 1;
    changes.set(key, { index: k, location, described, times, lost });
    this.unused.set(location, changes);
  }

  private atFailure(walk: Walk): void {
    const { frame, state } = walk;
    this.callsites = state.frames.slice(1).map(({ callsite }) => callsite);
    const reads = readsOf(this.program, walk.insn);
    const wanted = this.wanted ?? -1;
    for (let reg = 0; reg < REGISTERS; reg++) {
      const culprit = wanted === walkLocation(state, reg);
      const unset = frame.words[regAt(reg) + TYPE] === 0;
      if ((reads & (1 << reg)) === 0 && !culprit) continue;
      // Of a function's arguments, those that nobody set are none.
      if (unset && !culprit && this.program.isSubprogCall(walk.insn)) continue;
      this.registers.push({ name: `R${reg}`, ...describeRecord(walk, frame, reg), culprit });
    }
    if (this.wanted === undefined) return;
    this.useChanges(this.wanted);
    const record = recordOfLocation(this.wanted);
    const owner = state.frames[frameOfLocation(this.wanted)];
    if (record >= REGISTERS && owner !== undefined)
      this.registers.push({
        name: nameOfLocation(this.wanted),
        ...describeRecord(walk, owner, record),
        culprit: true,
      });
    const words = wordsOf(walk, this.wanted);
    if (words !== undefined)
      this.culprit = this.values.get(this.wanted) ?? { words, setters: TRACKED.map(() => START) };
  }

  /** What a load that is shown reads from. */
  private noteBase(walk: Walk, k: number): void {
    if (this.coming.at(-1)?.index !== k) return;
    const kind = classOf(this.program.code[walk.insn]!);
    if (kind !== CLASS_LDX && kind !== CLASS_STX) return;
    const base = kind === CLASS_LDX ? this.program.src[walk.insn]! : this.program.dst[walk.insn]!;
    this.bases.set(k, describeRecord(walk, walk.frame, base).meaning);
  }
}

function walkLocation(state: VerifierState, reg: number): Location {
  return state.curframe * 128 + reg;
}

/** A copy of a record's words; undefined if there is no such frame or slot. */
function wordsOf(walk: Walk, location: Location): Int32Array | undefined {
  const frame = walk.state.frames[frameOfLocation(location)];
  if (frame === undefined) return undefined;
  const record = recordOfLocation(location);
  if (record >= REGISTERS + frame.slots) return undefined;
  const o = record < REGISTERS ? regAt(record) : slotAt(frame.words, record - REGISTERS);
  return frame.words.slice(o, o + REG_WORDS);
}

function same(a: Int32Array, b: Int32Array, from: number, count: number): boolean {
  for (let i = from; i < from + count; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether a part of a new value is that of the value it was made from. */
function inherits(kind: OriginKind, part: number, words: Int32Array, source: Int32Array): boolean {
  const { from, count } = PARTS[part]!;
  if (!same(words, source, from, count)) return false;
  if (COPIES.has(kind)) return true;
  if (kind !== 'arithmetic') return false;
  // A pointer plus a number: the variable part is the number's, the range the pointer's.
  const toPointer = words[TYPE] !== SCALAR_VALUE;
  if (!toPointer) return false;
  if (part === RANGE) return isPacketPointer(words[TYPE]!) && source[TYPE] === words[TYPE];
  return source[TYPE] === SCALAR_VALUE;
}
