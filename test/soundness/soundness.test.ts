/**
 * The verifier's states are true of what programs do: random programs that it accepts run on random inputs, and at every instruction the
 * concrete state lies in the recorded walk (replay.ts has the exact claim). SOUNDNESS_STEPS sets how many instructions are run,
 * SOUNDNESS_SEED where the programs begin; a failure prints the seed of its program.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  S32_MAX,
  S32_MIN,
  SMAX_LO,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_LO,
  UMIN_LO,
  VAR_MASK_HI,
  VAR_MASK_LO,
  VAR_VALUE_LO,
} from '../../src/verifier/domain/layout.ts';
import { AUX, isSpill, OFF, regAt, slotAt, TYPE } from '../../src/verifier/state/layout.ts';
import {
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../../src/verifier/state/reg-type.ts';
import { randomProgram } from './random-program.ts';
import { DEAD, type Node, RECORDS } from './recording.ts';
import { Miss } from './replay.ts';
import { runAll, type Verified, verified } from './runs.ts';

const STEPS = Number(process.env.SOUNDNESS_STEPS ?? 200_000);
const FIRST_SEED = Number(process.env.SOUNDNESS_SEED ?? 1);

/** Even if hardly a program is accepted, the test ends. */
const MIN_STEPS_PER_SEED = 100;

const totals = { steps: 0, compared: 0, doubted: 0, programs: 0, accepted: 0 };

describe('accepted programs', () => {
  it(`do at each of ${STEPS} instructions what the verifier expects`, { timeout: 60_000 + STEPS }, () => {
    const last = FIRST_SEED + STEPS / MIN_STEPS_PER_SEED;
    for (let seed = FIRST_SEED; totals.steps < STEPS && seed < last; seed++) {
      totals.programs++;
      const one = verified(randomProgram(seed), seed);
      if (one === undefined) continue;
      totals.accepted++;
      runAll(one, totals);
    }
    if (process.env.SOUNDNESS_STEPS !== undefined) console.log(totals);
    expect(totals.steps).toBeGreaterThanOrEqual(STEPS);
  });

  it('are most of the random ones, and most values are compared', () => {
    expect(totals.accepted).toBeGreaterThan(totals.programs / 2);
    expect(totals.compared).toBeGreaterThan(2 * totals.doubted);
  });
});

describe('a walk that is wrong is found out if', () => {
  const programs: Verified[] = [];

  beforeAll(() => {
    for (let seed = 1; programs.length < 12; seed++) {
      const one = verified(randomProgram(seed), seed);
      if (one !== undefined) programs.push(one);
    }
  });

  /** How many of the programs are found out once each of their states was changed. */
  function foundOut(change: (node: Node) => void): number {
    return programs.filter(({ seed, insns }) => {
      const one = verified(insns, seed)!;
      one.recording.nodes.forEach(change);
      try {
        runAll(one, { steps: 0, compared: 0, doubted: 0 });
        return false;
      } catch (error) {
        if (error instanceof Miss) return true;
        throw error;
      }
    }).length;
  }

  /** The running frame's registers of this type. */
  function registers(node: Node, type: number, change: (words: Int32Array, o: number) => void): void {
    const { words } = node.frames.at(-1)!;
    for (let reg = 0; reg < 10; reg++) if (words[regAt(reg) + TYPE] === type) change(words, regAt(reg));
  }

  it('it is right: none', () => {
    expect(foundOut(() => undefined)).toBe(0);
  });

  it('each bit that is unknown is taken for 0', () => {
    const found = foundOut((node) => {
      registers(node, SCALAR_VALUE, (words, o) => words.fill(0, o + VAR_MASK_LO, o + VAR_MASK_HI + 1));
    });
    expect(found).toBe(programs.length);
  });

  it.each([
    ['signed 64-bit', SMAX_LO, SMIN_LO, 2],
    ['unsigned 64-bit', UMAX_LO, UMIN_LO, 2],
    ['signed 32-bit', S32_MAX, S32_MIN, 1],
    ['unsigned 32-bit', U32_MAX, U32_MIN, 1],
  ] as const)('every %s range is its least number alone', (_, max, min, words) => {
    const found = foundOut((node) => {
      registers(node, SCALAR_VALUE, (r, o) => r.copyWithin(o + max, o + min, o + min + words));
    });
    expect(found).toBe(programs.length);
  });

  it.each([
    ['stack', PTR_TO_STACK],
    ['map value', PTR_TO_MAP_VALUE],
    ['packet', PTR_TO_PACKET],
    ['context', PTR_TO_CTX],
  ])('%s pointers are a byte further', (_, type) => {
    const found = foundOut((node) => {
      registers(node, type, (words, o) => {
        words[o + OFF]! += 1;
      });
    });
    expect(found).toBeGreaterThan(0);
  });

  it('packets are thought to be longer', () => {
    const found = foundOut((node) => {
      registers(node, PTR_TO_PACKET, (words, o) => {
        if (words[o + AUX]! > 0) words[o + AUX]! += 160;
      });
    });
    expect(found).toBe(programs.length);
  });

  it('spilled numbers are off by one', () => {
    const found = foundOut(({ frames }) => {
      for (const { words, slots } of frames)
        for (let spi = 0; spi < slots; spi++) {
          const o = slotAt(words, spi);
          if (words[o + TYPE] === SCALAR_VALUE && isSpill(words, spi)) words[o + VAR_VALUE_LO]! ^= 1;
        }
    });
    expect(found).toBe(programs.length);
  });

  it('a path was left out', () => {
    const found = foundOut(({ next }) => {
      if (next.length > 1) next.pop();
    });
    expect(found).toBeGreaterThan(programs.length / 2);
  });

  it('paths that end at checkpoints are taken to agree in all', () => {
    const found = foundOut(({ next }) => {
      for (const [i, { to }] of next.entries()) next[i] = { to, doubts: undefined };
    });
    expect(found).toBeGreaterThan(programs.length / 2);
  });

  it('what is read later is taken for never read', () => {
    const found = foundOut(({ frames, next }) => {
      for (const [i, { to }] of next.entries()) {
        const doubts = frames.map(() => new Uint8Array(RECORDS).fill(DEAD));
        if (frames.length === to.frames.length) next[i] = { to, doubts };
      }
    });
    expect(found).toBe(programs.length);
  });
});
