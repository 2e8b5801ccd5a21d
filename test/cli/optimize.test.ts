/**
 * What the command line does so that a long first run is not stuck in unoptimized code: V8 itself is asked which of its compilers made
 * the code that ran.
 */
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { optimizeAtOnce } from '../../src/cli/optimize.ts';
import { Kernel } from '../../src/index.ts';
import { JitEngine, Memory } from '../../src/vm/index.ts';
import { wasm } from '../../src/vm/wasm/platform.ts';
import { openFixture } from '../fixtures.ts';
import { helperTable, program } from '../vm/support.ts';

setFlagsFromString('--allow-natives-syntax');
const isOptimized = runInThisContext('(f) => %IsTurboFanFunction(f)') as (f: unknown) => boolean;

afterAll(() => {
  setFlagsFromString('--liftoff');
});

/** Compiles a program of so many slots as the engine does, runs it once, and tells whether optimized code ran. */
function ranOptimized(slots: number): boolean {
  const memory = new Memory();
  // Of another content for each size: V8 shares the code of equal modules.
  const text = `${'r0 += 1\n'.repeat(slots - 1)}exit\n`;
  const bytes = new JitEngine(memory, helperTable()).bytesOf(program(text));
  optimizeAtOnce(slots);
  const nothing = (): number => 0;
  const { exports } = new wasm.Instance(new wasm.Module(bytes), {
    e: { memory: memory.wasm },
    f: new Proxy({}, { get: () => nothing }),
  });
  const { run, main } = exports as Record<'run' | 'main', (...words: number[]) => number>;
  expect(run(0, 0, 1 << 20)).toBe(slots - 1);
  return isOptimized(main);
}

describe('before its first run', () => {
  it('a program is optimized at once', () => {
    expect(ranOptimized(1000)).toBe(true);
    expect(ranOptimized(10_000)).toBe(true);
  });

  it('a program that would take long to optimize is not', () => {
    expect(ranOptimized(10_001)).toBe(false);
    // What is small is optimized again after it.
    expect(ranOptimized(1001)).toBe(true);
  });
});

describe('a kernel', () => {
  it.each(['jit', 'auto'] as const)(
    'with engine %s tells how large programs are before it compiles them',
    (engine) => {
      const told: number[] = [];
      const kernel = new Kernel({ engine, beforeCompile: (slots) => told.push(slots) });
      const { programs } = kernel.load(openFixture('xdp/helper_costs'));
      for (const program of Object.values(programs)) program.testRun({ repeat: 3 });
      const sizes = Object.values(programs).map(({ loaded }) => loaded.prepared.insns.length);
      expect(told.toSorted()).toEqual(sizes.toSorted());
    },
  );
});
