/**
 * The path that the walk is on: each instruction since the start of the function in five words, with what a backward slice needs to know
 * of it. Branches that the walk has finished are cut off, so what is kept is one path, however long the walk: at most 20 MB.
 */
import { tnumIsConst, VAR_VALUE_LO } from '../domain/index.ts';
import type { VerifierObserver } from '../observer.ts';
import { CLASS_LDX, CLASS_ST, CLASS_STX, classOf } from '../program.ts';
import { FRAMENO, OFF, regAt, TYPE } from '../state/layout.ts';
import { PTR_TO_STACK } from '../state/reg-type.ts';
import type { Walk } from '../walk.ts';

/** Words of a step: instruction, number of the step in the walk, flags, and stack slots that a call touched. */
const STEP_WORDS = 5;

// Flags: number of the running frame in the lowest three bits.
const FRAME_MASK = 7;
/** The path came here from a state that had been put aside. */
const POPPED = 1 << 3;
/** A conditional jump that could only go one way. */
const DECIDED = 1 << 4;
/** A load or store at a fixed place of the stack: the frame and the slot are in the upper bits. */
const ON_STACK = 1 << 5;
const SLOT_SHIFT = 6;
const SLOT_FRAME_SHIFT = 12;

/** Lines of log that belong to a failure, at most. */
const MAX_LINES = 12;

/** A stack slot: frame and number, 0 for fp-8. */
export interface SlotPlace {
  readonly frame: number;
  readonly slot: number;
}

/** Records the path. Attach it to one verification; what it holds afterwards is the path that failed. */
export class PathRecorder implements VerifierObserver {
  /** Steps on the path. */
  length = 0;
  /** Visits of each instruction in the whole walk. */
  visits = new Int32Array(0);
  /** Number of the function that is being walked: the program, or a global function. */
  subprog = 0;
  /** Lines that the log got since the last step: about the failure, once the walk has ended. */
  lines: string[] = [];

  private words = new Int32Array(64 * STEP_WORDS);
  /** Length of the path when each waiting state was put aside. */
  private readonly waiting: number[] = [];
  private ordinal = 0;
  private popped = false;
  private begun = false;

  begin(walk: Walk, subprog: number): void {
    if (this.visits.length === 0) this.visits = new Int32Array(walk.program.length);
    this.length = 0;
    this.waiting.length = 0;
    this.subprog = subprog;
    this.popped = false;
    this.begun = true;
  }

  text(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.lines.push(line);
    if (this.lines.length > MAX_LINES) this.lines.splice(0, this.lines.length - MAX_LINES);
  }

  push(): void {
    this.waiting.push(this.length);
  }

  pop(): void {
    this.length = this.waiting.pop() ?? 0;
    this.popped = true;
  }

  branch(_walk: Walk, taken: boolean | undefined): void {
    if (taken !== undefined) this.words[this.at(this.length - 1) + 2]! |= DECIDED;
  }

  step(walk: Walk): void {
    this.lines.length = 0;
    this.visits[walk.insn]!++;
    if (this.length > 0 && !this.popped) {
      const before = this.at(this.length - 1);
      this.words[before + 3] = walk.scratchedSlotsLo;
      this.words[before + 4] = walk.scratchedSlotsHi;
    }
    const at = this.at(this.length);
    if (at + STEP_WORDS > this.words.length) this.widen();
    this.words[at] = walk.insn;
    this.words[at + 1] = this.ordinal++;
    this.words[at + 2] = (walk.state.curframe & FRAME_MASK) | (this.popped ? POPPED : 0) | stackFlags(walk);
    this.words[at + 3] = 0;
    this.words[at + 4] = 0;
    this.length++;
    this.popped = false;
  }

  /** Whether the walk began at all. */
  get walked(): boolean {
    return this.begun;
  }

  insn(i: number): number {
    return this.words[this.at(i)]!;
  }

  /** Number of the step among all steps of the walk, from 0. */
  ordinalOf(i: number): number {
    return this.words[this.at(i) + 1]!;
  }

  /** Number of the frame that ran it. */
  frame(i: number): number {
    return this.words[this.at(i) + 2]! & FRAME_MASK;
  }

  /** The path went on here with a state that had been put aside. */
  isPopped(i: number): boolean {
    return (this.words[this.at(i) + 2]! & POPPED) !== 0;
  }

  /** It was a conditional jump with only one possible side. */
  isDecided(i: number): boolean {
    return (this.words[this.at(i) + 2]! & DECIDED) !== 0;
  }

  /** The stack slot that a load or store used; undefined for other memory, and for variable offsets. */
  slot(i: number): SlotPlace | undefined {
    const flags = this.words[this.at(i) + 2]!;
    if ((flags & ON_STACK) === 0) return undefined;
    return { frame: (flags >> SLOT_FRAME_SHIFT) & FRAME_MASK, slot: (flags >> SLOT_SHIFT) & 63 };
  }

  /** Whether a call that is step `i` touched this slot of its own frame. */
  touched(i: number, slot: number): boolean {
    const word = this.words[this.at(i) + (slot < 32 ? 3 : 4)]!;
    return (word & (1 << (slot & 31))) !== 0;
  }

  private at(i: number): number {
    return i * STEP_WORDS;
  }

  private widen(): void {
    const wider = new Int32Array(2 * this.words.length);
    wider.set(this.words);
    this.words = wider;
  }
}

/** Where on the stack the current instruction will load or store, as flags; 0 if not there. */
function stackFlags(walk: Walk): number {
  const { program, insn, frame } = walk;
  const kind = classOf(program.code[insn]!);
  if (kind !== CLASS_LDX && kind !== CLASS_STX && kind !== CLASS_ST) return 0;
  const base = kind === CLASS_LDX ? program.src[insn]! : program.dst[insn]!;
  if (base > 10) return 0;
  const o = regAt(base);
  const { words } = frame;
  if (words[o + TYPE] !== PTR_TO_STACK || !tnumIsConst(words, o)) return 0;
  const off = words[o + OFF]! + words[o + VAR_VALUE_LO]! + program.off[insn]!;
  if (off >= 0 || off < -512) return 0;
  return ON_STACK | (((-off - 1) >> 3) << SLOT_SHIFT) | (words[o + FRAMENO]! << SLOT_FRAME_SHIFT);
}
