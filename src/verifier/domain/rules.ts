/**
 * The names of the rules that set or tighten bounds, what each says in a sentence, and the hook through which an observer
 * hears of every application. With no hook set, an application costs one test of a number.
 */

/** Bits that name the parts of a scalar in a set of changed bounds. */
export const Bound = {
  Var: 0x01,
  Smin: 0x02,
  Smax: 0x04,
  Umin: 0x08,
  Umax: 0x10,
  S32Min: 0x20,
  S32Max: 0x40,
  U32Min: 0x80,
  U32Max: 0x100,
  /** All four 64-bit bounds. */
  All64: 0x1e,
  /** All four 32-bit bounds. */
  All32: 0x1e0,
  /** The known bits and every bound. */
  All: 0x1ff,
} as const;

/** Every rule with the idea behind it, as a sentence about "the number". */
export const BOUND_RULES = {
  'bits-to-bounds': 'the known bits alone exclude numbers outside of this bound',
  'bounds-to-bits': 'least and greatest value share their leading bits, so these are known',
  'u64-to-32': 'all numbers of the unsigned range have the same upper half, so the lower halves are a range',
  's64-to-32': 'all numbers of the signed range have the same upper half, so the lower halves are a range',
  'u64-across-to-s32':
    'the unsigned range runs from a negative lower half to the next upper half and a positive one',
  's64-across-to-s32':
    'the signed range runs from a negative lower half to the next upper half and a positive one',
  'u32-to-s32': 'the unsigned 32-bit range does not cross the sign boundary, so it is a signed range too',
  's32-to-u32': 'the signed 32-bit range does not cross zero, so it is an unsigned range too',
  's32-one-side': 'the unsigned 32-bit range meets only one end of the signed one',
  'u64-to-s64': 'the unsigned range does not cross the sign boundary, so it is a signed range too',
  's64-to-u64': 'the signed range does not cross zero, so it is an unsigned range too',
  's64-one-side': 'the unsigned range meets only one end of the signed one',
  'u32-to-64': 'the lower half cannot be below or above its own unsigned range',
  's32-to-64': 'the lower half cannot be below or above its own signed range',
  'sign-extended-positive':
    'a 32-bit number that was sign-extended and whose lower half is not negative is that half',
  add: 'the sum of the bounds, unless it overflows',
  sub: 'the difference of the bounds, unless it overflows',
  mul: 'the product of the bounds, if both numbers are small and not negative',
  and: 'a bitwise and is not above either operand',
  or: 'a bitwise or is not below either operand',
  xor: 'only the known bits say what a bitwise xor gives',
  lsh: 'the bounds are shifted, unless a bit falls out',
  rsh: 'the bounds are shifted',
  arsh: 'the signed bounds are shifted',
  constant: 'both operands are known, so the result is',
  'not-tracked': 'the verifier does not follow this operation: any result is possible',
  'zero-extend': 'a 32-bit operation clears the upper half',
  truncate: 'a narrow access keeps only the lower bytes',
  'sign-extend': 'a narrow number is extended with copies of its sign',
  'if-equal': 'on this side of the branch both numbers are the same',
  'if-not-equal': 'on this side of the branch the number is not the constant at its edge',
  'if-bit-set': 'on this side of the branch this bit is set',
  'if-bits-clear': 'on this side of the branch all these bits are clear',
  'if-less': 'on this side of the branch the number is below the other one',
  'if-not-above': 'on this side of the branch the number is not above the other one',
  contradiction: 'the bounds contradict each other, so they are given up',
} as const;

/** Stable name of a rule. */
export type BoundRule = keyof typeof BOUND_RULES;

/**
 * Hears that `rule` set or tightened the bounds `changed` (a set of `Bound` bits) of the scalar at `offset` of `words`.
 * Called after the change. Rules of sync.ts report what really became different, transfer rules what they wrote.
 */
export type RuleSink = (rule: BoundRule, changed: number, words: Int32Array, offset: number) => void;

let sink: RuleSink | undefined;

/** Sets or removes (undefined) the one listener; returns the one before, so that uses can nest. */
export function setRuleSink(next: RuleSink | undefined): RuleSink | undefined {
  const before = sink;
  sink = next;
  return before;
}

/** Tells the listener, if there is one and anything changed; returns `changed`. */
export function announce(rule: BoundRule, changed: number, words: Int32Array, offset: number): number {
  if (changed !== 0 && sink !== undefined) sink(rule, changed, words, offset);
  return changed;
}
