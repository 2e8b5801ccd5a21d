/** Running in pieces: budgets, pausing anywhere, looking at a paused run, the hook before each instruction. */
import { describe, expect, it } from 'vitest';
import { type HelperEntry, Interpreter, Memory, type PreparedProgram } from '../../src/vm/index.ts';
import { helperTable, program, register, tailCallHelper } from './support.ts';

const TEXT = `r6 = 0
r7 = 20
again:
r1 = r7
call square
r6 += r0
r1 = 3
r2 = body ll
call thrice
r6 += r0
*(u64 *)(r10 - 8) = r6
lock *(u64 *)(r10 - 8) += r7
r6 = *(u64 *)(r10 - 8)
r7 += -1
if r7 != 0 goto again
r3 = r6
call tail_call
exit
square:
r0 = r1
r0 *= r1
exit
body:
r1 <<= 1
r0 = r1
exit`;

/** Calls back three times and returns the sum of the results. */
const thrice: HelperEntry = {
  id: 1,
  name: 'thrice',
  args: ['u32', 'ptr'],
  returns: 'int',
  kind: 'callback',
  start: (_times, callback) => {
    let round = 0;
    let sum = 0;
    return {
      callback,
      next: (args) => {
        args[0] = round;
        args[1] = 0;
        return round++ < 3;
      },
      returned: (lo) => {
        sum += lo;
      },
      result: () => sum,
    };
  },
};
const tailTarget = program('r0 = r3\nr0 *= 3\nexit');
const tail = tailCallHelper(() => tailTarget);
const helpers = helperTable(thrice, tail);
const prepared = program(TEXT, helpers);

function start(started: PreparedProgram = prepared): Interpreter {
  const interpreter = new Interpreter(new Memory(), helpers);
  interpreter.start(started);
  return interpreter;
}

describe('a run in pieces', () => {
  const whole = start();
  const expected = whole.run();

  it('of the whole program exits', () => {
    // Squares of 1 to 20, three callbacks of 0, 2 and 4, and the counter, each round; three times that.
    expect(expected).toEqual({ kind: 'exited', r0Low: 3 * (2870 + 20 * 6 + 210), r0High: 0 });
  });

  it.each([1, 2, 3, 7, 100])('of %i instructions ends in the same state', (budget) => {
    const interpreter = start();
    let status = interpreter.run(budget);
    let pieces = 1;
    for (; status.kind === 'paused'; pieces++) {
      expect(interpreter.executed).toBe(pieces * budget);
      status = interpreter.run(budget);
    }
    expect(status).toEqual(expected);
    expect(interpreter.executed).toBe(whole.executed);
    expect([...interpreter.registers]).toEqual([...whole.registers]);
  });

  it('of no instructions changes nothing', () => {
    const interpreter = start();
    expect(interpreter.run(0)).toEqual({ kind: 'paused' });
    expect(interpreter.slot).toBe(0);
    expect(interpreter.executed).toBe(0);
  });

  it('of two programs in turns on two interpreters keeps their registers apart', () => {
    const memory = new Memory();
    const a = new Interpreter(memory, helpers);
    const b = new Interpreter(memory, helpers);
    a.start(prepared);
    b.start(program('r0 = 1\nr6 = 1000\nagain:\nr0 += r6\nr6 += -1\nif r6 != 0 goto again\nexit'));
    const statuses = new Map<Interpreter, unknown>();
    while (statuses.size < 2) {
      for (const interpreter of [a, b]) {
        if (statuses.has(interpreter)) continue;
        const status = interpreter.run(5);
        if (status.kind !== 'paused') statuses.set(interpreter, status);
      }
    }
    expect(statuses.get(a)).toEqual(expected);
    expect(statuses.get(b)).toEqual({ kind: 'exited', r0Low: 500_501, r0High: 0 });
  });
});

describe('a paused run', () => {
  it('shows slot, depth, registers and call stack', () => {
    const interpreter = start();
    interpreter.run(4);
    expect(interpreter.slot).toBe(prepared.subprogs[1]);
    expect(interpreter.depth).toBe(2);
    expect(register(interpreter, 1)).toBe(20n);
    expect(interpreter.callStack().map(({ subprog, slot }) => `${subprog} ${slot}`)).toEqual([
      'square 18',
      'test 3',
    ]);
  });

  it('lets a debugger change registers', () => {
    const interpreter = start(program('r0 += 1\nr0 += 1\nexit'));
    interpreter.run(1);
    interpreter.registers[0] = 40;
    expect(interpreter.run()).toMatchObject({ r0Low: 41 });
  });

  it('may be given up for another one', () => {
    const interpreter = start();
    interpreter.run(50);
    interpreter.start(program('r0 = r6\nexit'));
    expect(interpreter.run()).toEqual({ kind: 'exited', r0Low: 0, r0High: 0 });
    expect(interpreter.depth).toBe(1);
  });
});

describe('the hook before each instruction', () => {
  it('sees every instruction in order and does not change the run', () => {
    const seen: string[] = [];
    const interpreter = new Interpreter(new Memory(), helpers, {
      onInsn: (vm) => seen.push(`${vm.depth}:${vm.slot}`),
    });
    interpreter.start(program('r1 = 1 ll\ncall f\nexit\nf:\nr0 = r1\nexit'));
    expect(interpreter.run()).toEqual({ kind: 'exited', r0Low: 1, r0High: 0 });
    expect(seen).toEqual(['1:0', '1:2', '2:4', '2:5', '1:3']);
  });
});

describe('a long run', () => {
  it('gives the same result when the loop is trained on the way', () => {
    const interpreter = start(
      program('r6 = 100000\nr0 = 1 ll\nagain:\nr0 *= 31\nr0 += r6\nr6 += -1\nif r6 != 0 goto again\nexit'),
    );
    let model = 1n;
    for (let i = 100_000n; i > 0n; i--) model = BigInt.asUintN(64, model * 31n + i);
    interpreter.run();
    expect(BigInt.asUintN(64, register(interpreter, 0))).toBe(model);
    expect(interpreter.executed).toBe(400_003);
  });
});
