/** The hook that hears of every rule: what it hears, and that the origin of a bound can be told from it. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  aluScalar,
  assume,
  BOUND_RULES,
  Bound,
  type BoundRule,
  markKnownImm,
  markUnknown,
  REG_WORDS,
  type ScalarView,
  setRuleSink,
  syncBounds,
  truncateToSize,
  viewScalar,
} from '../../../src/verifier/domain/index.ts';
import { AT, anyScalar, record } from './support.ts';

interface Heard {
  readonly rule: BoundRule;
  readonly changed: number;
  readonly offset: number;
}

afterEach(() => {
  setRuleSink(undefined);
});

/** Everything that is announced while `act` runs. */
function listen(act: () => void): Heard[] {
  const heard: Heard[] = [];
  setRuleSink((rule, changed, _, offset) => heard.push({ rule, changed, offset }));
  act();
  setRuleSink(undefined);
  return heard;
}

const FIELDS: readonly [number, (v: ScalarView) => unknown][] = [
  [Bound.Var, (v) => `${v.value} ${v.mask}`],
  [Bound.Smin, (v) => v.smin],
  [Bound.Smax, (v) => v.smax],
  [Bound.Umin, (v) => v.umin],
  [Bound.Umax, (v) => v.umax],
  [Bound.S32Min, (v) => v.s32Min],
  [Bound.S32Max, (v) => v.s32Max],
  [Bound.U32Min, (v) => v.u32Min],
  [Bound.U32Max, (v) => v.u32Max],
];

describe('the rule sink', () => {
  it('names the rules that give a shifted number its bounds', () => {
    const r = new Int32Array(2 * REG_WORDS);
    markUnknown(r, 0);
    markKnownImm(r, REG_WORDS, 56);
    const heard = listen(() => {
      aluScalar('rsh', 64, r, 0, r, REG_WORDS);
    });
    expect(heard[0]).toEqual({ rule: 'rsh', changed: Bound.All, offset: 0 });
    expect(heard.find((h) => h.rule === 'bits-to-bounds' && h.changed & Bound.Smax)).toBeDefined();
  });

  it('says which bound a branch set, of which register', () => {
    const r = new Int32Array(2 * REG_WORDS);
    markUnknown(r, 0);
    truncateToSize(r, 0, 4);
    markKnownImm(r, REG_WORDS, 64);
    const heard = listen(() => {
      assume('lt', 64, r, 0, r, REG_WORDS);
    });
    expect(heard[0]).toEqual({ rule: 'if-less', changed: Bound.Umax, offset: 0 });
    expect(heard.find((h) => h.changed & Bound.Smax)?.rule).toBe('u64-to-s64');
    expect(heard.at(-1)?.rule).toBe('bounds-to-bits');
  });

  it('hears nothing of a rule that found nothing', () => {
    const r = record({ ...viewScalar(new Int32Array(REG_WORDS), 0) });
    expect(
      listen(() => {
        syncBounds(r, AT);
      }),
    ).toEqual([]);
  });

  it('hears of every bound that synchronising changes', () => {
    fc.assert(
      fc.property(anyScalar, (v) => {
        const r = record(v);
        const heard = listen(() => {
          syncBounds(r, AT);
        });
        const told = heard.reduce((set, h) => set | h.changed, 0);
        const after = viewScalar(r, AT);
        for (const [bit, read] of FIELDS) if (read(v) !== read(after)) expect(told & bit).toBe(bit);
        for (const h of heard) expect(BOUND_RULES[h.rule]).toBeTypeOf('string');
      }),
      { numRuns: 500 },
    );
  });

  it('changes no result', () => {
    fc.assert(
      fc.property(anyScalar, anyScalar, (a, b) => {
        const [x, y] = [record(a), record(a)];
        listen(() => {
          aluScalar('add', 64, x, AT, record(b), AT);
        });
        aluScalar('add', 64, y, AT, record(b), AT);
        expect(x).toEqual(y);
      }),
      { numRuns: 200 },
    );
  });

  it('returns the listener before, so that uses nest', () => {
    const outer = (): void => undefined;
    expect(setRuleSink(outer)).toBeUndefined();
    expect(setRuleSink(undefined)).toBe(outer);
  });
});
