/**
 * Calls out of a program: how the words of a helper's arguments are gathered from the registers, and its result put into r0. A plan is
 * made once for each helper, so that a call itself decides nothing.
 */
import type { HelperEntry, HelperFn, HelperTable } from './abi.ts';
import type { CallTarget } from './pack.ts';

/** Index in the register file of a pair that is always zero. */
export const ZERO_REGISTER = 22;

/** Numbers of what helpers return, in CallPlan and in the loop's operations. */
export const RETURN_CODES = { int: 0, ptr: 1, u64: 2, void: 3 } as const;

/** How to call one helper. `entry` is undefined when this kernel has no such helper. */
export interface CallPlan {
  readonly target: CallTarget;
  readonly entry: HelperEntry | undefined;
  /** The function that takes the words: a plain helper's implementation or a callback helper's start. */
  readonly call: HelperFn | undefined;
  /** Indices into the register file of the words to pass. */
  readonly words: readonly number[];
  /** Indices of the high halves that must be zero; that of the zero register fills up to five. */
  readonly high0: number;
  readonly high1: number;
  readonly high2: number;
  readonly high3: number;
  readonly high4: number;
  readonly returns: 0 | 1 | 2 | 3;
}

/** Makes the plan for one call target. */
export function planCall(target: CallTarget, helpers: HelperTable): CallPlan {
  const entry =
    target.kind === 'helper' ? helpers.entries[target.id] : helpers.kfunc?.(target.btfId, target.module);
  const words: number[] = [];
  const highs: number[] = [];
  entry?.args.forEach((pass, index) => {
    const low = 2 * (index + 1);
    words.push(low);
    if (pass === 'u64') words.push(low + 1);
    if (pass === 'ptr') highs.push(low + 1);
  });
  const high = (index: number): number => highs[index] ?? ZERO_REGISTER;
  return {
    target,
    entry,
    call: entry?.kind === 'plain' ? entry.call : undefined,
    words,
    high0: high(0),
    high1: high(1),
    high2: high(2),
    high3: high(3),
    high4: high(4),
    returns: RETURN_CODES[entry?.returns ?? 'void'],
  };
}

/** Calls `fn` with the words that the plan names, without an argument array. */
export function callWithWords<R>(fn: (...words: number[]) => R, plan: CallPlan, regs: Int32Array): R {
  const w = plan.words;
  switch (w.length) {
    case 0:
      return fn();
    case 1:
      return fn(regs[w[0]!]!);
    case 2:
      return fn(regs[w[0]!]!, regs[w[1]!]!);
    case 3:
      return fn(regs[w[0]!]!, regs[w[1]!]!, regs[w[2]!]!);
    case 4:
      return fn(regs[w[0]!]!, regs[w[1]!]!, regs[w[2]!]!, regs[w[3]!]!);
    case 5:
      return fn(regs[w[0]!]!, regs[w[1]!]!, regs[w[2]!]!, regs[w[3]!]!, regs[w[4]!]!);
    case 6:
      return fn(regs[w[0]!]!, regs[w[1]!]!, regs[w[2]!]!, regs[w[3]!]!, regs[w[4]!]!, regs[w[5]!]!);
    case 7:
      return fn(
        regs[w[0]!]!,
        regs[w[1]!]!,
        regs[w[2]!]!,
        regs[w[3]!]!,
        regs[w[4]!]!,
        regs[w[5]!]!,
        regs[w[6]!]!,
      );
    default:
      return fn(...w.map((index) => regs[index]!));
  }
}

/** The two halves of r0 that a helper's result makes, as its entry says. */
export function resultHigh(plan: CallPlan, helpers: HelperTable, result: number): number {
  switch (plan.returns) {
    case RETURN_CODES.int:
      return result >> 31;
    case RETURN_CODES.u64:
      return helpers.high;
    default:
      return 0;
  }
}
