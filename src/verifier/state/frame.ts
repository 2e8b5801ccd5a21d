/**
 * One function's part of a verifier state: registers, stack, references, and where it was called from.
 * Source: struct bpf_func_state, include/linux/bpf_verifier.h; copy_func_state, grow_stack_state in kernel/bpf/verifier.c.
 */
import { REG_WORDS } from '../domain/index.ts';
import { lowestBit, MAX_SLOTS, SLOT_RECORDS, SLOTS, SPILLED, slotAt } from './layout.ts';
import type { Slabs } from './slabs.ts';

/** `callsite` of a frame that nobody called: the program, or a global function that is checked by itself. */
export const MAIN_FUNCTION = -1;

/** Words of a reference: id, instruction that acquired it, frame of the callback that did. */
export const REF_WORDS = 3;

/** Words of frames of checkpoints are multiples of this, so that they can be used again for others of about the same size. */
const SIZE_STEP = 64;

const NOTHING = new Int32Array(0);

/** A frame. What is known of registers and stack slots is in `words`; layout.ts says how. */
export class Frame {
  /** Number in the pool; with a record number it makes a handle that outlives moves of `words`. */
  readonly handle: number;
  /** It has room for the records of all slots, where they stay; others have records of spilled registers only, one after the other. */
  readonly large: boolean;
  words: Int32Array;
  /** Stack slots in use: the deepest access so far. */
  slots = 0;
  /** Instruction that called. */
  callsite = MAIN_FUNCTION;
  frameno = 0;
  subprog = 0;
  /** A helper calls this function. */
  inCallback = false;
  /** What a callback may return. */
  callbackRetMin = 0;
  callbackRetMax = 0;
  /** Rounds that the walk has simulated of the callback that this frame's call makes. */
  callbackDepth = 0;
  /** Of a checkpoint that is known to be safe: what nobody read has been forgotten, and nobody may read more (REG_LIVE_DONE). */
  finished = false;
  refs = NOTHING;
  refCount = 0;

  private readonly slabs: Slabs;

  constructor(handle: number, large: boolean, slabs: Slabs) {
    this.handle = handle;
    this.large = large;
    this.slabs = slabs;
    this.words = NOTHING;
    if (!large) return;
    this.words = slabs.take(SLOT_RECORDS + MAX_SLOTS * REG_WORDS);
    for (let spi = 0; spi < MAX_SLOTS; spi++)
      this.words[SLOTS + 2 * spi + 1] = SLOT_RECORDS + spi * REG_WORDS;
  }

  /** Uses `slots` slots; new ones hold nothing. Large frames only. */
  grow(slots: number): void {
    if (slots <= this.slots) return;
    for (let spi = this.slots; spi < slots; spi++) this.words[SLOTS + 2 * spi] = 0;
    this.slots = slots;
  }

  /** Becomes a copy of another frame. */
  copyFrom(from: Frame): void {
    if (this.large) this.copyAtLarge(from);
    else this.copyCompactly(from.words, SLOTS + 2 * from.slots);
    this.slots = from.slots;
    this.callsite = from.callsite;
    this.frameno = from.frameno;
    this.subprog = from.subprog;
    this.inCallback = from.inCallback;
    this.callbackRetMin = from.callbackRetMin;
    this.callbackRetMax = from.callbackRetMax;
    this.callbackDepth = from.callbackDepth;
    this.finished = false;
    this.copyRefs(from);
  }

  /** Copies what there is, each record to its place. */
  private copyAtLarge(from: Frame): void {
    const { words } = this;
    words.set(from.words.subarray(0, SLOTS));
    for (let spi = 0; spi < from.slots; spi++) words[SLOTS + 2 * spi] = from.words[SLOTS + 2 * spi]!;
    for (let half = 0; half < 2; half++)
      for (let mask = words[SPILLED + 1 + half]!; mask !== 0; mask &= mask - 1) {
        const spi = 32 * half + lowestBit(mask);
        copyRecord(words, slotAt(words, spi), from.words, slotAt(from.words, spi));
      }
  }

  /** Copies the first `head` words, and the records of spilled registers behind them. */
  private copyCompactly(from: Int32Array, head: number): void {
    const spills = bitCount(from[SPILLED + 1]!) + bitCount(from[SPILLED + 2]!);
    const size = head + spills * REG_WORDS;
    if (this.words.length < size) this.words = this.slabs.take(Math.ceil(size / SIZE_STEP) * SIZE_STEP);
    const { words } = this;
    words.set(from.subarray(0, head));
    let to = head;
    for (let half = 0; half < 2; half++)
      for (let mask = from[SPILLED + 1 + half]!; mask !== 0; mask &= mask - 1) {
        const at = SLOTS + 2 * (32 * half + lowestBit(mask)) + 1;
        copyRecord(words, to, from, from[at]!);
        words[at] = to;
        to += REG_WORDS;
      }
  }

  /** Takes over another frame's references (copy_reference_state). */
  copyRefs(from: Frame): void {
    const count = from.refCount * REF_WORDS;
    if (this.refs.length < count) this.refs = new Int32Array(Math.max(count, 4 * REF_WORDS));
    for (let i = 0; i < count; i++) this.refs[i] = from.refs[i]!;
    this.refCount = from.refCount;
  }

  /** Adds a reference. */
  addRef(id: number, insn: number): void {
    const at = this.refCount * REF_WORDS;
    if (at === this.refs.length) {
      const wider = new Int32Array(Math.max(2 * at, 4 * REF_WORDS));
      wider.set(this.refs);
      this.refs = wider;
    }
    this.refs[at] = id;
    this.refs[at + 1] = insn;
    this.refs[at + 2] = this.inCallback ? this.frameno : 0;
    this.refCount++;
  }

  refId(i: number): number {
    return this.refs[i * REF_WORDS]!;
  }

  refInsn(i: number): number {
    return this.refs[i * REF_WORDS + 1]!;
  }

  refCallback(i: number): number {
    return this.refs[i * REF_WORDS + 2]!;
  }

  /**
   * Gives a reference back (release_reference_state): the last one takes its place. False if this frame has none with that id, or
   * if a callback would release what its caller acquired.
   */
  releaseRef(id: number): boolean {
    for (let i = 0; i < this.refCount; i++) {
      if (this.refId(i) !== id) continue;
      if (this.inCallback && this.refCallback(i) !== this.frameno) return false;
      this.refCount--;
      const last = this.refCount * REF_WORDS;
      this.refs.copyWithin(i * REF_WORDS, last, last + REF_WORDS);
      return true;
    }
    return false;
  }
}

function copyRecord(d: Int32Array, di: number, s: Int32Array, si: number): void {
  for (let i = 0; i < REG_WORDS; i++) d[di + i] = s[si + i]!;
}

/** Bits that are set. */
function bitCount(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count++;
  return count;
}
