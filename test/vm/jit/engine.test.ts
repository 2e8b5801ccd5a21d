/** What compiled programs do beyond single instructions: calls of every kind, tail calls, callbacks, budgets, runs inside runs. */
import { describe, expect, it } from 'vitest';
import { type HelperEntry, Memory, type PreparedProgram, VmFault } from '../../../src/vm/index.ts';
import type { JitEngine } from '../../../src/vm/jit/index.ts';
import { CODE_BASE } from '../../../src/vm/pack.ts';
import { helperTable, lookupHelper, loopHelper, program, tailCallHelper } from '../support.ts';
import { Jit } from './support.ts';

const increment: HelperEntry = {
  id: 1,
  name: 'increment',
  args: ['u32'],
  returns: 'int',
  kind: 'plain',
  call: (value) => (value + 1) | 0,
};

const loop = loopHelper(2);

const SUM_OF_INDICES = `*(u64 *)(r10 - 8) = 0
r1 = 10
r2 = callback ll
r3 = r10
r3 += -8
r4 = 0
call loop
r1 = *(u64 *)(r10 - 8)
r0 *= 1000
r0 += r1
exit
callback:
r3 = *(u64 *)(r2 + 0)
r3 += r1
*(u64 *)(r2 + 0) = r3
r0 = 0
exit
`;

describe('calls', () => {
  it('give subprograms a stack frame of their own', () => {
    const result = new Jit().text(`*(u64 *)(r10 - 8) = 5
r1 = 7
call other
r1 = *(u64 *)(r10 - 8)
r0 += r1
exit
other:
*(u64 *)(r10 - 8) = r1
r0 = *(u64 *)(r10 - 8)
exit
`);
    expect(result).toBe(12n);
  });

  it('keep r6 to r9 of the caller', () => {
    expect(new Jit().text('r6 = 3\ncall other\nr0 += r6\nexit\nother:\nr6 = 9\nr0 = r6\nexit\n')).toBe(12n);
  });

  it('go through function pointers', () => {
    expect(new Jit().text('r1 = other ll\nr2 = 5\ncallx r1\nexit\nother:\nr0 = r2\nr0 += 1\nexit\n')).toBe(
      6n,
    );
  });

  it.each([CODE_BASE + 4, CODE_BASE + 16, CODE_BASE - 8, 0])(
    'do not go through %i, which is no function',
    (pointer) => {
      const fault = new Jit().fault(program(`r3 = ${pointer}\ncallx r3\nexit\n`));
      expect(fault.code).toBe('bad-function-pointer');
      expect(fault.message).toBe(`0x${pointer.toString(16)} in r3 is no function of this program`);
    },
  );

  it('nest eight deep and no deeper', () => {
    const jit = new Jit();
    const fault = jit.fault(program('call again\nexit\nagain:\ncall again\nexit\n'));
    expect(fault.code).toBe('call-too-deep');
    expect(fault.frames).toHaveLength(8);
    expect(jit.text('r0 = 4\nexit\n')).toBe(4n);
  });
});

describe('helpers', () => {
  it('get words and give back a sign-extended int', () => {
    expect(new Jit(helperTable(increment)).text('r1 = -6\ncall increment\nexit\n')).toBe(2n ** 64n - 5n);
  });

  it('that are not there are a fault', () => {
    const fault = new Jit().fault(program('r0 = 0\ncall 77\nexit\n'));
    expect([fault.code, fault.message, fault.place.insn]).toEqual([
      'unknown-helper',
      'there is no helper 77',
      1,
    ]);
  });

  it('that fail are a fault at the call', () => {
    const memory = new Memory();
    const helpers = helperTable({
      id: 1,
      name: 'fails',
      args: [],
      returns: 'int',
      kind: 'plain',
      call: () => memory.allocate({ size: 2 ** 40, kind: 'ctx', name: 'everything' }),
    });
    const jit = new Jit(helpers, {}, memory);
    const fault = jit.fault(program('r0 = 0\nr0 = 1\ncall fails\nexit\n', helpers));
    expect([fault.code, fault.place.insn]).toEqual(['helper-failed', 2]);
    expect(fault.message).toMatch(/^fails: \d+ bytes for 'everything' do not fit/);
  });

  it('may make memory grow while the program runs', () => {
    const memory = new Memory();
    const jit = new Jit(
      helperTable({
        id: 1,
        name: 'grow',
        args: [],
        returns: 'ptr',
        kind: 'plain',
        call: () => memory.allocate({ size: 8 << 20, kind: 'ctx', name: 'large' }) + (8 << 20) - 8,
      }),
      {},
      memory,
    );
    expect(jit.text('call grow\n*(u64 *)(r0 + 0) = 5\nr0 = *(u64 *)(r0 + 0)\nexit\n')).toBe(5n);
  });

  it('whose work is done in line need not be called', () => {
    const memory = new Memory();
    const map = memory.allocate({ size: 64, kind: 'kernel', name: 'map' });
    const values = memory.allocate({ size: 64, kind: 'map-value', name: 'values' });
    const lookup = lookupHelper({
      kind: 'map-lookup',
      layout: (address) => (address === map ? { kind: 'array', values, stride: 16, count: 4 } : undefined),
    });
    const jit = new Jit(helperTable(lookup), {}, memory);
    const text = (key: number, address: number): string =>
      `*(u32 *)(r10 - 4) = ${key}\nr1 = ${address} ll\nr2 = r10\nr2 += -4\ncall lookup\nexit\n`;
    expect(jit.text(text(3, map))).toBe(BigInt(values + 48));
    expect(jit.text(text(4, map))).toBe(0n);
    expect(jit.text(text(-1, map))).toBe(0n);
    // Another map: called.
    expect(jit.text(text(0, map + 8))).toBe(0xffffffffn);
  });
});

describe('callbacks', () => {
  it('run in the program that passed them', () => {
    expect(new Jit(helperTable(loop)).text(SUM_OF_INDICES)).toBe(10_045n);
  });

  it('do the same when the loop is written in line', () => {
    const inline = { ...loop, inline: { kind: 'loop' } } as const;
    expect(new Jit(helperTable(inline)).text(SUM_OF_INDICES)).toBe(10_045n);
    expect(new Jit(helperTable(inline), { budget: 1000 }).text(SUM_OF_INDICES)).toBe(10_045n);
    const refused = new Jit(helperTable(inline)).text(SUM_OF_INDICES.replace('r4 = 0', 'r4 = 1'));
    expect(BigInt.asIntN(64, refused)).toBe(-22_000n);
  });

  it('fault at their place, called from the helper, called from the program', () => {
    const jit = new Jit(helperTable(loop), { checked: true });
    const text = SUM_OF_INDICES.replace('r3 = *(u64 *)(r2 + 0)', 'r3 = *(u64 *)(r2 + 8)');
    const prepared = program(text, jit.helpers);
    const fault = jit.fault(prepared);
    expect(fault.code).toBe('invalid-read');
    expect(fault.frames.map(({ subprog }) => subprog)).toEqual(['callback', 'test']);
    expect(fault.access?.size).toBe(8);
  });
});

describe('tail calls', () => {
  /** A program that tail calls the program at its index plus 1 and returns what that returns. */
  function chain(length: number): { jit: Jit; first: PreparedProgram } {
    const programs: PreparedProgram[] = [];
    const helpers = helperTable(tailCallHelper((_map, index) => programs[index]));
    for (let i = 0; i < length; i++) {
      programs.push(program(`r3 = ${i + 1}\nr2 = 0\ncall tail_call\nr6 = r0\nr0 = ${i}\nexit\n`, helpers));
    }
    return { jit: new Jit(helpers), first: programs[0]! };
  }

  it('do not come back', () => {
    const { jit, first } = chain(4);
    expect(jit.run(first)).toBe(3n);
  });

  it('are 33 at most in a run, and in the next run again', () => {
    const { jit, first } = chain(50);
    expect(jit.run(first)).toBe(33n);
    expect(jit.run(first)).toBe(33n);
    expect(jit.engine.repeat(first, 5, 0)).toBe(33);
  });

  it('fault in the program they went to', () => {
    const programs: PreparedProgram[] = [];
    const helpers = helperTable(tailCallHelper(() => programs[0]));
    programs.push({ ...program('r0 = 0\nr1 = 1\nr0 = *(u8 *)(r1 - 2)\nexit\n'), name: 'target' });
    const fault = new Jit(helpers).fault(program('r2 = 0\nr3 = 0\ncall tail_call\nexit\n', helpers));
    expect([fault.code, fault.frames[0]]).toEqual([
      'invalid-read',
      { program: 'target', subprog: 'test', slot: 2 },
    ]);
  });
});

describe('budgets', () => {
  const endless = program('again:\ngoto again\n');

  it('end endless programs, and the engine goes on with others', () => {
    const jit = new Jit(helperTable(), { budget: 100_000 });
    expect(jit.fault(endless).code).toBe('budget-exhausted');
    expect(jit.text('r0 = 3\nexit\n')).toBe(3n);
    expect(jit.fault(endless).code).toBe('budget-exhausted');
  });

  it('beyond 2^31 instructions are counted in instalments', () => {
    const jit = new Jit(helperTable(), { budget: 5_000_000_000 });
    const text = 'r1 = 400000000\nagain:\nr0 += 1\nr0 += 1\nr0 += 1\nr1 += -1\nif r1 != 0 goto again\nexit\n';
    expect(jit.text(text)).toBe(1_200_000_000n);
  });

  it('end callbacks without loops', () => {
    const jit = new Jit(helperTable(loop), { budget: 1000 });
    const text = SUM_OF_INDICES.replace('r1 = 10', 'r1 = 1000000');
    expect(jit.fault(program(text, jit.helpers)).code).toBe('budget-exhausted');
  });

  it('are counted across calls', () => {
    const jit = new Jit(helperTable(), { budget: 10_000 });
    const text = (rounds: number): string => `r6 = ${rounds}
again:
call inner
r6 += -1
if r6 != 0 goto again
exit
inner:
r1 = 100
more:
r1 += -1
if r1 != 0 goto more
r0 = 1
exit
`;
    expect(jit.text(text(10))).toBe(1n);
    expect(jit.fault(program(text(1000))).code).toBe('budget-exhausted');
  });
});

describe('a run inside a run', () => {
  it('has its own stack, and its fault is the fault of a helper outside', () => {
    const engines: JitEngine[] = [];
    const inner = program(
      '*(u64 *)(r10 - 8) = 9\nr0 = 1\nif r1 == 0 goto +1\nr0 = *(u64 *)(r1 - 16)\nexit\n',
    );
    const helpers = helperTable({
      id: 1,
      name: 'nested',
      args: ['u32'],
      returns: 'int',
      kind: 'plain',
      call: (argument) => engines[0]!.execute(inner, argument),
    });
    const jit = new Jit(helpers);
    engines.push(jit.engine);
    const outer = (argument: number): PreparedProgram =>
      program(
        `*(u64 *)(r10 - 8) = 4\nr1 = ${argument}\ncall nested\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n`,
        helpers,
      );
    expect(jit.run(outer(0))).toBe(5n);
    const fault = jit.fault(outer(8));
    expect([fault.code, fault.frames.length, fault.place.insn]).toEqual(['helper-failed', 1, 2]);
    expect(fault.cause).toBeInstanceOf(VmFault);
    expect((fault.cause as VmFault).place.insn).toBe(3);
    expect(jit.run(outer(0))).toBe(5n);
  });
});

describe('accesses', () => {
  it('that are not checked cannot leave linear memory', () => {
    const jit = new Jit();
    const write = jit.fault(program('r1 = -8\n*(u64 *)(r1 + 0) = 1\nexit\n'));
    expect([write.code, write.place.insn]).toEqual(['invalid-write', 1]);
    const read = jit.fault(program('r1 = -8\nr0 = *(u32 *)(r1 + 0)\nexit\n'));
    expect([read.code, read.message]).toEqual(['invalid-read', 'invalid read of 4 bytes outside memory']);
  });

  it('that are checked find memory that was freed meanwhile', () => {
    const memory = new Memory();
    const region = memory.allocate({ size: 64, kind: 'map-value', name: 'value' });
    const helpers = helperTable({
      id: 1,
      name: 'free',
      args: [],
      returns: 'void',
      kind: 'plain',
      call: () => {
        memory.free(region);
        return 0;
      },
    });
    const jit = new Jit(helpers, { checked: true }, memory);
    const text = 'r6 = r1\nr0 = *(u64 *)(r6 + 8)\ncall free\nr0 = *(u64 *)(r6 + 8)\nexit\n';
    const fault = jit.fault(program(text, helpers), region);
    expect([fault.code, fault.place.insn]).toEqual(['invalid-read', 3]);
  });

  it('through BTF pointers read zeros where nothing is mapped', () => {
    const prepared = { ...program('r0 = 7\nr0 = *(u64 *)(r1 + 0)\nexit\n'), probeLoads: new Set([1]) };
    expect(new Jit().run(prepared, 0)).toBe(0n);
    const jit = new Jit();
    const region = jit.memory.allocate({ size: 8, kind: 'kernel', name: 'task' });
    jit.memory.i32[region >> 2] = 5;
    expect(jit.run(prepared, region)).toBe(5n);
    expect(jit.run(prepared, region + 4)).toBe(0n);
  });
});

describe('legacy packet loads', () => {
  it('end the function with 0 when the packet is too short', () => {
    const helpers = {
      ...helperTable(),
      loadPacket: (_ctx: number, offset: number) => (offset < 4 ? 0xfffffff0 + offset : -1),
    };
    const jit = new Jit(helpers);
    expect(jit.text('r6 = r1\nr0 = *(u32 *)skb[2]\nexit\n')).toBe(0xfffffff2n);
    expect(jit.text('r6 = r1\nr7 = 3\nr0 = *(u8 *)skb[r7 + 1]\nr0 = 5\nexit\n')).toBe(0n);
  });
});

describe('the code', () => {
  it('carries the names of functions for profilers', () => {
    const bytes = new Jit().engine.bytesOf(program('call other\nexit\nother:\nr0 = 0\nexit\n'));
    const text = String.fromCharCode(...bytes);
    expect(text).toMatch(/bpf_prog_[\da-f]{8}_test/);
    expect(text).toContain('other');
  });

  it('is refused as pack() refuses programs', () => {
    const broken = {
      name: 'b',
      insns: [{ kind: 'ja', offset: 9, long: false }],
      subprogs: [0],
      subprogNames: ['b'],
    } as const;
    expect(() => {
      new Jit().engine.prepare(broken);
    }).toThrow(expect.objectContaining({ code: 'jump-out-of-range' }));
  });

  it('of 100,000 instructions runs', () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `if r1 == ${i} goto +1\nr0 += 1`);
    expect(new Jit().text(`r0 = 0\n${lines.join('\n')}\nexit\n`, 5)).toBe(49_999n);
  });
});
