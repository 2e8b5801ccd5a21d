/** Where interpreted programs lie in memory: as many as there are, they take no more than one region, and run whatever else was run. */
import { describe, expect, it } from 'vitest';
import { InterpreterEngine, Memory, type PreparedProgram } from '../../src/vm/index.ts';
import { helperTable, program, tailCallHelper } from './support.ts';

/** Adds up to `sum` in that many instructions, then does what `end` says. */
function adds(sum: number, end = 'exit'): PreparedProgram {
  return program(`${'r0 += 1\n'.repeat(sum)}${end}`, helpers);
}

let target: PreparedProgram | undefined;
const tail = tailCallHelper(() => target);
const helpers = helperTable(tail);

/** 4 MiB: 64 KiB for programs, 4,096 instructions. */
const SMALL = { maxBytes: 1 << 22 };

describe('interpreted programs', () => {
  it('run in turns when they do not fit together', () => {
    const engine = new InterpreterEngine(new Memory(SMALL), helpers);
    const programs = [1000, 1500, 2000, 2500].map((sum) => adds(sum));
    for (let round = 0; round < 3; round++) {
      expect(programs.map((one) => engine.execute(one, 0))).toEqual([1000, 1500, 2000, 2500]);
    }
  });

  it('take no more memory the more of them there were', () => {
    const memory = new Memory(SMALL);
    const engine = new InterpreterEngine(memory, helpers);
    engine.execute(adds(10), 0);
    const before = memory.bytesInUse;
    for (let sum = 1; sum <= 200; sum++) expect(engine.execute(adds(sum), 0)).toBe(sum);
    expect(memory.bytesInUse).toBe(before);
    engine.dispose();
    expect(memory.bytesInUse).toBe(0);
  });

  it('may be larger than what is there for all', () => {
    const memory = new Memory(SMALL);
    const engine = new InterpreterEngine(memory, helpers);
    expect([5000, 3, 5000].map((sum) => engine.execute(adds(sum), 0))).toEqual([5000, 3, 5000]);
    engine.dispose();
    expect(memory.bytesInUse).toBe(0);
  });

  it('stay where they are while they wait for a function that goes on elsewhere', () => {
    const memory = new Memory(SMALL);
    const engine = new InterpreterEngine(memory, helpers);
    // The caller must find its own instructions behind the call, of which there are many.
    const text = `r6 = 7\ncall f\nr0 += r6\n${'r0 += 1\n'.repeat(3000)}exit\nf:\nr3 = 0\ncall tail_call\nr0 = 0\nexit`;
    const caller = program(text, helpers);
    target = adds(2000, 'r0 += 5\nexit');
    for (let round = 0; round < 2; round++) expect(engine.execute(caller, 0)).toBe(2000 + 5 + 7 + 3000);
    expect(engine.execute(adds(4000), 0)).toBe(4000);
    engine.dispose();
    expect(memory.bytesInUse).toBe(0);
  });

  it('cannot be read or written by programs', () => {
    const memory = new Memory(SMALL);
    const engine = new InterpreterEngine(memory, helpers);
    engine.execute(adds(1), 0);
    const own = memory.regions().filter(({ kind }) => kind === 'kernel');
    expect(own.length).toBeGreaterThan(0);
    for (const { address, size } of own) {
      for (let at = address; at < address + size; at += 64)
        expect([memory.isReadable(at, 1), memory.isWritable(at, 1)]).toEqual([false, false]);
    }
  });
});
