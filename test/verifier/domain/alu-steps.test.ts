/**
 * The domain against the kernel itself: thousands of instructions on scalars as Linux 6.12.117 logged them, with the registers'
 * contents before and after, in the log's own words.
 *
 * The fixture is made from level-2 logs of the kernel's selftests and of random programs:
 *   BLESS=1 LOGS=dir[:dir…] npx vitest run test/verifier/domain/alu-steps.test.ts
 * Without BLESS, LOGS checks every step of those logs instead of the fixture's.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replay } from './check-step.ts';
import { type Step, stepsOf } from './log-steps.ts';

const FIXTURE = new URL('../../../fixtures/kernel-6.12/alu-steps.jsonl.gz', import.meta.url);
const LOGS = process.env.LOGS;

/** At most so many steps of one kind of instruction go into the fixture. */
const PER_KIND = 14;

const kindOf = (step: Step): string => step[0].replace(/-?\d+$/, 'K');

function* filesIn(path: string): Generator<string> {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) yield* filesIn(`${path}/${name}`);
}

/** Each different step of the logs once. */
function stepsInLogs(paths: readonly string[]): Step[] {
  const steps = new Map<string, Step>();
  for (const path of paths) {
    for (const file of filesIn(path)) {
      for (const step of stepsOf(readFileSync(file, 'utf8'))) steps.set(JSON.stringify(step), step);
    }
  }
  return [...steps.values()];
}

/** A few steps of each kind, spread over all that there are; those whose operands are unknown teach little. */
function choose(steps: readonly Step[]): Step[] {
  const kinds = new Map<string, Step[]>();
  for (const step of steps) {
    if (step[1] === 'scalar()' && step[2] === 'scalar()') continue;
    const list = kinds.get(kindOf(step)) ?? [];
    list.push(step);
    kinds.set(kindOf(step), list);
  }
  return [...kinds.keys()].sort().flatMap((kind) => {
    const list = kinds.get(kind)!;
    const stride = Math.max(1, list.length / PER_KIND);
    return Array.from({ length: Math.min(PER_KIND, list.length) }, (_, i) => list[Math.floor(i * stride)]!);
  });
}

function readFixture(): Step[] {
  const text = gunzipSync(readFileSync(FIXTURE)).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);
}

if (LOGS !== undefined && process.env.BLESS === '1') {
  const chosen = choose(stepsInLogs(LOGS.split(':')));
  writeFileSync(FIXTURE, gzipSync(chosen.map((step) => `${JSON.stringify(step)}\n`).join(''), { level: 9 }));
}

describe('the domain does what Linux 6.12 does', () => {
  const steps =
    LOGS === undefined || process.env.BLESS === '1' ? readFixture() : stepsInLogs(LOGS.split(':'));

  it('has examples of every operation, width and condition', () => {
    expect(steps.length).toBeGreaterThan(3000);
    const kinds = new Set(steps.map(kindOf));
    for (const width of ['r', 'w']) {
      for (const op of ['+=', '-=', '*=', '/=', '%=', 's/=', 's%=', '&=', '|=', '^=', '<<=', '>>=', 's>>=']) {
        expect(kinds).toContain(`${width} ${op} K`);
      }
      for (const op of ['==', '!=', '&', '<', '<=', '>', '>=', 's<', 's<=', 's>', 's>=']) {
        for (const side of ['if', '!if', 'always', 'never'])
          expect(kinds).toContain(`${side} ${width} ${op} s`);
      }
      expect(kinds).toContain(`${width} = (s8)s`);
    }
    for (const size of ['u8', 'u16', 'u32', 's32']) expect(kinds).toContain(`r = (${size})s`);
  });

  it.each([
    ['arithmetic, moves and narrow loads', /^[rw] /],
    ['both sides of a jump', /^!?if /],
    ['jumps that are decided', /^(always|never) /],
    ['complaints about contradictions', /_reg[12] /],
  ])('%s', (_, kind) => {
    const chosen = steps.filter((step) => kind.test(step[0]));
    expect(chosen.length).toBeGreaterThan(10);
    for (const step of chosen) {
      const [insn, a, b, ...after] = step;
      expect({ insn, a, b, after: replay(step) }).toEqual({ insn, a, b, after });
    }
  });
});
