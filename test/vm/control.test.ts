/** Control flow: functions and their frames, calls of helpers, callbacks, tail calls, may_goto, legacy packet access. */
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../src/base/errors.ts';
import {
  type CallbackDriver,
  type HelperEntry,
  Interpreter,
  InterpreterEngine,
  MAX_LOOPS,
  Memory,
  type PreparedProgram,
} from '../../src/vm/index.ts';
import { faultOf, helperTable, program, run, runText, tailCallHelper } from './support.ts';

/** `repeat(times, callback)`: calls back with r1 = 0, 1, …; ends early when the callback returns 1; returns how often it called. */
const repeat: HelperEntry = {
  id: 181,
  name: 'repeat',
  args: ['u32', 'ptr'],
  returns: 'int',
  kind: 'callback',
  start: (times, callback) => (times < 0 ? -22 : new Repeat(times, callback)),
};

class Repeat implements CallbackDriver {
  readonly callback: number;
  private readonly times: number;
  private done = 0;
  private stopped = false;

  constructor(times: number, callback: number) {
    this.times = times;
    this.callback = callback;
  }

  next(args: Int32Array): boolean {
    if (this.stopped || this.done === this.times) return false;
    args[0] = this.done++;
    args[1] = 0;
    return true;
  }

  returned(lo: number): void {
    this.stopped = lo === 1;
  }

  result(): number {
    return this.done;
  }
}

describe('functions', () => {
  it('get r1 to r5 and give back r0; r6 to r9 and r10 come back as they were', () => {
    const text = `r6 = 6
r7 = 7 ll
r8 = -8
r9 = 9
r1 = 1
r5 = 5
call sum
r0 *= 100
r0 += r6
r0 += r7
r0 += r8
r0 += r9
r6 = r10
r6 -= r6
r0 += r6
exit
sum:
r6 = 60
r7 = 70
r8 = 80
r9 = 90
r10 = 0
r0 = r1
r0 += r5
exit`;
    expect(runText(text)).toBe(614n);
  });

  it('have a stack of 512 bytes each; a caller may pass a pointer into its own', () => {
    const text = `*(u64 *)(r10 - 8) = 1
r1 = r10
r1 += -8
call callee
r0 = *(u64 *)(r10 - 8)
exit
callee:
*(u64 *)(r10 - 8) = 7
*(u64 *)(r10 - 512) = 8
r2 = *(u64 *)(r10 - 8)
r3 = *(u64 *)(r10 - 512)
r2 += r3
*(u64 *)(r1 + 0) = r2
exit`;
    expect(runText(text)).toBe(15n);
  });

  it('nest eight deep, the program counted, and no deeper', () => {
    const nest = (levels: number): string =>
      `r1 = ${levels}
call down
exit
down:
r0 = r1
if r1 == 0 goto out
r1 += -1
call down
r0 += 1
out:
exit`;
    expect(runText(nest(6))).toBe(6n);
    const fault = faultOf(nest(7));
    expect(fault.code).toBe('call-too-deep');
    expect(fault.frames).toHaveLength(8);
  });

  it('are called through pointers', () => {
    const text = `r1 = target ll
callx r1
exit
target:
r0 = 42
exit`;
    expect(runText(text)).toBe(42n);
  });

  it('may be helpers, by number, where the helper table says so', () => {
    const memory = new Memory();
    const grow: HelperEntry = {
      id: 5,
      name: 'grow',
      args: [],
      returns: 'ptr',
      kind: 'plain',
      call: () => memory.allocate({ size: memory.size, kind: 'mem', name: 'big' }),
    };
    const helpers = { ...helperTable(grow), callxByNumber: true };
    const text = 'r1 = 5\ncallx r1\n*(u64 *)(r0 + 0) = 6\nr0 = *(u64 *)(r0 + 0)\nexit';
    expect(runText(text, { memory, helpers })).toBe(6n);
    expect(faultOf('r1 = 6\ncallx r1\nexit', { helpers }).code).toBe('unknown-helper');
  });

  it('start with zeros in registers and stack, also after another run', () => {
    const interpreter = new Interpreter(new Memory(), helperTable());
    const dirty = program('r9 = 1\n*(u64 *)(r10 - 8) = 1\ncall f\nexit\nf:\n*(u64 *)(r10 - 16) = 1\nexit');
    const clean = program(
      'r0 = r9\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\ncall f\nexit\nf:\nr1 = *(u64 *)(r10 - 16)\nr0 += r1\nexit',
    );
    interpreter.start(dirty);
    interpreter.run();
    interpreter.start(clean);
    expect(interpreter.run()).toEqual({ kind: 'exited', r0Low: 0, r0High: 0 });
  });
});

describe('helpers', () => {
  const log: number[][] = [];
  const entry = (id: number, more: Pick<HelperEntry, 'args' | 'returns'>, result: number): HelperEntry => ({
    id,
    name: `helper_${id}`,
    ...more,
    kind: 'plain',
    call: (...words) => {
      log.push(words);
      return result;
    },
  });
  const helpers = helperTable(
    entry(1, { args: [], returns: 'void' }, 99),
    entry(2, { args: ['u32', 'u64', 'ptr'], returns: 'int' }, -5),
    entry(3, { args: ['u64', 'u64', 'u64', 'u64', 'u64'], returns: 'ptr' }, -1),
    entry(4, { args: ['u64'], returns: 'u64' }, 7),
  );

  it.each([
    [1, 0n, []],
    [2, -5n, [1, -2, -1, 3]],
    [3, 0xffffffffn, [1, 0, -2, -1, 3, 0, 4, 0, 5, 0]],
    [4, 0x9_0000_0007n, [1, 0]],
  ])('helper %i takes its words and gives %i', (id, result, words) => {
    log.length = 0;
    helpers.high = 9;
    const text = `r1 = 1\nr2 = -2\nr3 = 3\nr4 = 4\nr5 = 5\nr0 = 77\ncall helper_${id}\nexit`;
    expect(runText(text, { helpers })).toBe(result);
    expect(log).toEqual([words]);
  });

  it('fault when a pointer argument has a high half, and when there is no such helper', () => {
    const bad = faultOf('r3 = -8\ncall helper_2\nexit', { helpers });
    expect(bad.code).toBe('invalid-pointer');
    expect(bad.message).toBe('r3 of helper_2 is 0xfffffffffffffff8, which is no pointer');
    expect(faultOf('call 5\nexit').code).toBe('unknown-helper');
  });

  it('may make memory grow: the program goes on in the new one', () => {
    const memory = new Memory();
    const grow: HelperEntry = {
      id: 1,
      name: 'grow',
      args: [],
      returns: 'ptr',
      kind: 'plain',
      call: () => memory.allocate({ size: memory.size, kind: 'mem', name: 'big' }),
    };
    const text = `*(u64 *)(r10 - 8) = 5
call grow
*(u64 *)(r0 + 8) = 6
r0 = *(u64 *)(r0 + 8)
r1 = *(u64 *)(r10 - 8)
r0 += r1
exit`;
    expect(runText(text, { memory, helpers: helperTable(grow) })).toBe(11n);
  });

  it('that fail with a BpfError are faults of the call; other exceptions are bugs and come through', () => {
    const thrower = (error: Error): HelperEntry => ({
      id: 1,
      name: 'thrower',
      args: [],
      returns: 'int',
      kind: 'plain',
      call: () => {
        throw error;
      },
    });
    const cause = new BpfError('out-of-memory', 'no room');
    const fault = faultOf('r0 = 0\ncall thrower\nexit', { helpers: helperTable(thrower(cause)) });
    expect(fault.code).toBe('helper-failed');
    expect(fault.message).toBe('thrower: no room');
    expect(fault.cause).toBe(cause);
    expect(fault.place.insn).toBe(1);
    const bug = new TypeError('bug');
    expect(() => runText('call thrower\nexit', { helpers: helperTable(thrower(bug)) })).toThrow(bug);
  });

  it('are kernel functions too, found by BTF id', () => {
    const kfunc: HelperEntry = {
      id: 0,
      name: 'double',
      args: ['u32'],
      returns: 'int',
      kind: 'plain',
      call: (a) => a * 2,
    };
    const helpers = {
      ...helperTable(),
      kfunc: (btfId: number, module: number) => (btfId === 77 && module === 0 ? kfunc : undefined),
    };
    const call = (btfId: number): PreparedProgram => ({
      ...program('r1 = 21\nr0 = r0\nexit'),
      insns: [
        ...program('r1 = 21\nexit').insns.slice(0, 1),
        { kind: 'call-kfunc', btfId, module: 0 },
        { kind: 'exit' },
      ],
    });
    expect(run(call(77), { helpers })).toBe(42n);
    expect(() => run(call(78), { helpers })).toThrow('kernel function with BTF id 78');
  });
});

describe('callbacks', () => {
  const helpers = helperTable(repeat);
  const memory = new Memory();
  const total = memory.allocate({ size: 8, kind: 'mem', name: 'total' });
  const sum = (times: number | string): string => `r6 = ${total} ll
*(u64 *)(r6 + 0) = 0
r1 = ${times}
r2 = body ll
r9 = r6
call repeat
r1 = *(u64 *)(r9 + 0)
r0 *= 1000
r0 += r1
r0 -= r6
r0 += r9
exit
body:
r3 = ${total} ll
r2 = *(u64 *)(r3 + 0)
r2 += r1
*(u64 *)(r3 + 0) = r2
r6 = 0
r9 = 0
r0 = 0
exit`;

  it('run once for each round, with the caller left as it was', () => {
    expect(runText(sum(10), { helpers, memory })).toBe(10_045n);
  });

  it('need not run at all', () => {
    expect(runText(sum(0), { helpers, memory })).toBe(0n);
  });

  it('end the helper when it says so', () => {
    const text = `r1 = 100
r2 = body ll
call repeat
exit
body:
r0 = 0
if r1 < 4 goto out
r0 = 1
out:
exit`;
    expect(runText(text, { helpers })).toBe(5n);
  });

  it('are not started when the helper refuses its arguments', () => {
    expect(runText('r1 = -1\nr2 = body ll\ncall repeat\nexit\nbody:\nexit', { helpers })).toBe(-22n);
  });

  it('nest', () => {
    const text = `r1 = 3
r2 = outer ll
call repeat
r0 = *(u64 *)(r10 - 8)
exit
outer:
r1 = 4
r2 = inner ll
call repeat
r0 = 0
exit
inner:
r0 = 0
exit`;
    const interpreter = new Interpreter(new Memory(), helpers);
    interpreter.start(program(text, helpers));
    expect(interpreter.run().kind).toBe('exited');
    // 5 of the program, 3 rounds of 5, 12 rounds of 2; ld_imm64 counts once.
    expect(interpreter.executed).toBe(5 + 3 * 5 + 12 * 2);
  });

  it('fault when the pointer is no function', () => {
    const fault = faultOf('r1 = 1\nr2 = 12345\ncall repeat\nexit', { helpers });
    expect(fault.code).toBe('bad-function-pointer');
  });

  it('leave the call stack in faults', () => {
    const fault = faultOf('r1 = 1\nr2 = body ll\ncall repeat\nexit\nbody:\nr0 = *(u8 *)(r1 + 0)\nexit', {
      helpers,
    });
    expect(fault.frames.map(({ subprog, slot }) => [subprog, slot])).toEqual([
      ['body', 5],
      ['test', 3],
    ]);
  });
});

describe('tail calls', () => {
  const targets: (PreparedProgram | undefined)[] = [];
  const tailCall = tailCallHelper((_map, index) => targets[index]);
  const helpers = helperTable(tailCall);
  const setTargets = (...texts: string[]): void => {
    targets.splice(0, targets.length, ...texts.map((text) => program(text, helpers)));
  };

  it('replace the program and keep the context', () => {
    setTargets('r0 = r1\nr0 += 1\nexit');
    expect(runText('r1 = 41\nr3 = 0\ncall tail_call\nr0 = 7\nexit', { helpers })).toBe(42n);
  });

  it('fall through when there is no program, with -ENOENT in r0', () => {
    setTargets();
    expect(runText('r3 = 5\ncall tail_call\nexit', { helpers })).toBe(-2n);
  });

  it('are 33 at most, also when a program calls itself', () => {
    const self = 'r1 += 1\nr3 = 0\ncall tail_call\nr0 = r1\nexit';
    setTargets(self);
    expect(runText(self, { helpers })).toBe(34n);
  });

  it('in a function replace that function, and return to its caller', () => {
    setTargets('r0 = 5\nexit');
    const text = `r6 = 1
r3 = 0
call inner
r0 += r6
exit
inner:
call tail_call
r0 = 99
exit`;
    expect(runText(text, { helpers })).toBe(6n);
  });

  it('are counted across functions', () => {
    setTargets('r0 = 0\nexit');
    const text = `r6 = 40
r7 = 0
again:
r3 = 0
call inner
r7 += r0
r6 += -1
if r6 != 0 goto again
r0 = r7
exit
inner:
call tail_call
r0 = 1
exit`;
    expect(runText(text, { helpers })).toBe(7n);
  });
});

describe('may_goto', () => {
  const loop = `r0 = 0
again:
may_goto out
r0 += 1
goto again
out:
exit`;

  it('ends a loop after BPF_MAX_LOOPS rounds', () => {
    expect(runText(loop)).toBe(BigInt(MAX_LOOPS));
  });

  it('has a budget for each call of a function', () => {
    const interpreter = new Interpreter(new Memory(), helperTable());
    interpreter.start(
      program(`call f\nmay_goto out\nr0 += 1\nout:\nexit\nf:\n${loop.replaceAll('out', 'end')}`),
    );
    expect(interpreter.run()).toMatchObject({ kind: 'exited', r0Low: MAX_LOOPS + 1 });
  });
});

describe('legacy packet access', () => {
  const packet = Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a);
  const helpers = {
    ...helperTable(),
    loadPacket: (ctx: number, offset: number, size: 1 | 2 | 4): number => {
      if (ctx !== 0x5000 || offset < 0 || offset + size > packet.length) return -1;
      return packet.slice(offset, offset + size).reduce((sum, byte) => sum * 256 + byte, 0);
    },
  };

  it.each([
    ['r0 = *(u8 *)skb[4]', 0x9an],
    ['r0 = *(u16 *)skb[1]', 0x3456n],
    ['r0 = *(u32 *)skb[1]', 0x3456789an],
    ['r0 = *(u16 *)skb[r7 + 1]', 0x5678n],
  ])('%s', (load, result) => {
    expect(runText(`r6 = 0x5000\nr7 = 1\n${load}\nexit`, { helpers })).toBe(result);
  });

  it('ends the function with 0 when the packet is too short', () => {
    expect(runText('r6 = 0x5000\nr0 = 9\nr0 = *(u32 *)skb[2]\nr0 = 1\nexit', { helpers })).toBe(0n);
    const text = 'r6 = 0x5000\ncall f\nr0 += 5\nexit\nf:\nr0 = *(u8 *)skb[100]\nr0 = 1\nexit';
    expect(runText(text, { helpers })).toBe(5n);
  });

  it('faults where there is no packet', () => {
    expect(faultOf('r0 = *(u8 *)skb[0]\nexit').code).toBe('no-packet');
  });
});

describe('an engine', () => {
  it('runs programs from helpers of running programs, each with its own registers and stack', () => {
    const memory = new Memory();
    const inner = program('r6 = r1\nr6 *= 2\n*(u64 *)(r10 - 8) = r6\nr0 = r6\nexit');
    const helpers = helperTable({
      id: 1,
      name: 'run_inner',
      args: ['u32'],
      returns: 'int',
      kind: 'plain',
      call: (a): number => engine.execute(inner, a),
    });
    const engine = new InterpreterEngine(memory, helpers);
    const text = `*(u64 *)(r10 - 8) = 3
r6 = 100
call run_inner
r0 += r6
r1 = *(u64 *)(r10 - 8)
r0 += r1
exit`;
    expect(engine.execute(program(text, helpers), 20)).toBe(143);
    expect(engine.r0High).toBe(0);
    engine.dispose();
    expect(memory.bytesInUse).toBe(0);
  });

  it('gives up after its budget', () => {
    const engine = new InterpreterEngine(new Memory(), helperTable(), { budget: 1000 });
    expect(() => engine.execute(program('again:\nr0 += 1\ngoto again'), 0)).toThrow(
      'within 1000 instructions',
    );
    expect(engine.execute(program('r0 = 3\nexit'), 0)).toBe(3);
  });
});
