/**
 * What backtracking still looks for: per frame, the registers and the stack slots whose value must be known exactly, as bit masks.
 * Source: struct backtrack_state and the bt_* functions in kernel/bpf/verifier.c.
 */
import { MAX_CALL_FRAMES } from '../limits.ts';

/** Registers and slots that are still to be marked, by frame, as bit masks. */
export class Backtrack {
  /** The frame of the instruction that is looked at. */
  frame = 0;
  readonly regs = new Int32Array(MAX_CALL_FRAMES);
  /** Slots 0 to 31 and 32 to 63. */
  readonly slotsLo = new Int32Array(MAX_CALL_FRAMES);
  readonly slotsHi = new Int32Array(MAX_CALL_FRAMES);
  /** Instructions, and records of checkpoints, that were looked at in all. */
  steps = 0;

  reset(): void {
    this.frame = 0;
    this.regs.fill(0);
    this.slotsLo.fill(0);
    this.slotsHi.fill(0);
  }

  /** Nothing is looked for in any frame up to the current one. */
  isEmpty(): boolean {
    let all = 0;
    for (let i = 0; i <= this.frame; i++) all |= this.regs[i]! | this.slotsLo[i]! | this.slotsHi[i]!;
    return all === 0;
  }

  /** Registers wanted in the current frame. */
  get regMask(): number {
    return this.regs[this.frame]!;
  }

  /** No slot is wanted in the current frame. */
  get noSlots(): boolean {
    return (this.slotsLo[this.frame]! | this.slotsHi[this.frame]!) === 0;
  }

  hasReg(reg: number): boolean {
    return (this.regs[this.frame]! & (1 << reg)) !== 0;
  }

  setReg(reg: number): void {
    this.regs[this.frame]! |= 1 << reg;
  }

  clearReg(reg: number): void {
    this.regs[this.frame]! &= ~(1 << reg);
  }

  hasSlot(frame: number, spi: number): boolean {
    return ((spi < 32 ? this.slotsLo : this.slotsHi)[frame]! & (1 << (spi & 31))) !== 0;
  }

  setSlot(frame: number, spi: number): void {
    (spi < 32 ? this.slotsLo : this.slotsHi)[frame]! |= 1 << (spi & 31);
  }

  clearSlot(frame: number, spi: number): void {
    (spi < 32 ? this.slotsLo : this.slotsHi)[frame]! &= ~(1 << (spi & 31));
  }
}
