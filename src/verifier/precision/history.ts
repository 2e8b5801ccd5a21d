/**
 * The instructions on the current path that are worth remembering: where it jumped, which stack slots it used, which scalars were
 * known to be equal. Backtracking reads it. One array for all states: each owns a range of it, and what a finished path wrote is
 * written over by the next. Source: push_insn_history, get_prev_insn_idx, linked_regs_pack in kernel/bpf/verifier.c.
 */
import type { VerifierState } from '../state/state.ts';

/** The instruction accessed a stack slot at a fixed offset; frame and slot are in the lower bits. */
export const STACK_ACCESS = 1 << 9;
/** A comparison's operand is a stack pointer. */
export const DST_IS_STACK = 1 << 10;
export const SRC_IS_STACK = 1 << 11;

/** Linked scalars that an entry can hold; more are not tracked (LINKED_REGS_MAX). */
export const MAX_LINKED = 6;

/** The flags of an access to a slot of a frame. */
export function stackAccess(frame: number, spi: number): number {
  return STACK_ACCESS | (spi << 3) | frame;
}

/** Frame of the stack slot that an instruction used. */
export function accessedFrame(flags: number): number {
  return flags & 7;
}

/** Number of that slot. */
export function accessedSlot(flags: number): number {
  return (flags >> 3) & 63;
}

/** A linked scalar: frame, and register or slot. */
export function linkedReg(frame: number, reg: number): number {
  return 0x200 | (reg << 3) | frame;
}
/** Packs a slot whose scalar was linked. */
export function linkedSlot(frame: number, spi: number): number {
  return (spi << 3) | frame;
}
/** Whether a linked scalar is in a register; else it is in a slot. */
export function linkedIsReg(linked: number): boolean {
  return (linked & 0x200) !== 0;
}
/** Frame of a linked scalar. */
export function linkedFrame(linked: number): number {
  return linked & 7;
}
/** Number of its register or slot. */
export function linkedIndex(linked: number): number {
  return (linked >> 3) & 63;
}

const WORDS = 4 + MAX_LINKED;
const INSN = 0;
const PREV = 1;
const FLAGS = 2;
const LINKED_COUNT = 3;
const LINKED = 4;

/** All states' histories. Entries are named by their number. */
export class InsnHistory {
  private words = new Int32Array(256 * WORDS);
  /** Entry that the current instruction made, -1 if none yet. */
  private current = -1;

  /** The next instruction begins. */
  startInsn(): void {
    this.current = -1;
  }

  /** Records something of the instruction at `insn`; an instruction has at most one entry a visit. */
  push(state: VerifierState, insn: number, prev: number, flags: number): number {
    if (this.current >= 0) {
      this.words[this.current * WORDS + FLAGS]! |= flags;
      return this.current;
    }
    const entry = state.historyEnd++;
    if ((entry + 1) * WORDS > this.words.length) this.widen();
    const at = entry * WORDS;
    this.words[at + INSN] = insn;
    this.words[at + PREV] = prev;
    this.words[at + FLAGS] = flags;
    this.words[at + LINKED_COUNT] = 0;
    this.current = entry;
    return entry;
  }

  /** Adds the scalars that were known to be equal. */
  setLinked(entry: number, linked: Int32Array, count: number): void {
    const at = entry * WORDS;
    this.words[at + LINKED_COUNT] = count;
    for (let i = 0; i < count; i++) this.words[at + LINKED + i] = linked[i]!;
  }

  insnOf(entry: number): number {
    return this.words[entry * WORDS + INSN]!;
  }

  prevOf(entry: number): number {
    return this.words[entry * WORDS + PREV]!;
  }

  /** Flags of an entry; 0 for no entry (-1). */
  flagsOf(entry: number): number {
    return entry < 0 ? 0 : this.words[entry * WORDS + FLAGS]!;
  }

  linkedCount(entry: number): number {
    return entry < 0 ? 0 : this.words[entry * WORDS + LINKED_COUNT]!;
  }

  linkedAt(entry: number, i: number): number {
    return this.words[entry * WORDS + LINKED + i]!;
  }

  private widen(): void {
    const wider = new Int32Array(2 * this.words.length);
    wider.set(this.words);
    this.words = wider;
  }
}
