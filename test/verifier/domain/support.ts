/** What the domain's tests share: records from BigInts, numbers that matter, scalars at random. */
import fc from 'fast-check';
import {
  S32_MAX,
  S32_MIN,
  SCALAR_WORDS,
  type ScalarView,
  SMAX_LO,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_LO,
  UMIN_LO,
  VAR_MASK_LO,
  VAR_VALUE_LO,
} from '../../../src/verifier/domain/index.ts';

/** Where records lie in test buffers: not at 0, so that a forgotten offset shows. */
export const AT = 5;

/** A record at AT with a guard on either side. */
export function record(view: ScalarView): Int32Array {
  const r = new Int32Array(AT + SCALAR_WORDS + 3).fill(0x5a5a5a5a);
  writeScalar(r, AT, view);
  return r;
}

/** Whether nothing outside of the scalar part was written. */
export function guardsHold(r: Int32Array): boolean {
  return r.every((word, i) => (i >= AT && i < AT + SCALAR_WORDS) || word === 0x5a5a5a5a);
}

export function writeScalar(r: Int32Array, o: number, v: ScalarView): void {
  const wide = (at: number, x: bigint): void => {
    r[o + at] = Number(BigInt.asIntN(32, x));
    r[o + at + 1] = Number(BigInt.asIntN(32, x >> 32n));
  };
  wide(VAR_VALUE_LO, v.value);
  wide(VAR_MASK_LO, v.mask);
  wide(SMIN_LO, v.smin);
  wide(SMAX_LO, v.smax);
  wide(UMIN_LO, v.umin);
  wide(UMAX_LO, v.umax);
  r[o + S32_MIN] = Number(v.s32Min);
  r[o + S32_MAX] = Number(v.s32Max);
  r[o + U32_MIN] = Number(v.u32Min);
  r[o + U32_MAX] = Number(v.u32Max);
}

/** The closest description of a set of numbers (each modulo 2^64). */
export function describeSet(numbers: readonly bigint[]): ScalarView {
  const u64 = numbers.map((x) => BigInt.asUintN(64, x));
  const u32 = u64.map((x) => BigInt.asUintN(32, x));
  const all = u64.reduce((a, b) => a & b);
  const any = u64.reduce((a, b) => a | b);
  const ordered = (list: readonly bigint[]): bigint[] => list.toSorted((a, b) => Number(a - b));
  const min = (list: readonly bigint[]): bigint => ordered(list)[0]!;
  const max = (list: readonly bigint[]): bigint => ordered(list).at(-1)!;
  const s64 = u64.map((x) => BigInt.asIntN(64, x));
  const s32 = u32.map((x) => BigInt.asIntN(32, x));
  return {
    value: all,
    mask: any & ~all,
    smin: min(s64),
    smax: max(s64),
    umin: min(u64),
    umax: max(u64),
    s32Min: min(s32),
    s32Max: max(s32),
    u32Min: min(u32),
    u32Max: max(u32),
  };
}

/** Whether a number is one of those that a scalar stands for. */
export function contains(v: ScalarView, x: bigint): boolean {
  const u64 = BigInt.asUintN(64, x);
  const s64 = BigInt.asIntN(64, x);
  const u32 = BigInt.asUintN(32, x);
  const s32 = BigInt.asIntN(32, x);
  return (
    (u64 & ~v.mask) === v.value &&
    v.smin <= s64 &&
    s64 <= v.smax &&
    v.umin <= u64 &&
    u64 <= v.umax &&
    v.s32Min <= s32 &&
    s32 <= v.s32Max &&
    v.u32Min <= u32 &&
    u32 <= v.u32Max
  );
}

const edges = [0n, 1n << 7n, 1n << 15n, 1n << 16n, 1n << 31n, 1n << 32n, 1n << 33n, 1n << 48n, 1n << 63n];

/** 64-bit patterns: small ones, ones around the edges of signs and widths, ones of any length, any. */
export const pattern: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -16n, max: 16n }).map((x) => BigInt.asUintN(64, x)),
  fc
    .tuple(fc.constantFrom(...edges), fc.bigInt({ min: -3n, max: 3n }), fc.boolean())
    .map(([edge, near, negative]) => BigInt.asUintN(64, negative ? -(edge + near) : edge + near)),
  fc
    .tuple(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.integer({ min: 0, max: 63 }))
    .map(([x, n]) => x >> BigInt(n)),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

/** Scalars that describe a few numbers exactly: always consistent, of every shape. */
export const exactScalar: fc.Arbitrary<ScalarView> = fc
  .oneof(
    fc.array(pattern, { minLength: 1, maxLength: 4 }),
    fc
      .tuple(pattern, fc.array(fc.bigInt({ min: 0n, max: 300n }), { minLength: 1, maxLength: 4 }))
      .map(([base, steps]) => steps.map((step) => base + step)),
  )
  .map(describeSet);

/** Scalars of which each part knows something of its own of one common number: consistent, not synchronised. */
export const looseScalar: fc.Arbitrary<ScalarView> = fc
  .tuple(exactScalar, exactScalar, exactScalar, pattern)
  .map(([a, b, c, x]) => {
    const [p, q, t] = [a, b, c].map((v) => {
      const low = [v.umin, v.umax, x];
      return describeSet(low);
    }) as [ScalarView, ScalarView, ScalarView];
    return {
      ...p,
      s32Min: q.s32Min,
      s32Max: q.s32Max,
      u32Min: t.u32Min,
      u32Max: t.u32Max,
      value: t.value,
      mask: t.mask,
      umin: q.umin,
      umax: q.umax,
    };
  });

/** Scalars whose parts may contradict each other, as on sides of jumps that can never be reached. */
export const wildScalar: fc.Arbitrary<ScalarView> = fc
  .tuple(pattern, pattern, pattern, pattern, pattern, pattern, pattern, pattern)
  .map(([v, m, a, b, c, d, e, f]) => ({
    value: v & ~m,
    mask: m,
    smin: BigInt.asIntN(64, a),
    smax: BigInt.asIntN(64, b),
    umin: c,
    umax: d,
    s32Min: BigInt.asIntN(32, e),
    s32Max: BigInt.asIntN(32, f),
    u32Min: BigInt.asUintN(32, a ^ f),
    u32Max: BigInt.asUintN(32, b ^ e),
  }));

export const anyScalar: fc.Arbitrary<ScalarView> = fc.oneof(
  { weight: 3, arbitrary: exactScalar },
  { weight: 3, arbitrary: looseScalar },
  { weight: 1, arbitrary: wildScalar },
);
