/** What observers of a verification hear: the events of a walk in order, why paths are cut short, and which rule set a bound. */
import { describe, expect, it } from 'vitest';
import { assemble, helperByName } from '../../src/index.ts';
import { BpfProgType, ProgFlag } from '../../src/spec/index.ts';
import {
  BOUND_RULES,
  Bound,
  COVER_REASONS,
  type CoveredPlace,
  DIFFERENCE_REASONS,
  type Place,
  type StateDifference,
  type VerifierObserver,
  type VerifierResult,
  verify,
  viewScalar,
} from '../../src/verifier/index.ts';

/** With a checkpoint at every place that may have one, so that small programs have some. */
function watch(
  source: string,
  observer: VerifierObserver,
  logLevel = 0,
  flags: number = ProgFlag.BPF_F_TEST_STATE_FREQ,
): VerifierResult {
  const resolveCall = (name: string) => {
    const helper = helperByName(name);
    return helper === undefined ? undefined : ({ kind: 'call-helper', id: helper.id } as const);
  };
  return verify(
    {
      insns: assemble(source, { resolveCall }),
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags,
      license: 'GPL',
      maps: new Map(),
    },
    { observer, logLevel },
  );
}

const nameOf = ({ frame, reg, slot }: Place): string => {
  const place = reg >= 0 ? `r${reg}` : slot >= 0 ? `fp-${8 * (slot + 1)}` : '';
  return frame > 0 ? `${frame}:${place}` : place;
};

describe('a walk', () => {
  it('tells each step, branch, checkpoint and cut in the order in which they happen', () => {
    const heard: string[] = [];
    watch(
      `
      r0 = 0
      r2 = *(u32 *)(r1 + 12)
      if r2 == 0 goto out
      r0 = 1
      out:
      r0 = 2
      exit`,
      {
        begin: (_walk, subprog) => heard.push(`begin ${subprog}`),
        step: ({ insn }) => heard.push(`step ${insn}`),
        branch: (_walk, taken) => heard.push(`branch ${taken ?? 'either'}`),
        push: (_walk, _state, insn) => heard.push(`push ${insn}`),
        pop: ({ insn }, from) => heard.push(`pop ${from} to ${insn}`),
        checkpoint: ({ insn }) => heard.push(`checkpoint ${insn}`),
        prune: ({ insn }, _state, reason) => heard.push(`prune ${insn} ${reason}`),
        end: (_walk, subprog) => heard.push(`end ${subprog}`),
      },
    );
    expect(heard).toEqual([
      'begin 0',
      'step 0',
      'step 1',
      'checkpoint 2',
      'step 2',
      'push 4',
      'branch either',
      'step 3',
      'checkpoint 4',
      'step 4',
      'step 5',
      'pop 2 to 4',
      'prune 4 safe',
      'end 0',
    ]);
  });

  it('says which registers and slots backtracking wants at each instruction', () => {
    const wanted: [number, number][] = [];
    watch('r2 = -8\nr3 = r10\nr3 += r2\n*(u64 *)(r3 + 0) = r2\nr0 = 0\nexit', {
      precisionStep: (_walk, _frame, regs, _lo, _hi, insn) => wanted.push([insn, regs]),
    });
    expect(wanted).toEqual([
      [1, 1 << 2],
      [0, 1 << 2],
    ]);
  });

  it('names the rule and the parts of every bound that is set, and shows the number', () => {
    const set: [string, boolean, bigint][] = [];
    watch('r2 = *(u32 *)(r1 + 12)\nif r2 > 9 goto out\nr0 = r2\nout: r0 = 0\nexit', {
      bound: (rule, changed, words, offset) =>
        set.push([rule, (changed & Bound.Umax) !== 0, viewScalar(words, offset).umax]),
    });
    expect(set).toContainEqual(['if-not-above', true, 9n]);
    for (const [rule] of set) expect(Object.keys(BOUND_RULES)).toContain(rule);
  });

  it('is the same with an observer as without, and with a log as without', () => {
    const source = 'r2 = *(u32 *)(r1 + 12)\nif r2 > 9 goto out\nr2 = 0\nout: r0 = 0\nexit';
    const silent = watch(source, {});
    const events: string[] = [];
    const heard = watch(source, { prune: (_w, _s, reason) => events.push(reason), bound: () => {} }, 2);
    expect(heard.stats).toEqual(silent.stats);
    expect(silent.log).toBe('');
    expect(heard.log).toContain('safe');
    expect(events).toEqual(['safe']);
  });
});

describe('where a path ends at a checkpoint, of each register and slot is said why it is covered', () => {
  /** `nameOf` each place, with its reason. */
  function covered(source: string, flags?: number): Record<string, string> {
    const cuts: (readonly CoveredPlace[])[] = [];
    watch(source, { prune: (_walk, _state, _reason, places) => cuts.push(places) }, 0, flags);
    expect(cuts).toHaveLength(1);
    return Object.fromEntries(cuts[0]!.map((place) => [nameOf(place), place.reason]));
  }

  it('not read, not precise, the same, or fewer values', () => {
    const reasons = covered(`
      r6 = *(u32 *)(r1 + 12)
      r7 = *(u32 *)(r1 + 16)
      r6 &= 7
      r8 = 1
      if r6 == 5 goto join
      r8 = 2
      join:
      r2 = r10
      r2 += -16
      *(u64 *)(r2 + 0) = 0
      *(u64 *)(r2 + 8) = 0
      r2 += r6
      r0 = *(u8 *)(r2 + 0)
      r7 += 1
      r0 = 0
      exit`);
    expect(reasons).toEqual({
      r1: 'not-read',
      r6: 'within',
      r7: 'same',
      r8: 'not-read',
    });
  });

  it('as the example of docs/verifier.md says', () => {
    const reasons = covered(
      `
      r0 = 0
      r2 = *(u32 *)(r1 + 16)
      if r2 == 1 goto +2
      r3 = 1
      goto +1
      r3 = 2
      r4 = 3
      r4 = 4
      r4 = 5
      r0 = 1
      if r2 == 2 goto +1
      r0 = 2
      exit`,
      0,
    );
    expect(reasons).toEqual({
      r0: 'same',
      r1: 'not-read',
      r2: 'not-precise',
      r3: 'not-read',
      r4: 'not-read',
    });
  });

  it('a number that is read but that nothing depends on', () => {
    const reasons = covered(`
      r6 = *(u32 *)(r1 + 12)
      r7 = 1
      if r6 == 5 goto join
      r7 = 2
      join:
      r3 = r7
      r0 = 0
      exit`);
    expect(reasons).toMatchObject({ r6: 'not-read', r7: 'not-precise' });
  });

  it('stack slots: spilled pointers, numbers, and bytes that were never told apart', () => {
    const reasons = covered(`
      r6 = *(u32 *)(r1 + 12)
      *(u64 *)(r10 - 8) = r1
      *(u64 *)(r10 - 16) = r6
      *(u8 *)(r10 - 24) = r6
      *(u64 *)(r10 - 32) = 0
      if r6 == 5 goto join
      *(u8 *)(r10 - 23) = r6
      join:
      r1 = *(u64 *)(r10 - 8)
      r2 = *(u64 *)(r10 - 16)
      r3 = *(u8 *)(r10 - 24)
      r0 = 0
      exit`);
    expect(reasons).toMatchObject({
      'fp-8': 'same',
      'fp-16': 'not-precise',
      'fp-24': 'any-bytes',
      'fp-32': 'not-read',
    });
  });

  it('each reason is explained in a sentence', () => {
    for (const text of Object.values({ ...COVER_REASONS, ...DIFFERENCE_REASONS }))
      expect(text).toMatch(/^[a-z][^.]+$/);
  });
});

describe('where a checkpoint does not cover the state, the first difference is named', () => {
  /** All differences at instructions where a checkpoint was missed. */
  function missed(source: string): string[] {
    const found: StateDifference[] = [];
    watch(source, { miss: (_walk, _state, difference) => found.push({ ...difference }) });
    return found.map((difference) => `${nameOf(difference)} ${difference.reason}`.trim());
  }

  it('a number that may be another', () => {
    expect(
      missed(`
      r6 = *(u32 *)(r1 + 12)
      r2 = 4
      if r6 == 5 goto join
      r2 = 8
      join:
      r3 = r10
      r3 += -16
      r3 += r2
      *(u32 *)(r3 + 0) = 0
      r0 = 0
      exit`),
    ).toEqual(['r2 range']);
  });

  it('a value of another kind', () => {
    expect(
      missed(`
      r6 = *(u32 *)(r1 + 12)
      r2 = r1
      if r6 == 5 goto join
      r2 = r10
      join:
      r3 = r2
      r0 = 0
      exit`),
    ).toEqual(['r2 kind']);
  });

  it('a pointer to another place', () => {
    expect(
      missed(`
      r6 = *(u32 *)(r1 + 12)
      r2 = r10
      if r6 == 5 goto join
      r2 += -8
      join:
      r3 = r2
      r0 = 0
      exit`),
    ).toEqual(['r2 target']);
  });

  it('less of the packet is proven', () => {
    expect(
      missed(`
      r6 = *(u32 *)(r1 + 12)
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r4 = r2
      r4 += 8
      if r6 == 5 goto short
      if r4 > r3 goto out
      goto join
      short:
      r4 += -4
      if r4 > r3 goto out
      join:
      r5 = *(u8 *)(r2 + 0)
      out:
      r0 = 0
      exit`),
    ).toContain('r2 packet-range');
  });

  it('stack bytes of another kind', () => {
    expect(
      missed(`
      r6 = *(u32 *)(r1 + 12)
      *(u64 *)(r10 - 8) = r6
      if r6 == 5 goto join
      *(u64 *)(r10 - 8) = r1
      join:
      r3 = *(u64 *)(r10 - 8)
      r0 = 0
      exit`),
    ).toEqual(['fp-8 kind']);
  });

  it('a loop whose checkpoint is not finished', () => {
    expect(missed('r2 = 0\nagain:\nr2 += 1\nif r2 < 3 goto again\nr0 = 0\nexit')).toContain('unfinished');
  });
});
