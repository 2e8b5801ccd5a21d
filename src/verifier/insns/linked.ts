/**
 * Scalars that are known to be equal, or a constant apart: what a jump teaches of one holds for the others.
 * Source: collect_linked_regs, sync_linked_regs in kernel/bpf/verifier.c.
 */
import { addScalar, REG_WORDS } from '../domain/index.ts';
import {
  linkedFrame,
  linkedIndex,
  linkedIsReg,
  linkedReg,
  linkedSlot,
  MAX_LINKED,
} from '../precision/history.ts';
import { ADD_CONST, FP, ID, lowestBit, OFF, regAt, SPILLED, slotAt, TYPE } from '../state/layout.ts';
import { clearScalarId, copyRegister, markRegKnown } from '../state/reg.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';

/** The linked scalars of the current jump. */
export class LinkedScalars {
  readonly items = new Int32Array(MAX_LINKED);
  count = 0;

  /** Adds all registers and spills with this id; those that do not fit are unlinked. */
  collect(state: VerifierState, id: number): void {
    const plain = id & ~ADD_CONST;
    for (let fr = state.curframe; fr >= 0; fr--) {
      const { words } = state.frames[fr]!;
      for (let reg = 0; reg < FP; reg++) this.add(words, regAt(reg), plain, linkedReg(fr, reg));
      for (let half = 0; half < 2; half++)
        for (let mask = words[SPILLED + 1 + half]!; mask !== 0; mask &= mask - 1) {
          const spi = 32 * half + lowestBit(mask);
          this.add(words, slotAt(words, spi), plain, linkedSlot(fr, spi));
        }
    }
  }

  private add(words: Int32Array, o: number, id: number, item: number): void {
    if (words[o + TYPE] !== SCALAR_VALUE || (words[o + ID]! & ~ADD_CONST) !== id) return;
    if (this.count < MAX_LINKED) this.items[this.count++] = item;
    else clearScalarId(words, o);
  }

  /** In `state`, gives all linked scalars what is now known of register `reg` of the running frame. */
  share(state: VerifierState, reg: number): void {
    const { words } = state.frame;
    const k = regAt(reg);
    for (let i = 0; i < this.count; i++) {
      const item = this.items[i]!;
      const other = state.frames[linkedFrame(item)]!.words;
      const o = linkedIsReg(item) ? regAt(linkedIndex(item)) : slotAt(other, linkedIndex(item));
      if (other[o + TYPE] !== SCALAR_VALUE || (other === words && o === k)) continue;
      if ((other[o + ID]! & ~ADD_CONST) === (words[k + ID]! & ~ADD_CONST)) copyKnowledge(other, o, words, k);
    }
  }
}

const distance = new Int32Array(REG_WORDS);

function copyKnowledge(other: Int32Array, o: number, known: Int32Array, k: number): void {
  const id = other[o + ID]!;
  const off = other[o + OFF]!;
  const equal = ((id | known[k + ID]!) & ADD_CONST) === 0 || off === known[k + OFF];
  if (equal) {
    copyRegister(other, o, known, k);
    return;
  }
  const delta = (off - known[k + OFF]!) | 0;
  markRegKnown(distance, 0, delta, delta >> 31);
  copyRegister(other, o, known, k);
  other[o + OFF] = off;
  other[o + ID] = id;
  // Not synchronised, as in the kernel.
  addScalar(other, o, distance, 0);
}
