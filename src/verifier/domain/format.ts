/**
 * Scalars as text, letter for letter as the kernel's log has them, and as BigInts for whoever prints or compares.
 * Source: verbose_unum, verbose_snum, tnum_strn, print_scalar_ranges in kernel/bpf/log.c; reg_bounds_sanity_check in verifier.c.
 */
import { i64FromHalves, u64FromHalves } from '../../base/int64.ts';
import type { Contradiction } from './invariants.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_LO,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_LO,
  UMIN_LO,
  VAR_MASK_LO,
  VAR_VALUE_LO,
} from './layout.ts';
import { tnumIsUnknown } from './tnum.ts';

/** A scalar's contents as BigInts; `value` and `mask` are the known bits (layout.ts). */
export interface ScalarView {
  readonly value: bigint;
  readonly mask: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly s32Min: bigint;
  readonly s32Max: bigint;
  readonly u32Min: bigint;
  readonly u32Max: bigint;
}

/** Reads a record. */
export function viewScalar(r: Int32Array, o: number): ScalarView {
  return {
    value: u64FromHalves(r[o + VAR_VALUE_LO]!, r[o + VAR_VALUE_LO + 1]!),
    mask: u64FromHalves(r[o + VAR_MASK_LO]!, r[o + VAR_MASK_LO + 1]!),
    smin: i64FromHalves(r[o + SMIN_LO]!, r[o + SMIN_LO + 1]!),
    smax: i64FromHalves(r[o + SMAX_LO]!, r[o + SMAX_LO + 1]!),
    umin: u64FromHalves(r[o + UMIN_LO]!, r[o + UMIN_LO + 1]!),
    umax: u64FromHalves(r[o + UMAX_LO]!, r[o + UMAX_LO + 1]!),
    s32Min: BigInt(r[o + S32_MIN]!),
    s32Max: BigInt(r[o + S32_MAX]!),
    u32Min: BigInt(r[o + U32_MIN]! >>> 0),
    u32Max: BigInt(r[o + U32_MAX]! >>> 0),
  };
}

/** An unsigned number: decimal up to 65535, else hexadecimal. */
export function formatUnsigned(value: bigint): string {
  return value <= 0xffffn ? value.toString() : hex(value);
}

/** A signed number: decimal within 16 bits, else the hexadecimal of its 64-bit two's complement. */
export function formatSigned(value: bigint): string {
  const small = value >= -0x8000n && value <= 0x7fffn;
  return small ? value.toString() : hex(BigInt.asUintN(64, value));
}

/** The kernel's %#llx; unlike C's it has the prefix for zero too. */
function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** A tnum as the log's var_off has it: a constant, or `(value; mask)`. */
export function formatTnum(r: Int32Array, o: number): string {
  const { value, mask } = viewScalar(r, o);
  return mask === 0n ? formatUnsigned(value) : `(${hex(value)}; ${hex(mask)})`;
}

/** One of the log's bounds: its name and the 64-bit pattern that is compared and printed. */
interface PrintedBound {
  readonly name: string;
  readonly signed: boolean;
  readonly pattern: bigint;
  omitted: boolean;
}

/**
 * The attributes of a scalar that is not constant, in the log's order and with its unions (`smin=umin=1`), each without the
 * separating comma: ranges that say something, then var_off. Empty for a number of which nothing is known.
 */
export function formatBounds(r: Int32Array, o: number): string[] {
  const bounds = printedBounds(viewScalar(r, o));
  const parts: string[] = [];
  for (const [index, bound] of bounds.entries()) {
    if (bound.omitted) continue;
    let names = `${bound.name}=`;
    // Every second entry is of the same kind, minimum or maximum. Equal numbers are printed once, but not across signs.
    for (let k = index + 2; k < bounds.length; k += 2) {
      const other = bounds[k]!;
      if (other.omitted || other.pattern !== bound.pattern || isNegative(other) !== isNegative(bound))
        continue;
      other.omitted = true;
      names += `${other.name}=`;
    }
    parts.push(
      names + (bound.signed ? formatSigned(BigInt.asIntN(64, bound.pattern)) : formatUnsigned(bound.pattern)),
    );
  }
  if (!tnumIsUnknown(r, o)) parts.push(`var_off=${formatTnum(r, o)}`);
  return parts;
}

function isNegative(bound: PrintedBound): boolean {
  return bound.signed && BigInt.asIntN(64, bound.pattern) < 0n;
}

function printedBounds(v: ScalarView): PrintedBound[] {
  const row = (name: string, signed: boolean, value: bigint, omitted: boolean): PrintedBound => ({
    name,
    signed,
    pattern: BigInt.asUintN(64, value),
    omitted,
  });
  return [
    row('smin', true, v.smin, v.smin === -(1n << 63n)),
    row('smax', true, v.smax, v.smax === (1n << 63n) - 1n),
    row('umin', false, v.umin, v.umin === 0n),
    row('umax', false, v.umax, v.umax === (1n << 64n) - 1n),
    row('smin32', true, subregPattern(v.s32Min), v.s32Min === -0x80000000n),
    row('smax32', true, subregPattern(v.s32Max), v.s32Max === 0x7fffffffn),
    row('umin32', false, v.u32Min, v.u32Min === 0n),
    row('umax32', false, v.u32Max, v.u32Max === 0xffffffffn),
  ];
}

/** 32-bit signed bounds sign-extend where they print as decimals, and do not where they print as hexadecimals. */
function subregPattern(value: bigint): bigint {
  const small = value >= -0x8000n && value <= 0x7fffn;
  return small ? value : BigInt.asUintN(32, value);
}

/** The log's line about a scalar that contradicts itself; `where` is the kernel's word for the occasion (`alu`, `true_reg1` …). */
export function formatContradiction(where: string, what: Contradiction, r: Int32Array, o: number): string {
  const v = viewScalar(r, o);
  const wide = (a: bigint, b: bigint): string =>
    `[${hex(BigInt.asUintN(64, a))}, ${hex(BigInt.asUintN(64, b))}]`;
  const narrow = (a: bigint, b: bigint): string =>
    `[${hex(BigInt.asUintN(32, a))}, ${hex(BigInt.asUintN(32, b))}]`;
  return (
    `REG INVARIANTS VIOLATION (${where}): ${what} u64=${wide(v.umin, v.umax)} s64=${wide(v.smin, v.smax)} ` +
    `u32=${narrow(v.u32Min, v.u32Max)} s32=${narrow(v.s32Min, v.s32Max)} var_off=(${hex(v.value)}, ${hex(v.mask)})`
  );
}
