/** The domain against the plain BigInt model: the same contents of all fields, also where scalars contradict themselves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aluScalar,
  assume,
  branchTaken,
  type Condition,
  markUnknown,
  OPPOSITE,
  type ScalarOp,
  type ScalarView,
  scalarWithin,
  signExtendSubregToSize,
  signExtendToSize,
  syncBounds,
  truncateToSize,
  viewScalar,
  zeroExtend32,
} from '../../../src/verifier/domain/index.ts';
import * as model from './model.ts';
import { AT, anyScalar, guardsHold, record } from './support.ts';

const RUNS = { numRuns: 1000 };
const width = fc.constantFrom(32 as const, 64 as const);
const conditions = Object.keys(OPPOSITE) as (keyof typeof OPPOSITE)[];

/** What `act` makes of a scalar. */
function applied(v: ScalarView, act: (r: Int32Array) => void): ScalarView {
  const r = record(v);
  act(r);
  expect(guardsHold(r)).toBe(true);
  return viewScalar(r, AT);
}

describe('the domain does what the model does', () => {
  it('when bounds are synchronised', () => {
    fc.assert(
      fc.property(anyScalar, (v) => {
        const got = applied(v, (r) => {
          syncBounds(r, AT);
        });
        expect(got).toEqual(model.sync(v));
      }),
      RUNS,
    );
  });

  const followed: ScalarOp[] = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'lsh', 'rsh', 'arsh'];
  it.each(followed)('for %s of two scalars', (op) => {
    const shift = op === 'lsh' || op === 'rsh' || op === 'arsh';
    const amount = fc.integer({ min: 0, max: 70 }).map((n) => model.constant(BigInt(n)));
    // An amount whose ranges do not agree with its bits is as good as none.
    const doubtful = fc
      .tuple(
        amount,
        fc.constantFrom('smin' as const, 'smax', 'umin', 'umax', 's32Min', 's32Max', 'u32Min', 'u32Max'),
      )
      .map(([n, field]) => ({ ...n, [field]: n[field] ^ 1n }));
    const source = shift ? fc.oneof({ weight: 4, arbitrary: amount }, doubtful, anyScalar) : anyScalar;
    fc.assert(
      fc.property(width, anyScalar, source, (w, a, b) => {
        const s = record(b);
        const got = applied(a, (r) => {
          aluScalar(op, w, r, AT, s, AT);
        });
        expect(got).toEqual(model.alu(op, w, a, b) ?? model.unknown);
        expect(viewScalar(s, AT)).toEqual(b);
      }),
      RUNS,
    );
  });

  it.each(followed)('for %s of a register with itself', (op) => {
    fc.assert(
      fc.property(width, anyScalar, (w, a) => {
        const got = applied(a, (r) => {
          aluScalar(op, w, r, AT, r, AT);
        });
        expect(got).toEqual(model.alu(op, w, a, a) ?? model.unknown);
      }),
      { numRuns: 300 },
    );
  });

  it('when a number changes its size', () => {
    fc.assert(
      fc.property(anyScalar, fc.constantFrom(1 as const, 2 as const, 4 as const), (v, size) => {
        expect(
          applied(v, (r) => {
            truncateToSize(r, AT, size);
          }),
        ).toEqual(model.truncate(v, size));
        expect(
          applied(v, (r) => {
            signExtendToSize(r, AT, size);
          }),
        ).toEqual(model.signExtend(v, 64, size));
        expect(
          applied(v, (r) => {
            zeroExtend32(r, AT);
          }),
        ).toEqual(model.zeroExtend(v));
        if (size === 4) return;
        expect(
          applied(v, (r) => {
            signExtendSubregToSize(r, AT, size);
          }),
        ).toEqual(model.signExtend(v, 32, size));
      }),
      RUNS,
    );
  });

  it.each(conditions)('about whether `if %s` is decided', (op) => {
    fc.assert(
      fc.property(width, anyScalar, anyScalar, (w, a, b) => {
        expect(branchTaken(op, w, record(a), AT, record(b), AT)).toBe(model.taken(op, w, a, b));
      }),
      RUNS,
    );
  });

  it.each([...conditions, 'clear'] as Condition[])('about what `if %s` teaches', (op) => {
    const source = fc.oneof(
      anyScalar,
      anyScalar.map((v) => model.constant(v.value)),
    );
    fc.assert(
      fc.property(width, source, source, (w, a, b) => {
        const [x, y] = [record(a), record(b)];
        assume(op, w, x, AT, y, AT);
        expect([viewScalar(x, AT), viewScalar(y, AT)]).toEqual(model.assume(op, w, a, b));
      }),
      RUNS,
    );
  });

  it('about whether one scalar covers another', () => {
    fc.assert(
      fc.property(anyScalar, anyScalar, (a, b) => {
        expect(scalarWithin(record(a), AT, record(b), AT)).toBe(model.within(a, b));
        expect(scalarWithin(record(a), AT, record(a), AT)).toBe(model.within(a, a));
        expect(scalarWithin(record(model.unknown), AT, record(a), AT)).toBe(true);
      }),
      RUNS,
    );
  });

  it('about the unknown', () => {
    const got = applied(model.constant(7n), (r) => {
      markUnknown(r, AT);
    });
    expect(got).toEqual(model.unknown);
  });
});
