/** All registers of a state, those that are spilled to the stack too. Source: bpf_for_each_reg_in_vstate, include/linux/bpf_verifier.h. */
import { lowestBit, REGISTERS, regAt, SPILLED, slotAt } from './layout.ts';
import type { VerifierState } from './state.ts';

/** Calls back for the record of every register and spilled register of a state. */
export function forEachRegister(state: VerifierState, visit: (words: Int32Array, o: number) => void): void {
  for (const { words } of state.frames) {
    for (let reg = 0; reg < REGISTERS; reg++) visit(words, regAt(reg));
    for (let half = 0; half < 2; half++)
      for (let mask = words[SPILLED + 1 + half]!; mask !== 0; mask &= mask - 1)
        visit(words, slotAt(words, 32 * half + lowestBit(mask)));
  }
}
