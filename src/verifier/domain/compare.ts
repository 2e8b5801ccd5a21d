/**
 * Whether a comparison of two scalars is decided by what is known of them. Source: is_scalar_branch_taken,
 * kernel/bpf/verifier.c. Pointers are the caller's business.
 */
import type { JmpOp, Width } from '../../isa/index.ts';
import { ltS64, ltU32, ltU64 } from './int64.ts';
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
import { isConst } from './scalar.ts';
import { tnumOverlap, tnumSubregOverlap } from './tnum.ts';

/** 1: always true; 0: never; -1: it depends. */
export type Decision = 1 | 0 | -1;

/** Decides `a op b` for two scalars, compared as whole numbers or in their low 32 bits. */
export function branchTaken(
  op: JmpOp,
  width: Width,
  a: Int32Array,
  ai: number,
  b: Int32Array,
  bi: number,
): Decision {
  switch (op) {
    case 'eq':
      return equal(width, a, ai, b, bi);
    case 'ne':
      return negate(equal(width, a, ai, b, bi));
    case 'set':
      return isConst(b, bi, width) ? bitSet(width, a, ai, b, bi) : bitSetSwapped(width, a, ai, b, bi);
    case 'gt':
      return unsignedLess(width, b, bi, a, ai);
    case 'lt':
      return unsignedLess(width, a, ai, b, bi);
    case 'ge':
      return unsignedNotAbove(width, b, bi, a, ai);
    case 'le':
      return unsignedNotAbove(width, a, ai, b, bi);
    case 'sgt':
      return signedLess(width, b, bi, a, ai);
    case 'slt':
      return signedLess(width, a, ai, b, bi);
    case 'sge':
      return signedNotAbove(width, b, bi, a, ai);
    case 'sle':
      return signedNotAbove(width, a, ai, b, bi);
  }
}

function negate(decision: Decision): Decision {
  if (decision === -1) return -1;
  return decision === 1 ? 0 : 1;
}

/** a < b unsigned: surely if a's greatest is below b's least, surely not if a's least is not below b's greatest. */
function unsignedLess(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  if (width === 32) {
    if (ltU32(a[ai + U32_MAX]!, b[bi + U32_MIN]!)) return 1;
    return ltU32(a[ai + U32_MIN]!, b[bi + U32_MAX]!) ? -1 : 0;
  }
  if (ltU64(a[ai + UMAX_LO]!, a[ai + UMAX_HI]!, b[bi + UMIN_LO]!, b[bi + UMIN_HI]!)) return 1;
  return ltU64(a[ai + UMIN_LO]!, a[ai + UMIN_HI]!, b[bi + UMAX_LO]!, b[bi + UMAX_HI]!) ? -1 : 0;
}

/** a <= b unsigned: surely if a's greatest is not above b's least, surely not if a's least is above b's greatest. */
function unsignedNotAbove(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  if (width === 32) {
    if (!ltU32(b[bi + U32_MIN]!, a[ai + U32_MAX]!)) return 1;
    return ltU32(b[bi + U32_MAX]!, a[ai + U32_MIN]!) ? 0 : -1;
  }
  if (!ltU64(b[bi + UMIN_LO]!, b[bi + UMIN_HI]!, a[ai + UMAX_LO]!, a[ai + UMAX_HI]!)) return 1;
  return ltU64(b[bi + UMAX_LO]!, b[bi + UMAX_HI]!, a[ai + UMIN_LO]!, a[ai + UMIN_HI]!) ? 0 : -1;
}

/** a < b signed, in the same way. */
function signedLess(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  if (width === 32) {
    if (a[ai + S32_MAX]! < b[bi + S32_MIN]!) return 1;
    return a[ai + S32_MIN]! < b[bi + S32_MAX]! ? -1 : 0;
  }
  if (ltS64(a[ai + SMAX_LO]!, a[ai + SMAX_HI]!, b[bi + SMIN_LO]!, b[bi + SMIN_HI]!)) return 1;
  return ltS64(a[ai + SMIN_LO]!, a[ai + SMIN_HI]!, b[bi + SMAX_LO]!, b[bi + SMAX_HI]!) ? -1 : 0;
}

/** a <= b signed, in the same way. */
function signedNotAbove(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  if (width === 32) {
    if (a[ai + S32_MAX]! <= b[bi + S32_MIN]!) return 1;
    return a[ai + S32_MIN]! > b[bi + S32_MAX]! ? 0 : -1;
  }
  if (!ltS64(b[bi + SMIN_LO]!, b[bi + SMIN_HI]!, a[ai + SMAX_LO]!, a[ai + SMAX_HI]!)) return 1;
  return ltS64(b[bi + SMAX_LO]!, b[bi + SMAX_HI]!, a[ai + SMIN_LO]!, a[ai + SMIN_HI]!) ? 0 : -1;
}

/**
 * a = b: known if both are constants; impossible if some bit differs or any of the ranges do not meet. A 64-bit comparison
 * looks at the 32-bit ranges too: numbers whose low halves differ are different.
 */
function equal(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  if (width === 32) {
    if (isConst(a, ai, 32) && isConst(b, bi, 32))
      return a[ai + VAR_VALUE_LO] === b[bi + VAR_VALUE_LO] ? 1 : 0;
    return tnumSubregOverlap(a, ai, b, bi) && rangesMeet(32, a, ai, b, bi) ? -1 : 0;
  }
  if (isConst(a, ai, 64) && isConst(b, bi, 64)) {
    const same =
      a[ai + VAR_VALUE_LO] === b[bi + VAR_VALUE_LO] && a[ai + VAR_VALUE_HI] === b[bi + VAR_VALUE_HI];
    return same ? 1 : 0;
  }
  const possible = tnumOverlap(a, ai, b, bi) && rangesMeet(64, a, ai, b, bi) && rangesMeet(32, a, ai, b, bi);
  return possible ? -1 : 0;
}

/** Whether both the unsigned and the signed ranges of one width have numbers in common, each as the kernel tests it. */
function rangesMeet(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  if (width === 32) {
    return (
      !ltU32(b[bi + U32_MAX]!, a[ai + U32_MIN]!) &&
      !ltU32(a[ai + U32_MAX]!, b[bi + U32_MIN]!) &&
      a[ai + S32_MIN]! <= b[bi + S32_MAX]! &&
      a[ai + S32_MAX]! >= b[bi + S32_MIN]!
    );
  }
  return (
    !ltU64(b[bi + UMAX_LO]!, b[bi + UMAX_HI]!, a[ai + UMIN_LO]!, a[ai + UMIN_HI]!) &&
    !ltU64(a[ai + UMAX_LO]!, a[ai + UMAX_HI]!, b[bi + UMIN_LO]!, b[bi + UMIN_HI]!) &&
    !ltS64(b[bi + SMAX_LO]!, b[bi + SMAX_HI]!, a[ai + SMIN_LO]!, a[ai + SMIN_HI]!) &&
    !ltS64(a[ai + SMAX_LO]!, a[ai + SMAX_HI]!, b[bi + SMIN_LO]!, b[bi + SMIN_HI]!)
  );
}

/** a & b with only a constant: the same with the operands changed; with none nothing is decided. */
function bitSetSwapped(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  return isConst(a, ai, width) ? bitSet(width, b, bi, a, ai) : -1;
}

/** a & b is not zero, b constant: surely if a bit of b is a known 1 in a, surely not if all bits of b are known 0 in a. */
function bitSet(width: Width, a: Int32Array, ai: number, b: Int32Array, bi: number): Decision {
  const bLo = b[bi + VAR_VALUE_LO]!;
  const bHi = width === 32 ? 0 : b[bi + VAR_VALUE_HI]!;
  const vLo = a[ai + VAR_VALUE_LO]! & bLo;
  const vHi = a[ai + VAR_VALUE_HI]! & bHi;
  if ((vLo & ~a[ai + VAR_MASK_LO]!) !== 0 || (vHi & ~a[ai + VAR_MASK_HI]!) !== 0) return 1;
  const possible = vLo | vHi | (a[ai + VAR_MASK_LO]! & bLo) | (a[ai + VAR_MASK_HI]! & bHi);
  return possible === 0 ? 0 : -1;
}
