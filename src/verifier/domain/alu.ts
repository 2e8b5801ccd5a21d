/**
 * One arithmetic instruction on two scalars: which operations the verifier follows, and the steps around each rule.
 * Source: adjust_scalar_min_max_vals, is_safe_to_compute_dst_reg_range, maybe_fork_scalars, kernel/bpf/verifier.c.
 *
 * Moves, neg and byte swaps are not here: a move copies the record, the other two make it unknown.
 */
import type { AluOp, Width } from '../../isa/index.ts';
import { addScalar, mulScalar, subScalar } from './arith.ts';
import { andScalar, orScalar, xorScalar } from './bitwise.ts';
import {
  S32_MAX,
  S32_MIN,
  SCALAR_WORDS,
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
} from './layout.ts';
import { zeroExtend32 } from './resize.ts';
import { announce, Bound } from './rules.ts';
import { copyScalar, isConst, markUnknown } from './scalar.ts';
import { arsh32, arsh64, lsh32, lsh64, rsh32, rsh64 } from './shifts.ts';
import { syncBounds } from './sync.ts';

/** The two-operand operations on numbers. */
export type ScalarOp = Exclude<AluOp, 'mov'>;

/** Holds the source when source and destination are one register, as in `r1 += r1`. */
const sourceCopy = new Int32Array(SCALAR_WORDS);

/**
 * d = d op s, synchronised. Returns false if the verifier does not follow the operation: then d is unknown (the caller does
 * what __mark_reg_unknown does to the other words of the record). Division, modulo and shifts by an amount that is not known
 * or too great are not followed.
 */
export function aluScalar(
  op: ScalarOp,
  width: Width,
  d: Int32Array,
  di: number,
  s: Int32Array,
  si: number,
): boolean {
  if (d === s && di === si) {
    copyScalar(sourceCopy, 0, s, si);
    return aluScalar(op, width, d, di, sourceCopy, 0);
  }
  if (!applyRule(op, width, d, di, s, si)) {
    markUnknown(d, di);
    announce('not-tracked', Bound.All, d, di);
    return false;
  }
  if (width === 32) zeroExtend32(d, di);
  syncBounds(d, di);
  return true;
}

function applyRule(
  op: ScalarOp,
  width: Width,
  d: Int32Array,
  di: number,
  s: Int32Array,
  si: number,
): boolean {
  switch (op) {
    case 'add':
      addScalar(d, di, s, si);
      return true;
    case 'sub':
      subScalar(d, di, s, si);
      return true;
    case 'mul':
      mulScalar(d, di, s, si);
      return true;
    case 'and':
      andScalar(d, di, s, si);
      return true;
    case 'or':
      orScalar(d, di, s, si);
      return true;
    case 'xor':
      xorScalar(d, di, s, si);
      return true;
    case 'lsh':
    case 'rsh':
    case 'arsh':
      return shift(op, width, d, di, s, si);
    case 'div':
    case 'mod':
    case 'sdiv':
    case 'smod':
      return false;
  }
}

function shift(
  op: 'lsh' | 'rsh' | 'arsh',
  width: Width,
  d: Int32Array,
  di: number,
  s: Int32Array,
  si: number,
): boolean {
  const n = shiftAmount(width, s, si);
  if (n < 0) return false;
  if (width === 32) {
    if (op === 'lsh') lsh32(d, di, n);
    else if (op === 'rsh') rsh32(d, di, n);
    else arsh32(d, di, n);
  } else if (op === 'lsh') lsh64(d, di, n);
  else if (op === 'rsh') rsh64(d, di, n);
  else arsh64(d, di, n);
  return true;
}

/**
 * The known amount of a shift, or -1. Ranges and bits must agree on it, and the whole source register, also of a 32-bit
 * shift, must be below the width.
 */
function shiftAmount(width: Width, s: Int32Array, si: number): number {
  if (!isConst(s, si, width)) return -1;
  const agreed =
    width === 32
      ? s[si + S32_MIN] === s[si + S32_MAX] && s[si + U32_MIN] === s[si + U32_MAX]
      : s[si + SMIN_LO] === s[si + SMAX_LO] &&
        s[si + SMIN_HI] === s[si + SMAX_HI] &&
        s[si + UMIN_LO] === s[si + UMAX_LO] &&
        s[si + UMIN_HI] === s[si + UMAX_HI];
  if (!agreed || s[si + UMAX_HI] !== 0 || s[si + UMAX_LO]! >>> 0 >= width) return -1;
  return width === 32 ? s[si + U32_MIN]! : s[si + UMIN_LO]!;
}

/**
 * Whether a number is known to be 0 or -1, and as what: 64 for the whole number, 32 for the low half alone, 0 for neither.
 * Such a number comes from an arithmetic shift by all but the sign bit; before `and` or `or` with a constant the walk goes on
 * twice, once for each value, since both results together would look like a wide range (maybe_fork_scalars).
 */
export function zeroOrMinusOneWidth(r: Int32Array, o: number): 0 | Width {
  if (r[o + SMIN_LO] === -1 && r[o + SMIN_HI] === -1 && (r[o + SMAX_LO]! | r[o + SMAX_HI]!) === 0) return 64;
  return r[o + S32_MIN] === -1 && r[o + S32_MAX] === 0 ? 32 : 0;
}
