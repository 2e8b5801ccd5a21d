/** Which engine runs what, and that nobody can tell by the results. */
import { describe, expect, it } from 'vitest';
import { Memory } from '../../../src/vm/index.ts';
import { TieredEngine } from '../../../src/vm/jit/index.ts';
import { helperTable, program } from '../support.ts';

/** An engine, and the sizes of the programs that it compiled. */
function tiered(): { engine: TieredEngine; compiled: number[] } {
  const compiled: number[] = [];
  const engine = new TieredEngine(new Memory(), helperTable(), {
    beforeCompile: (slots) => compiled.push(slots),
  });
  return { engine, compiled };
}

describe('the engine that chooses', () => {
  it('compiles a program with a loop before its first run', () => {
    const { engine, compiled } = tiered();
    const loop = program('r0 = 9\nagain:\nr0 += -1\nif r0 > 4 goto again\nexit\n');
    expect(engine.execute(loop, 0)).toBe(4);
    expect(compiled).toEqual([4]);
  });

  it('interprets a program without loops twice, then compiles it', () => {
    const { engine, compiled } = tiered();
    const straight = program('r0 = 1\nr0 <<= 33\nr0 |= 5\nexit\n');
    for (let run = 1; run <= 4; run++) {
      expect([engine.execute(straight, 0), engine.r0High]).toEqual([5, 2]);
      expect(compiled).toEqual(run <= 2 ? [] : [4]);
    }
  });

  it('compiles what is to run many times', () => {
    const { engine, compiled } = tiered();
    expect(engine.repeat(program('r0 = 6\nexit\n'), 10, 0)).toBe(6);
    expect(compiled).toEqual([2]);
  });

  it.each([
    [2, []],
    [3, [3]],
  ])('of %i inputs compiles %j, and runs the program on each', (count, expected) => {
    const { engine, compiled } = tiered();
    const results = new Int32Array(count);
    const inputs: number[] = [];
    engine.runEach(program('r0 = r1\nr0 += 1\nexit\n'), 41, {
      count,
      ready: (index) => inputs.push(index),
      results,
    });
    expect([...results]).toEqual(Array(count).fill(42));
    expect(inputs).toEqual(Array.from(results.keys()));
    expect(compiled).toEqual(expected);
  });

  it('interprets what cannot be compiled', () => {
    const { engine, compiled } = tiered();
    // Forty functions, each of which jumps into the first one.
    const functions = Array.from({ length: 40 }, (_, i) => `f${i}:\ngoto common`);
    const calls = Array.from({ length: 40 }, (_, i) => `call f${i}`);
    const common = `goto behind\ncommon:\n${'r0 += 1\n'.repeat(20)}r0 = 3\nexit\n`;
    const text = `${common}behind:\n${calls.join('\n')}\nexit\n${functions.join('\n')}\n`;
    expect(engine.execute(program(text), 0)).toBe(3);
    expect(compiled).toEqual([]);
  });
});
