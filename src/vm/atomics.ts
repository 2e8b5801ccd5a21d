/**
 * Atomic instructions: read, combine, write back. Programs run one at a time, so a plain sequence is atomic. Semantics: RFC 9669
 * section 5.3; 32-bit results are zero-extended.
 */
import type { Machine } from './machine.ts';

/**
 * Runs one atomic instruction on the word at `address`, which may be accessed. `which` as word 3 of an ATOMIC row: bit 0 for 8 bytes,
 * bit 1 for fetch, the operation's index in ATOMIC_ORDER above.
 */
export function runAtomic(vm: Machine, which: number, address: number, s: number): void {
  const { regs } = vm;
  const { view } = vm.memory;
  const wide = (which & 1) !== 0;
  const oldLow = view.getInt32(address, true);
  const oldHigh = wide ? view.getInt32(address + 4, true) : 0;
  const low = regs[s]!;
  const high = regs[s + 1]!;
  const op = which >> 2;
  if (op === CMPXCHG) {
    const equal = regs[0] === oldLow && (!wide || regs[1] === oldHigh);
    if (equal) {
      view.setInt32(address, low, true);
      if (wide) view.setInt32(address + 4, high, true);
    }
    regs[0] = oldLow;
    regs[1] = oldHigh;
    return;
  }
  view.setInt32(address, combine(op, oldLow, low), true);
  if (wide) {
    const carry = op === ADD && (oldLow + low) >>> 0 < oldLow >>> 0 ? 1 : 0;
    view.setInt32(address + 4, combine(op, oldHigh, high) + carry, true);
  }
  if ((which & 2) !== 0) {
    regs[s] = oldLow;
    regs[s + 1] = oldHigh;
  }
}

// Positions in ATOMIC_ORDER.
const ADD = 0;
const CMPXCHG = 5;

function combine(op: number, old: number, operand: number): number {
  switch (op) {
    case 0:
      return (old + operand) | 0;
    case 1:
      return old | operand;
    case 2:
      return old & operand;
    case 3:
      return old ^ operand;
    default:
      return operand;
  }
}
