/**
 * What a conditional jump teaches about the two scalars it compares, on each of its sides.
 * Source: regs_refine_cond_op, rev_opcode, flip_opcode, reg_set_min_max, kernel/bpf/verifier.c.
 */
import type { JmpOp, Width } from '../../isa/index.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VAR_MASK_HI,
  VAR_MASK_LO,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from './layout.ts';
import { narrowS32, narrowS64, narrowU32, narrowU64 } from './narrow.ts';
import { announce, Bound } from './rules.ts';
import { isConst, markUnbounded, setSubregBounds, setWide } from './scalar.ts';
import { syncBounds } from './sync.ts';
import { setTnum, tnumIntersect, tnumIntersectSubreg } from './tnum.ts';

/** A comparison that is known to hold: a jump's condition, or `clear`, the contrary of `set`, which no jump has. */
export type Condition = JmpOp | 'clear';

/** The condition that holds where a jump is not taken (rev_opcode). */
export const OPPOSITE: Readonly<Record<JmpOp, Condition>> = {
  eq: 'ne',
  ne: 'eq',
  set: 'clear',
  gt: 'le',
  le: 'gt',
  lt: 'ge',
  ge: 'lt',
  sgt: 'sle',
  sle: 'sgt',
  slt: 'sge',
  sge: 'slt',
};

/** The condition that says the same with its operands changed over (flip_opcode). */
export const MIRRORED: Readonly<Record<JmpOp, JmpOp>> = {
  eq: 'eq',
  ne: 'ne',
  set: 'set',
  gt: 'lt',
  lt: 'gt',
  ge: 'le',
  le: 'ge',
  sgt: 'slt',
  slt: 'sgt',
  sge: 'sle',
  sle: 'sge',
};

/**
 * Narrows a and b by the knowledge that `a condition b` holds, and synchronises both: one side of a jump. a and b may be the
 * same record. For the two sides of a jump call it twice, on two copies, the second time with OPPOSITE[op].
 */
export function assume(
  condition: Condition,
  width: Width,
  a: Int32Array,
  ai: number,
  b: Int32Array,
  bi: number,
): void {
  refine(condition, width, a, ai, b, bi);
  syncBounds(a, ai);
  syncBounds(b, bi);
}

/** The narrowing alone (regs_refine_cond_op). */
export function refine(
  condition: Condition,
  width: Width,
  a: Int32Array,
  ai: number,
  b: Int32Array,
  bi: number,
): void {
  switch (condition) {
    case 'eq':
      if (width === 32) refineEqual32(a, ai, b, bi);
      else refineEqual64(a, ai, b, bi);
      return;
    case 'ne':
    case 'set':
    case 'clear':
      // Only a constant on one side teaches something about the other.
      if (isConst(b, bi, width)) refineByConstant(condition, width, a, ai, b, bi);
      else if (isConst(a, ai, width)) refineByConstant(condition, width, b, bi, a, ai);
      return;
    case 'lt':
      refineUnsigned(1, width, a, ai, b, bi);
      return;
    case 'gt':
      refineUnsigned(1, width, b, bi, a, ai);
      return;
    case 'le':
      refineUnsigned(0, width, a, ai, b, bi);
      return;
    case 'ge':
      refineUnsigned(0, width, b, bi, a, ai);
      return;
    case 'slt':
      refineSigned(1, width, a, ai, b, bi);
      return;
    case 'sgt':
      refineSigned(1, width, b, bi, a, ai);
      return;
    case 'sle':
      refineSigned(0, width, a, ai, b, bi);
      return;
    case 'sge':
      refineSigned(0, width, b, bi, a, ai);
      return;
  }
}

/** a = b in the low halves: both have the common part of their 32-bit ranges, and all the bits known of either. */
function refineEqual32(a: Int32Array, ai: number, b: Int32Array, bi: number): void {
  const changed =
    narrowU32(a, ai, b[bi + U32_MIN]!, b[bi + U32_MAX]!) |
    narrowS32(a, ai, b[bi + S32_MIN]!, b[bi + S32_MAX]!);
  setSubregBounds(b, bi, a[ai + S32_MIN]!, a[ai + S32_MAX]!, a[ai + U32_MIN]!, a[ai + U32_MAX]!);
  tnumIntersectSubreg(a, ai, b, bi);
  b[bi + VAR_VALUE_LO] = a[ai + VAR_VALUE_LO]!;
  b[bi + VAR_MASK_LO] = a[ai + VAR_MASK_LO]!;
  announce('if-equal', changed | Bound.Var, a, ai);
  announce('if-equal', Bound.All32 | Bound.Var, b, bi);
}

/** a = b: the same for whole numbers. The 32-bit ranges follow when bounds are synchronised. */
function refineEqual64(a: Int32Array, ai: number, b: Int32Array, bi: number): void {
  const changed =
    narrowU64(a, ai, b[bi + UMIN_LO]!, b[bi + UMIN_HI]!, b[bi + UMAX_LO]!, b[bi + UMAX_HI]!) |
    narrowS64(a, ai, b[bi + SMIN_LO]!, b[bi + SMIN_HI]!, b[bi + SMAX_LO]!, b[bi + SMAX_HI]!);
  setWide(b, bi + UMIN_LO, a[ai + UMIN_LO]!, a[ai + UMIN_HI]!);
  setWide(b, bi + UMAX_LO, a[ai + UMAX_LO]!, a[ai + UMAX_HI]!);
  setWide(b, bi + SMIN_LO, a[ai + SMIN_LO]!, a[ai + SMIN_HI]!);
  setWide(b, bi + SMAX_LO, a[ai + SMAX_LO]!, a[ai + SMAX_HI]!);
  tnumIntersect(a, ai, b, bi);
  setTnum(b, bi, a[ai + VAR_VALUE_LO]!, a[ai + VAR_VALUE_HI]!, a[ai + VAR_MASK_LO]!, a[ai + VAR_MASK_HI]!);
  announce('if-equal', changed | Bound.Var, a, ai);
  announce('if-equal', Bound.All64 | Bound.Var, b, bi);
}

function refineByConstant(
  condition: 'ne' | 'set' | 'clear',
  width: Width,
  a: Int32Array,
  ai: number,
  b: Int32Array,
  bi: number,
): void {
  const lo = b[bi + VAR_VALUE_LO]!;
  const hi = width === 32 ? 0 : b[bi + VAR_VALUE_HI]!;
  switch (condition) {
    case 'ne':
      if (width === 32) stepOff32(a, ai, lo);
      else stepOff64(a, ai, lo, hi);
      return;
    case 'set':
      setBit(a, ai, lo, hi);
      return;
    case 'clear':
      clearBits(a, ai, lo, hi);
      return;
  }
}

/** The low half is not `value`: a range that begins or ends with it loses that end. In the middle nothing can be said. */
function stepOff32(a: Int32Array, ai: number, value: number): void {
  let changed = 0;
  if (a[ai + U32_MIN] === value) {
    a[ai + U32_MIN] = value + 1;
    changed = Bound.U32Min;
  }
  if (a[ai + U32_MAX] === value) {
    a[ai + U32_MAX] = value - 1;
    changed |= Bound.U32Max;
  }
  if (a[ai + S32_MIN] === value) {
    a[ai + S32_MIN] = value + 1;
    changed |= Bound.S32Min;
  }
  if (a[ai + S32_MAX] === value) {
    a[ai + S32_MAX] = value - 1;
    changed |= Bound.S32Max;
  }
  announce('if-not-equal', changed, a, ai);
}

/** The same for the whole number. */
function stepOff64(a: Int32Array, ai: number, lo: number, hi: number): void {
  let changed = 0;
  if (a[ai + UMIN_LO] === lo && a[ai + UMIN_HI] === hi) {
    increment(a, ai + UMIN_LO);
    changed = Bound.Umin;
  }
  if (a[ai + UMAX_LO] === lo && a[ai + UMAX_HI] === hi) {
    decrement(a, ai + UMAX_LO);
    changed |= Bound.Umax;
  }
  if (a[ai + SMIN_LO] === lo && a[ai + SMIN_HI] === hi) {
    increment(a, ai + SMIN_LO);
    changed |= Bound.Smin;
  }
  if (a[ai + SMAX_LO] === lo && a[ai + SMAX_HI] === hi) {
    decrement(a, ai + SMAX_LO);
    changed |= Bound.Smax;
  }
  announce('if-not-equal', changed, a, ai);
}

function increment(r: Int32Array, at: number): void {
  const lo = (r[at]! + 1) | 0;
  setWide(r, at, lo, r[at + 1]! + (lo === 0 ? 1 : 0));
}

function decrement(r: Int32Array, at: number): void {
  const lo = r[at]!;
  setWide(r, at, lo - 1, r[at + 1]! - (lo === 0 ? 1 : 0));
}

/** a & constant is not zero. With one bit in the constant it must be that one; with several it could be any of them. */
function setBit(a: Int32Array, ai: number, lo: number, hi: number): void {
  if (!isPowerOfTwo(lo, hi)) return;
  a[ai + VAR_VALUE_LO]! |= lo;
  a[ai + VAR_VALUE_HI]! |= hi;
  a[ai + VAR_MASK_LO]! &= ~lo;
  a[ai + VAR_MASK_HI]! &= ~hi;
  announce('if-bit-set', Bound.Var, a, ai);
}

function isPowerOfTwo(lo: number, hi: number): boolean {
  if (hi === 0) return lo !== 0 && (lo & (lo - 1)) === 0;
  return lo === 0 && (hi & (hi - 1)) === 0;
}

/**
 * a & constant is zero, so none of the constant's bits is set. The kernel drops all ranges first, so that a side that can never be
 * reached does not end in ranges that contradict the bits; what the bits tell of the ranges comes back when they are synchronised.
 */
function clearBits(a: Int32Array, ai: number, lo: number, hi: number): void {
  markUnbounded(a, ai);
  a[ai + VAR_VALUE_LO]! &= ~lo;
  a[ai + VAR_VALUE_HI]! &= ~hi;
  a[ai + VAR_MASK_LO]! &= ~lo;
  a[ai + VAR_MASK_HI]! &= ~hi;
  announce('if-bits-clear', Bound.All, a, ai);
}

/**
 * a + gap <= b, unsigned; gap is 1 for a < b and 0 for a <= b. Then a is at most b's greatest less the gap, and b at least a's
 * least plus the gap. A wrap-around (nothing is less than 0) happens on sides that can never be reached; the kernel lets it be.
 */
function refineUnsigned(
  gap: 0 | 1,
  width: Width,
  a: Int32Array,
  ai: number,
  b: Int32Array,
  bi: number,
): void {
  const rule = gap === 1 ? 'if-less' : 'if-not-above';
  if (width === 32) {
    announce(rule, narrowU32(a, ai, a[ai + U32_MIN]!, (b[bi + U32_MAX]! - gap) | 0), a, ai);
    announce(rule, narrowU32(b, bi, (a[ai + U32_MIN]! + gap) | 0, b[bi + U32_MAX]!), b, bi);
    return;
  }
  const maxLo = b[bi + UMAX_LO]!;
  const maxHi = subGap(maxLo, b[bi + UMAX_HI]!, gap);
  const minLo = a[ai + UMIN_LO]!;
  const minHi = a[ai + UMIN_HI]!;
  announce(rule, narrowU64(a, ai, minLo, minHi, (maxLo - gap) | 0, maxHi), a, ai);
  const raisedHi = addGap(minLo, minHi, gap);
  const raised = narrowU64(b, bi, (minLo + gap) | 0, raisedHi, b[bi + UMAX_LO]!, b[bi + UMAX_HI]!);
  announce(rule, raised, b, bi);
}

/** The same for signed numbers. */
function refineSigned(gap: 0 | 1, width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): void {
  const rule = gap === 1 ? 'if-less' : 'if-not-above';
  if (width === 32) {
    announce(rule, narrowS32(a, ai, a[ai + S32_MIN]!, (b[bi + S32_MAX]! - gap) | 0), a, ai);
    announce(rule, narrowS32(b, bi, (a[ai + S32_MIN]! + gap) | 0, b[bi + S32_MAX]!), b, bi);
    return;
  }
  const maxLo = b[bi + SMAX_LO]!;
  const maxHi = subGap(maxLo, b[bi + SMAX_HI]!, gap);
  const minLo = a[ai + SMIN_LO]!;
  const minHi = a[ai + SMIN_HI]!;
  announce(rule, narrowS64(a, ai, minLo, minHi, (maxLo - gap) | 0, maxHi), a, ai);
  const raisedHi = addGap(minLo, minHi, gap);
  const raised = narrowS64(b, bi, (minLo + gap) | 0, raisedHi, b[bi + SMAX_LO]!, b[bi + SMAX_HI]!);
  announce(rule, raised, b, bi);
}

/** High half of a number plus the gap. */
function addGap(lo: number, hi: number, gap: 0 | 1): number {
  return gap === 1 && lo === -1 ? (hi + 1) | 0 : hi;
}

/** High half of a number less the gap. */
function subGap(lo: number, hi: number, gap: 0 | 1): number {
  return gap === 1 && lo === 0 ? (hi - 1) | 0 : hi;
}
