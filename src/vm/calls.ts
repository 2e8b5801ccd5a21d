/**
 * Calls out of a program: how the words of a helper's arguments are gathered from the registers, and its result put into r0. A plan is
 * made once for each helper, so that a call itself decides nothing.
 */
import type { CallbackDriver, HelperEntry, HelperTable } from './abi.ts';
import type { CallTarget } from './pack.ts';

/** Numbers of what helpers return, in CallPlan and in the loop's operations. */
export const RETURN_CODES = { int: 0, ptr: 1, u64: 2, void: 3 } as const;

/** Calls something with words of the registers, which begin at index `at` of a 32-bit view of memory. */
type Invoke<R> = (memory: Int32Array, at: number) => R;

/** How to call one helper. */
export interface CallPlan {
  readonly target: CallTarget;
  /** Undefined when this kernel has no such helper. */
  readonly entry: HelperEntry | undefined;
  /** A plain helper's implementation. */
  readonly call: Invoke<number> | undefined;
  /** The start of a helper that calls back. */
  readonly start: Invoke<CallbackDriver | number> | undefined;
  /** Registers that hold pointers, so that their high halves must be zero. */
  readonly pointers: readonly number[];
  readonly returns: 0 | 1 | 2 | 3;
}

/** Makes the plan for one call target. */
export function planCall(target: CallTarget, helpers: HelperTable): CallPlan {
  const entry =
    target.kind === 'helper' ? helpers.entries[target.id] : helpers.kfunc?.(target.btfId, target.module);
  const words: number[] = [];
  const pointers: number[] = [];
  entry?.args.forEach((pass, index) => {
    const reg = index + 1;
    words.push(2 * reg);
    if (pass === 'u64') words.push(2 * reg + 1);
    if (pass === 'ptr') pointers.push(reg);
  });
  return {
    target,
    entry,
    call: entry?.kind === 'plain' ? withWords(entry.call, words) : undefined,
    start: entry?.kind === 'callback' ? withWords(entry.start, words) : undefined,
    pointers,
    returns: RETURN_CODES[entry?.returns ?? 'void'],
  };
}

/** Calls `fn` with these words, without an argument array where there are few. */
function withWords<R>(fn: (...words: number[]) => R, words: readonly number[]): Invoke<R> {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words;
  switch (words.length) {
    case 0:
      return () => fn();
    case 1:
      return (memory, at) => fn(memory[at + a]!);
    case 2:
      return (memory, at) => fn(memory[at + a]!, memory[at + b]!);
    case 3:
      return (memory, at) => fn(memory[at + a]!, memory[at + b]!, memory[at + c]!);
    case 4:
      return (memory, at) => fn(memory[at + a]!, memory[at + b]!, memory[at + c]!, memory[at + d]!);
    case 5:
      return (memory, at) =>
        fn(memory[at + a]!, memory[at + b]!, memory[at + c]!, memory[at + d]!, memory[at + e]!);
    case 6:
      return (memory, at) =>
        fn(
          memory[at + a]!,
          memory[at + b]!,
          memory[at + c]!,
          memory[at + d]!,
          memory[at + e]!,
          memory[at + f]!,
        );
    default:
      return (memory, at) => fn(...words.map((word) => memory[at + word]!));
  }
}

/** The high half of r0 that a helper's result makes, as its entry says. */
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
