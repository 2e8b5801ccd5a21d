/**
 * What must hold of every scalar, and what the kernel does when it does not. A side of a jump that can never be reached may end in
 * ranges that contradict each other. Source: reg_bounds_sanity_check, kernel/bpf/verifier.c.
 */
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
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from './layout.ts';
import { announce, Bound } from './rules.ts';
import { markUnbounded } from './scalar.ts';
import { tnumIsConst, tnumSubregIsConst } from './tnum.ts';

/** The kernel's words for what is wrong with a scalar. */
export type Contradiction =
  | 'range bounds violation'
  | 'const tnum out of sync with range bounds'
  | 'const subreg tnum out of sync with range bounds';

/** What is wrong with a scalar, or undefined. */
export function findContradiction(r: Int32Array, o: number): Contradiction | undefined {
  if (hasEmptyRange(r, o)) return 'range bounds violation';
  if (tnumIsConst(r, o) && !allWideBoundsAre(r, o, r[o + VAR_VALUE_LO]!, r[o + VAR_VALUE_HI]!)) {
    return 'const tnum out of sync with range bounds';
  }
  if (tnumSubregIsConst(r, o) && !allSubregBoundsAre(r, o, r[o + VAR_VALUE_LO]!)) {
    return 'const subreg tnum out of sync with range bounds';
  }
  return undefined;
}

/** Gives up all ranges of a scalar that contradicts itself, and keeps its bits, as the kernel does. */
export function forgetContradiction(r: Int32Array, o: number): void {
  markUnbounded(r, o);
  announce('contradiction', Bound.All64 | Bound.All32, r, o);
}

function hasEmptyRange(r: Int32Array, o: number): boolean {
  return (
    ltU64(r[o + UMAX_LO]!, r[o + UMAX_HI]!, r[o + UMIN_LO]!, r[o + UMIN_HI]!) ||
    ltS64(r[o + SMAX_LO]!, r[o + SMAX_HI]!, r[o + SMIN_LO]!, r[o + SMIN_HI]!) ||
    ltU32(r[o + U32_MAX]!, r[o + U32_MIN]!) ||
    r[o + S32_MAX]! < r[o + S32_MIN]!
  );
}

function allWideBoundsAre(r: Int32Array, o: number, lo: number, hi: number): boolean {
  return (
    r[o + UMIN_LO] === lo &&
    r[o + UMIN_HI] === hi &&
    r[o + UMAX_LO] === lo &&
    r[o + UMAX_HI] === hi &&
    r[o + SMIN_LO] === lo &&
    r[o + SMIN_HI] === hi &&
    r[o + SMAX_LO] === lo &&
    r[o + SMAX_HI] === hi
  );
}

function allSubregBoundsAre(r: Int32Array, o: number, value: number): boolean {
  return (
    r[o + U32_MIN] === value &&
    r[o + U32_MAX] === value &&
    r[o + S32_MIN] === value &&
    r[o + S32_MAX] === value
  );
}
