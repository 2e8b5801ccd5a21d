/**
 * Soundness by brute force: scalars that describe a handful of numbers around every edge (zero, 2^31, 2^32, 2^63 and stepping sets) are
 * put through every operation and every side of every jump; whatever any of the numbers gives must be among what the scalar stands
 * for. Tnums of four bits are tried without exception, against the best description there is.
 */
import { describe, expect, it } from 'vitest';
import {
  aluScalar,
  assume,
  branchTaken,
  OPPOSITE,
  SCALAR_WORDS,
  type ScalarOp,
  type ScalarView,
  signExtendSubregToSize,
  signExtendToSize,
  syncBounds,
  tnumAdd,
  tnumAnd,
  tnumIn,
  tnumIntersect,
  tnumMul,
  tnumOr,
  tnumOverlap,
  tnumSub,
  tnumXor,
  truncateToSize,
  viewScalar,
  zeroExtend32,
} from '../../../src/verifier/domain/index.ts';
import * as model from './model.ts';
import { AT, contains, describeSet, record } from './support.ts';

type Width = 32 | 64;
const widths = [32, 64] as const;
const u = (bits: number, x: bigint): bigint => BigInt.asUintN(bits, x);
const s = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);

/** All runs of up to four numbers around each edge, and some sets with gaps. */
const sets: bigint[][] = [];
for (const edge of [0n, 1n << 31n, 1n << 32n, 1n << 63n]) {
  for (let from = -2n; from <= 1n; from++) {
    for (let to = from; to <= 1n; to++) {
      const run: bigint[] = [];
      for (let x = from; x <= to; x++) run.push(u(64, edge + x));
      sets.push(run);
    }
  }
}
sets.push([0n, 8n, 16n, 24n], [3n, 7n, 31n], [0n, u(64, -1n)], [0n, 1n << 31n, 1n << 32n, 1n << 63n]);
sets.push(
  [u(64, -(1n << 31n)), 5n],
  [0x1_8000_0000n, 0x2_7fff_ffffn],
  [0xffff_fff0_ffff_fff0n, 0xffff_fff1_0000_0010n],
);
const shiftSets = [0n, 1n, 7n, 31n, 32n, 33n, 63n, 64n].map((n) => [n]).concat([[1n, 2n]]);

const scalarOf = new Map(sets.concat(shiftSets).map((set) => [set, describeSet(set)]));

/** What the instruction does to numbers: RFC 9669, section 4.1. */
function concrete(op: ScalarOp, width: Width, a: bigint, b: bigint): bigint {
  const x = u(width, a);
  const y = u(width, b);
  const n = y & BigInt(width - 1);
  switch (op) {
    case 'add':
      return u(width, x + y);
    case 'sub':
      return u(width, x - y);
    case 'mul':
      return u(width, x * y);
    case 'and':
      return x & y;
    case 'or':
      return x | y;
    case 'xor':
      return x ^ y;
    case 'lsh':
      return u(width, x << n);
    case 'rsh':
      return x >> n;
    case 'arsh':
      return u(width, s(width, x) >> n);
    case 'div':
      return y === 0n ? 0n : x / y;
    case 'mod':
      return y === 0n ? x : x % y;
    case 'sdiv':
      return y === 0n ? 0n : u(width, s(width, x) / s(width, y));
    case 'smod':
      return y === 0n ? x : u(width, s(width, x) % s(width, y));
  }
}

function holds(op: keyof typeof OPPOSITE, width: Width, a: bigint, b: bigint): boolean {
  const [x, y, p, q] = [u(width, a), u(width, b), s(width, a), s(width, b)];
  const truth: Record<keyof typeof OPPOSITE, boolean> = {
    eq: x === y,
    ne: x !== y,
    set: (x & y) !== 0n,
    gt: x > y,
    ge: x >= y,
    lt: x < y,
    le: x <= y,
    sgt: p > q,
    sge: p >= q,
    slt: p < q,
    sle: p <= q,
  };
  return truth[op];
}

/** The numbers that a scalar fails to stand for. */
const missing = (v: ScalarView, numbers: readonly bigint[]): bigint[] =>
  numbers.filter((x) => !contains(v, x));

describe('every number that can come out is among those of the resulting scalar', () => {
  const ops: ScalarOp[] = [
    'add',
    'sub',
    'mul',
    'div',
    'or',
    'and',
    'lsh',
    'rsh',
    'mod',
    'xor',
    'arsh',
    'sdiv',
    'smod',
  ];

  it.each(ops)('%s', (op) => {
    const sources = op.endsWith('sh') ? shiftSets : sets;
    for (const width of widths) {
      for (const a of sets) {
        for (const b of sources) {
          const r = record(scalarOf.get(a)!);
          aluScalar(op, width, r, AT, record(scalarOf.get(b)!), AT);
          const results = a.flatMap((x) => b.map((y) => concrete(op, width, x, y)));
          const lost = missing(viewScalar(r, AT), results);
          if (lost.length > 0) expect({ op, width, a, b, lost }).toBeUndefined();
        }
      }
    }
  });

  it('moves, narrow loads and their extensions', () => {
    for (const a of sets) {
      const start = scalarOf.get(a)!;
      const check = (act: (r: Int32Array) => void, value: (x: bigint) => bigint): void => {
        const r = record(start);
        act(r);
        expect(missing(viewScalar(r, AT), a.map(value))).toEqual([]);
      };
      check(
        (r) => {
          syncBounds(r, AT);
        },
        (x) => x,
      );
      check(
        (r) => {
          zeroExtend32(r, AT);
          syncBounds(r, AT);
        },
        (x) => u(32, x),
      );
      for (const size of [1, 2, 4] as const) {
        check(
          (r) => {
            truncateToSize(r, AT, size);
          },
          (x) => u(8 * size, x),
        );
        check(
          (r) => {
            signExtendToSize(r, AT, size);
          },
          (x) => s(8 * size, x),
        );
        if (size === 4) continue;
        check(
          (r) => {
            signExtendSubregToSize(r, AT, size);
            zeroExtend32(r, AT);
            syncBounds(r, AT);
          },
          (x) => u(32, s(8 * size, x)),
        );
      }
    }
  });
});

describe('every number that can take a side of a jump is among those of the scalar there', () => {
  it.each(Object.keys(OPPOSITE) as (keyof typeof OPPOSITE)[])('if %s', (op) => {
    for (const width of widths) {
      for (const a of sets) {
        for (const b of sets) {
          const pairs = a.flatMap((x) => b.map((y) => [x, y] as const));
          const through = pairs.filter(([x, y]) => holds(op, width, x, y));
          const past = pairs.filter(([x, y]) => !holds(op, width, x, y));
          const start = [scalarOf.get(a)!, scalarOf.get(b)!] as const;
          const decision = branchTaken(op, width, record(start[0]), AT, record(start[1]), AT);
          if (decision === 1) expect(past).toEqual([]);
          if (decision === 0) expect(through).toEqual([]);
          for (const [condition, kept] of [
            [op, through],
            [OPPOSITE[op], past],
          ] as const) {
            const [x, y] = [record(start[0]), record(start[1])];
            assume(condition, width, x, AT, y, AT);
            const lostA = missing(
              viewScalar(x, AT),
              kept.map((pair) => pair[0]),
            );
            const lostB = missing(
              viewScalar(y, AT),
              kept.map((pair) => pair[1]),
            );
            if (lostA.length + lostB.length > 0)
              expect({ condition, width, a, b, lostA, lostB }).toBeUndefined();
          }
        }
      }
    }
  });
});

describe('tnums of four bits', () => {
  const all: { readonly t: Int32Array; readonly numbers: bigint[] }[] = [];
  for (let mask = 0n; mask < 16n; mask++) {
    for (let value = 0n; value < 16n; value++) {
      if ((value & mask) !== 0n) continue;
      const numbers: bigint[] = [];
      for (let x = 0n; x < 16n; x++) if ((x & ~mask) === value) numbers.push(x);
      all.push({ t: record({ ...model.unknown, value, mask }), numbers });
    }
  }
  const exact: Record<string, [typeof tnumAdd, (x: bigint, y: bigint) => bigint]> = {
    add: [tnumAdd, (x, y) => x + y],
    sub: [tnumSub, (x, y) => x - y],
    and: [tnumAnd, (x, y) => x & y],
    or: [tnumOr, (x, y) => x | y],
    xor: [tnumXor, (x, y) => x ^ y],
  };

  it.each(Object.keys(exact))('%s gives the best tnum there is', (name) => {
    const [op, value] = exact[name]!;
    const r = new Int32Array(SCALAR_WORDS);
    for (const a of all) {
      for (const b of all) {
        r.set(a.t.subarray(AT, AT + SCALAR_WORDS));
        op(r, 0, b.t, AT);
        const best = describeSet(a.numbers.flatMap((x) => b.numbers.map((y) => value(x, y))));
        const got = viewScalar(r, 0);
        if (got.value !== best.value || got.mask !== best.mask)
          expect({ a: a.numbers, b: b.numbers, got, best }).toBeUndefined();
      }
    }
  });

  it('mul contains every product', () => {
    const r = new Int32Array(SCALAR_WORDS);
    for (const a of all) {
      for (const b of all) {
        r.set(a.t.subarray(AT, AT + SCALAR_WORDS));
        tnumMul(r, 0, b.t, AT);
        const { value, mask } = viewScalar(r, 0);
        const lost = a.numbers
          .flatMap((x) => b.numbers.map((y) => x * y))
          .filter((p) => (p & ~mask) !== value);
        if (lost.length > 0) expect({ a: a.numbers, b: b.numbers, lost }).toBeUndefined();
      }
    }
  });

  it('meet, overlap and contain each other as their sets do', () => {
    const r = new Int32Array(SCALAR_WORDS);
    for (const a of all) {
      for (const b of all) {
        const common = a.numbers.filter((x) => b.numbers.includes(x));
        expect(tnumOverlap(a.t, AT, b.t, AT)).toBe(common.length > 0);
        expect(tnumIn(a.t, AT, b.t, AT)).toBe(common.length === b.numbers.length);
        if (common.length === 0) continue;
        r.set(a.t.subarray(AT, AT + SCALAR_WORDS));
        tnumIntersect(r, 0, b.t, AT);
        const best = describeSet(common);
        expect(viewScalar(r, 0)).toMatchObject({ value: best.value, mask: best.mask });
      }
    }
  });
});
