/** The interpreter and checked compiled code end with the same fault: code, text, place, callers, region; and both go on afterwards. */
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../../src/base/errors.ts';
import {
  type Engine,
  type HelperEntry,
  type HelperTable,
  InterpreterEngine,
  JitEngine,
  Memory,
  type PreparedProgram,
  TieredEngine,
  VmFault,
} from '../../../src/vm/index.ts';
import { helperTable, loopHelper, program, tailCallHelper } from '../support.ts';

const BUDGET = 100_000;

/** An engine in a memory of its own, with helpers that fail, call back and run other programs of `others`. */
class Bench {
  readonly memory = new Memory();
  readonly helpers: HelperTable;
  readonly context = this.memory.allocate({ size: 64, kind: 'ctx', name: 'ctx' });
  readonly readOnly = this.memory.allocate({ size: 64, kind: 'mem', name: 'constants', writable: false });
  private readonly others: PreparedProgram[];
  private readonly engine: Engine;

  constructor(make: (memory: Memory, helpers: HelperTable) => Engine) {
    this.helpers = helperTable(...this.entries());
    this.others = OTHERS.map(([name, text]) => ({ ...this.prepare(text), name }));
    this.engine = make(this.memory, this.helpers);
  }

  private entries(): HelperEntry[] {
    const plain = (id: number, name: string, call: (index: number) => number): HelperEntry => {
      return { id, name, args: ['u32'], returns: 'int', kind: 'plain', call };
    };
    const inline = { ...loopHelper(6), name: 'inlined_loop', inline: { kind: 'loop' } } as const;
    return [
      plain(1, 'broken', () => {
        throw new BpfError('broken', 'it broke');
      }),
      plain(2, 'deep', (depth) => failDeepInside(depth)),
      plain(3, 'run', (index) => this.engine.execute(this.others[index]!, 0)),
      { ...plain(4, 'pointer', () => 0), args: ['ptr'] },
      loopHelper(5),
      inline,
      tailCallHelper((_map, index) => this.others[index]),
    ];
  }

  /** With source lines, which faults carry. */
  private prepare(text: string): PreparedProgram {
    const source = (slot: number): { file: string; line: number; text: string } => ({
      file: 'a.c',
      line: 100 + slot,
      text: `line of ${slot}`,
    });
    return { ...program(text, this.helpers), source };
  }

  outcome(text: string): unknown {
    const prepared = this.prepare(text);
    const first = this.once(prepared);
    expect(this.once(prepared)).toEqual(first);
    expect(this.once(this.prepare('r0 = 7\nexit'))).toBe(7);
    return first;
  }

  private once(prepared: PreparedProgram): unknown {
    try {
      return this.engine.execute(prepared, this.context, this.readOnly);
    } catch (error) {
      if (!(error instanceof VmFault)) throw error;
      return plainFault(error);
    }
  }
}

/** A fault without what each engine has where it wants: addresses above the unmapped page. */
function plainFault(fault: VmFault): unknown {
  const { code, place, frames, instruction, sourceText, access, cause } = fault;
  const message = fault.message.replaceAll(/0x[1-9a-f][\da-f]{4,7}\b/g, 'ADDRESS');
  const { size, write, region } = access ?? {};
  const within = { kind: region?.kind, name: region?.name };
  const because = cause instanceof VmFault ? plainFault(cause) : String(cause);
  return { code, message, place, frames, instruction, sourceText, access: { size, write, within }, because };
}

/** Fails where a stack trace of the usual length does not reach the program any more. */
function failDeepInside(depth: number): number {
  if (depth > 0) return failDeepInside(depth - 1) + 1;
  throw new BpfError('broken', 'it broke inside');
}

const OTHERS: readonly (readonly [name: string, text: string])[] = [
  ['faulty', 'r1 = 0\nr0 = *(u8 *)(r1 + 5)\nexit'],
  ['nested', 'call f\nexit\nf:\nr1 = 0\ncall run\nexit'],
  ['endless', 'again:\ngoto again'],
  ['recursive', 'r1 = 3\ncall run\nexit'],
  ['tailing', 'r2 = 0\nr3 = 0\ncall tail_call\nexit'],
  ['to_itself', 'call f\nr0 += 1\nexit\nf:\nr2 = 0\nr3 = 5\ncall tail_call\nexit'],
  ['nine', 'r0 = 9\nexit'],
];

const loop = (name: string, count: string | number, body: string): string =>
  `r1 = ${count} ll\nr2 = callback ll\nr3 = 0\nr4 = 0\ncall ${name}\nexit\ncallback:\n${body}\nexit`;

/** `body` in the eighth function. */
function inEighth(body: string): string {
  const callers = [1, 2, 3, 4, 5, 6, 7].map((n) => `call f${n}\nexit\nf${n}:\n`);
  return `${callers.join('')}${body}`;
}

const ACCESSES = {
  'a load beyond the context': 'r0 = *(u64 *)(r1 + 60)\nexit',
  'a load through NULL': 'r1 = 0\nr0 = *(u8 *)(r1 + 5)\nexit',
  'a load above 4 GiB': 'r1 = 0x100000000 ll\nr0 = *(u8 *)(r1 + 0)\nexit',
  'a load around the end of the address space': 'r1 = -4\nr0 = *(u64 *)(r1 + 0)\nexit',
  'a load just below 4 GiB': 'r1 = 0xfffffffc ll\nr0 = *(u64 *)(r1 + 8)\nexit',
  'a store beyond the context': '*(u64 *)(r1 + 64) = 1\nexit',
  'a store to what is read-only': '*(u32 *)(r2 + 0) = 5\nexit',
  'an atomic beyond the context': 'r3 = 1\nlock *(u64 *)(r1 + 60) += r3\nexit',
  'an atomic on what is read-only': 'r3 = 1\nlock *(u32 *)(r2 + 0) += r3\nexit',
  'a compare-and-exchange beyond the context': 'r0 = cmpxchg_64(r1 + 64, r0, r1)\nexit',
  'a load below the stack': 'r0 = *(u64 *)(r10 - 520)\nexit',
  'a load half below the stack': 'r0 = *(u64 *)(r10 - 516)\nexit',
  'a load above the stack': 'r0 = *(u64 *)(r10 + 0)\nexit',
  'a store half above the stack': '*(u64 *)(r10 - 4) = 1\nexit',
  'a large local variable': 'r3 = r10\nr3 += -1000\n*(u32 *)(r3 + 0) = 7\nexit',
  'a store below the frame of a callee': 'call f\nexit\nf:\n*(u64 *)(r10 - 516) = 1\nexit',
  'a store above the frame of a caller': 'r1 = r10\ncall f\nexit\nf:\n*(u64 *)(r1 + 4) = 1\nexit',
  'a store through a changed frame pointer': 'r10 += 8\n*(u64 *)(r10 - 8) = 1\nexit',
} as const;

const CALLS = {
  'a function pointer that is none': 'r3 = 77\ncallx r3\nexit',
  'a function pointer into the middle': 'r3 = f ll\nr3 += 1\ncallx r3\nexit\nf:\nexit',
  'a function pointer above 4 GiB': 'r3 = -1\ncallx r3\nexit',
  'a helper that is not there': 'r0 = 0\ncall 99\nexit',
  'a pointer that is none': 'r1 = 0x100000001 ll\ncall pointer\nexit',
  'a helper that fails': 'r0 = 1\ncall broken\nexit',
  'a helper that fails, called by a function': 'call f\nexit\nf:\nr0 = 0\ncall broken\nexit',
  'a helper that fails deep inside': 'r1 = 60\ncall f\nexit\nf:\ncall deep\nexit',
  'a helper that fails in a callback': loop('loop', 3, 'r1 = 5\ncall deep'),
  'a helper that fails in a callback of a loop in line': loop('inlined_loop', 3, 'r1 = 5\ncall deep'),
  'a callback that is no function': 'r1 = 1\nr2 = 77\nr3 = 0\nr4 = 0\ncall loop\nexit',
  recursion: 'call f\nexit\nf:\ncall f\nexit',
  'recursion of callbacks': loop('loop', 3, 'r1 = 3\nr2 = callback ll\nr3 = 0\nr4 = 0\ncall loop'),
  'recursion of callbacks in line': loop(
    'inlined_loop',
    3,
    'r1 = 3\nr2 = callback ll\nr3 = 0\nr4 = 0\ncall inlined_loop',
  ),
  'a callback of the eighth function': inEighth(loop('loop', 1, 'r0 = 0')),
  'a callback in line of the eighth function': inEighth(loop('inlined_loop', 1, 'r0 = 0')),
  'no round of a loop in the eighth function': inEighth(loop('loop', 0, 'r0 = 0')),
  'no round of a loop in line in the eighth function': inEighth(loop('inlined_loop', 0, 'r0 = 0')),
  'running off the end': 'r0 = 0\nif r0 == 0 goto last\nexit\nlast:\nr0 = 1',
  'running off the end of a function': 'call f\nexit\nf:\nr0 = 1',
  'a packet load without a packet': 'r6 = r1\nr0 = *(u32 *)skb[2]\nexit',
  'a program without end': 'again:\ngoto again',
  'a function without end': 'call f\nexit\nf:\nr1 = 1\nagain:\nif r1 == 1 goto again\nexit',
} as const;

const RUNS = {
  'a fault of a program that a helper runs': 'r1 = 0\ncall run\nexit',
  'the same two runs deep': 'r1 = 1\ncall run\nexit',
  'the same in a callback': loop('loop', 3, 'r1 = 0\ncall run'),
  'a program without end that a helper runs': 'r1 = 2\ncall run\nexit',
  'a fault behind a tail call': 'r2 = 0\nr3 = 0\ncall tail_call\nexit',
  'a fault behind a tail call of a function': 'call f\nexit\nf:\nr2 = 0\nr3 = 0\ncall tail_call\nexit',
  'a fault behind a tail call of a callback': loop('loop', 3, 'r2 = 0\nr3 = 0\ncall tail_call'),
  'a fault behind a tail call in a program that a helper runs': 'r1 = 4\ncall run\nexit',
  'tail calls of functions of functions': 'call f\nexit\nf:\nr2 = 0\nr3 = 5\ncall tail_call\nexit',
  'a tail call that comes to its end': 'call f\nr0 += 1\nexit\nf:\nr2 = 0\nr3 = 6\ncall tail_call\nexit',
  'a tail call to nowhere': 'r2 = 0\nr3 = 60\ncall tail_call\nexit',
  'a map for a tail call that is no pointer': 'r2 = 0x100000000 ll\nr3 = 0\ncall tail_call\nexit',
} as const;

/** What verified programs do not do: look at registers that hold nothing in particular. */
const UNDEFINED = {
  'registers behind a call': 'r4 = 5\ncall f\nr0 = r1\nr0 += r4\nexit\nf:\nr1 = 9\nr0 = 0\nexit',
  'registers of a callee': 'r6 = 5\nr0 = 3\ncall f\nexit\nf:\nr0 += r6\nr0 += r9\nexit',
  'registers behind callbacks': loop('loop', 2, 'r0 = 0').replace('\nexit', '\nr0 += r2\nr0 += r1\nexit'),
  'registers behind callbacks in line': loop('inlined_loop', 2, 'r0 = 0').replace(
    '\nexit',
    '\nr0 += r2\nexit',
  ),
  'r10 behind a call':
    'r10 = 5\ncall f\nr1 = r10\n*(u64 *)(r10 - 8) = 3\nr0 = *(u64 *)(r1 - 8)\nexit\nf:\nexit',
} as const;

const CHOICES = { checked: true, budget: BUDGET };

describe.each([
  ['compiled code', (memory: Memory, helpers: HelperTable) => new JitEngine(memory, helpers, CHOICES)],
  [
    'the engine that chooses',
    (memory: Memory, helpers: HelperTable) => new TieredEngine(memory, helpers, CHOICES),
  ],
])('%s and the interpreter agree on', (_, make) => {
  it.each(Object.entries({ ...ACCESSES, ...CALLS, ...RUNS, ...UNDEFINED }))('%s', (_name, text) => {
    const interpreter = new Bench(
      (memory, helpers) => new InterpreterEngine(memory, helpers, { budget: BUDGET }),
    );
    expect(new Bench(make).outcome(text)).toEqual(interpreter.outcome(text));
  });
});

describe('the fault of an access to the stack', () => {
  it.each([
    ['a load below the stack', "8 bytes before the start of frame 0 of stack 'program' (512 bytes)"],
    ['a load above the stack', "just past the end of frame 0 of stack 'program' (512 bytes)"],
    ['a large local variable', "488 bytes before the start of frame 0 of stack 'program' (512 bytes)"],
    [
      'a store below the frame of a callee',
      "4 bytes before the start of frame 1 of stack 'program' (512 bytes)",
    ],
    ['a store above the frame of a caller', "4 bytes past the end of frame 0 of stack 'program' (512 bytes)"],
  ] as const)('of %s names the frame', (name, text) => {
    const bench = new Bench((memory, helpers) => new JitEngine(memory, helpers, CHOICES));
    expect(bench.outcome(ACCESSES[name])).toMatchObject({ message: expect.stringContaining(text) as string });
  });
});

describe('programs that run themselves', () => {
  it.each([
    ['interpreted', (memory: Memory, helpers: HelperTable) => new InterpreterEngine(memory, helpers)],
    ['compiled', (memory: Memory, helpers: HelperTable) => new JitEngine(memory, helpers)],
  ])('end before they use up memory, %s', (_, make) => {
    const bench = new Bench(make);
    const before = bench.memory.size;
    const text = 'programs may run 32 others inside each other, no more';
    expect(bench.outcome('r1 = 3\ncall run\nexit')).toMatchObject({
      code: 'helper-failed',
      message: expect.stringContaining(text) as string,
    });
    expect(bench.memory.size).toBe(before);
  });
});

describe('faults behind tail calls', () => {
  it('name functions that still wait, not those that were left', () => {
    const bench = new Bench((memory, helpers) => new JitEngine(memory, helpers, CHOICES));
    expect(bench.outcome(RUNS['a fault behind a tail call of a function'])).toMatchObject({
      frames: [
        { program: 'faulty', slot: 1 },
        { program: 'test', subprog: 'test', slot: 0 },
      ],
    });
  });
});
