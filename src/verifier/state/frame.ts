/**
 * One function's part of a verifier state: registers, stack, references, and where it was called from.
 * Source: struct bpf_func_state, include/linux/bpf_verifier.h; copy_func_state, grow_stack_state in kernel/bpf/verifier.c.
 */
import { REG_WORDS } from '../domain/index.ts';
import { REGISTERS } from './layout.ts';
import type { Slabs } from './slabs.ts';

/** `callsite` of a frame that nobody called: the program, or a global function that is checked by itself. */
export const MAIN_FUNCTION = -1;

/** Stack slots that a frame can have. */
export const MAX_SLOTS = 64;

/** Words of a reference: id, instruction that acquired it, frame of the callback that did. */
export const REF_WORDS = 3;

const NOTHING = new Int32Array(0);

/** A frame. Registers and stack slots are records in `words`: first the registers, then the slots from fp-8 down. */
export class Frame {
  /** Number in the pool; with a record number it makes a handle that outlives moves of `words`. */
  readonly handle: number;
  /** It has room for the whole stack. */
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
  refs = NOTHING;
  refCount = 0;

  private readonly slabs: Slabs;

  constructor(handle: number, large: boolean, slabs: Slabs) {
    this.handle = handle;
    this.large = large;
    this.slabs = slabs;
    this.words = large ? slabs.take((REGISTERS + MAX_SLOTS) * REG_WORDS) : NOTHING;
  }

  /** Uses `slots` slots; new ones hold nothing. Large frames only. */
  grow(slots: number): void {
    if (slots <= this.slots) return;
    this.words.fill(0, (REGISTERS + this.slots) * REG_WORDS, (REGISTERS + slots) * REG_WORDS);
    this.slots = slots;
  }

  /** Becomes a copy of another frame. */
  copyFrom(from: Frame): void {
    const count = (REGISTERS + from.slots) * REG_WORDS;
    if (this.words.length < count)
      this.words = this.slabs.take((REGISTERS + slotCapacity(from.slots)) * REG_WORDS);
    this.words.set(from.words.length === count ? from.words : from.words.subarray(0, count));
    this.slots = from.slots;
    this.callsite = from.callsite;
    this.frameno = from.frameno;
    this.subprog = from.subprog;
    this.inCallback = from.inCallback;
    this.callbackRetMin = from.callbackRetMin;
    this.callbackRetMax = from.callbackRetMax;
    this.callbackDepth = from.callbackDepth;
    this.copyRefs(from);
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

/** Frames of checkpoints are used again for others of about the same size. */
function slotCapacity(slots: number): number {
  return Math.ceil(slots / 4) * 4;
}
