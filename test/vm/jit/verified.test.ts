/** Verified programs among programs that are checked: what their code does without asking, and what still ends a run. */
import { describe, expect, it } from 'vitest';
import { hash4, hash8 } from '../../../src/maps/hash/jhash.ts';
import { type HelperEntry, Memory, type PreparedProgram } from '../../../src/vm/index.ts';
import { helperTable, lookupHelper, program } from '../support.ts';
import { Jit } from './support.ts';

const checked = { checked: true } as const;

function verified(
  text: string,
  helpers = helperTable(),
  probeLoads: readonly number[] = [],
): PreparedProgram {
  return { ...program(text, helpers), verified: true, probeLoads: new Set(probeLoads) };
}

describe('a verified program', () => {
  it('is not checked, other programs of the same engine are', () => {
    const jit = new Jit(helperTable(), checked);
    const value = jit.memory.allocate({ size: 8, kind: 'map-value', name: 'value' });
    const text = 'r0 = *(u64 *)(r1 + 4)\nexit\n';
    expect(jit.run(verified(text), value)).toBe(0n);
    expect(jit.fault(program(text), value).code).toBe('invalid-read');
    expect(jit.run(verified(text), value)).toBe(0n);
  });

  it('that leaves linear memory all the same faults at its place, once or repeated', () => {
    const jit = new Jit(helperTable(), checked);
    const broken = verified('r0 = 0\nr0 = *(u64 *)(r1 + 0)\nexit\n');
    const outside = 0xfffffff0;
    const fault = jit.fault(broken, outside);
    expect([fault.code, fault.place.insn]).toEqual(['invalid-read', 1]);
    expect(() => jit.engine.repeat(broken, 3, outside)).toThrow(
      expect.objectContaining({ code: 'invalid-read', frames: fault.frames }),
    );
    expect(jit.text('r0 = 2\nexit\n')).toBe(2n);
  });

  it('reads zeros through BTF pointers that miss memory', () => {
    const jit = new Jit(helperTable(), checked);
    const chase = verified('r0 = 7\nr0 = *(u64 *)(r1 + 8)\nexit\n', jit.helpers, [1]);
    const chaseKernel = verified(
      'r1 = 0xffff888000010000 ll\nr0 = 7\nr0 = *(s32 *)(r1 + 8)\nexit\n',
      jit.helpers,
      [3],
    );
    expect(jit.run(chase, 0)).toBe(0n);
    expect(jit.run(chase, jit.memory.size - 8)).toBe(0n);
    expect(jit.run(chase, 0xfffffff8)).toBe(0n);
    expect(jit.run(chaseKernel)).toBe(0n);
    const task = jit.memory.allocate({ size: 16, kind: 'kernel', name: 'task' });
    jit.memory.i32[(task + 8) >> 2] = 5;
    expect(jit.run(chase, task)).toBe(5n);
  });

  it('calls helpers without the checks that the verifier has made', () => {
    const helper: HelperEntry = {
      id: 1,
      name: 'which',
      args: ['u32'],
      returns: 'int',
      kind: 'plain',
      call: () => 1,
      unchecked: () => 2,
    };
    const jit = new Jit(helperTable(helper), checked);
    const text = 'r1 = 0\ncall which\nexit\n';
    expect(jit.text(text)).toBe(1n);
    expect(jit.run(verified(text, jit.helpers))).toBe(2n);
  });

  it('is held to the budget in each of its repetitions', () => {
    const jit = new Jit(helperTable(), { ...checked, budget: 10_000 });
    const loop = verified('r1 = 100\nagain:\nr1 += -1\nif r1 != 0 goto again\nr0 = 3\nexit\n');
    expect(jit.engine.repeat(loop, 1000, 0)).toBe(3);
    const endless = verified('again:\ngoto again\n');
    expect(() => jit.engine.repeat(endless, 2, 0)).toThrow(
      expect.objectContaining({ code: 'budget-exhausted' }),
    );
  });
});

describe('repeated runs of a checked program', () => {
  it('begin with a zeroed stack each', () => {
    const text = 'r0 = *(u64 *)(r10 - 512)\nr0 += 1\n*(u64 *)(r10 - 512) = r0\nexit\n';
    expect(new Jit(helperTable(), checked).engine.repeat(program(text), 5, 0)).toBe(1);
    expect(new Jit().engine.repeat(program(text), 5, 0)).toBe(5);
  });
});

describe('what is read in line', () => {
  it('are words of 4 and of 8 bytes', () => {
    const memory = new Memory();
    const at = memory.allocate({ size: 16, kind: 'kernel', name: 'words' });
    memory.i32.set([-1, 2], at >> 2);
    const word = (id: number, size: 4 | 8): HelperEntry => ({
      id,
      name: `word${size}`,
      args: [],
      returns: 'u64',
      kind: 'plain',
      call: () => 0,
      inline: { kind: 'word', address: at, size },
    });
    const jit = new Jit(helperTable(word(1, 4), word(2, 8)), checked, memory);
    expect(jit.text('call word4\nexit\n')).toBe(0xffffffffn);
    expect(jit.text('call word8\nexit\n')).toBe(0x2_ffffffffn);
  });

  it("is the current CPU's value of a per-CPU map", () => {
    const memory = new Memory();
    const map = memory.allocate({ size: 16, kind: 'map', name: 'map' });
    const cpuAddress = memory.allocate({ size: 4, kind: 'kernel', name: 'cpu' });
    const lookup = lookupHelper({
      kind: 'map-lookup',
      layout: (at) =>
        at === map ? { kind: 'array', values: 4096, stride: 64, count: 4, cpuStride: 16 } : undefined,
      finder: (at) => (at === map + 8 ? (key) => memory.i32[key >> 2]! + 100 : undefined),
      cpuAddress,
    });
    const jit = new Jit(helperTable(lookup), checked, memory);
    const text = (address: number): string =>
      `*(u32 *)(r10 - 4) = 3\nr1 = ${address} ll\nr2 = r10\nr2 += -4\ncall lookup\nexit\n`;
    const inLine = verified(text(map), jit.helpers);
    expect(jit.run(inLine)).toBe(BigInt(4096 + 3 * 64));
    memory.i32[cpuAddress >> 2] = 2;
    expect(jit.run(inLine)).toBe(BigInt(4096 + 3 * 64 + 2 * 16));
    // A map with a finder of its own, one that nothing is known of, and a program that was not verified.
    expect(jit.run(verified(text(map + 8), jit.helpers))).toBe(103n);
    expect(jit.run(verified(text(map + 16), jit.helpers))).toBe(0xffffffffn);
    expect(jit.text(text(map))).toBe(0xffffffffn);
  });

  it('are walks over arrays, with key and value of each element, until the callback says stop', () => {
    const memory = new Memory();
    const map = memory.allocate({ size: 16, kind: 'map', name: 'map' });
    const cpuAddress = memory.allocate({ size: 4, kind: 'kernel', name: 'cpu' });
    memory.i32[cpuAddress >> 2] = 1;
    const values = memory.allocate({ size: 64, kind: 'map-value', name: 'values' });
    for (let i = 0; i < 16; i++) memory.i32[(values >> 2) + i] = i;
    const walk = (cpuStride?: number): HelperEntry => ({
      id: 1,
      name: 'walk',
      args: ['ptr', 'ptr', 'ptr', 'u64'],
      returns: 'int',
      kind: 'callback',
      start: () => 77,
      inline: {
        kind: 'map-walk',
        layout: () => ({
          kind: 'array',
          values,
          stride: 16,
          count: 4,
          ...(cpuStride === undefined ? {} : { cpuStride }),
        }),
        cpuAddress,
      },
    });
    const text = (stopAt: number, flags: number): string => `*(u64 *)(r10 - 8) = 0
r1 = ${map} ll
r2 = callback ll
r3 = r10
r3 += -8
r4 = ${flags}
call walk
r1 = *(u64 *)(r10 - 8)
r0 *= 1000
r0 += r1
exit
callback:
r5 = *(u32 *)(r2 + 0)
r1 = *(u32 *)(r3 + 0)
r1 *= 10
r1 += r5
r2 = *(u64 *)(r4 + 0)
r2 += r1
*(u64 *)(r4 + 0) = r2
r0 = 0
if r5 != ${stopAt} goto +1
r0 = 1
exit
`;
    const plain = new Jit(helperTable(walk()), checked, memory);
    const run = (stopAt: number, flags = 0): bigint =>
      BigInt.asIntN(64, plain.run(verified(text(stopAt, flags), plain.helpers)));
    // Values 0, 4, 8, 12 and keys 0 to 3.
    expect(run(-1)).toBe(4n * 1000n + 246n);
    expect(run(1)).toBe(2n * 1000n + 41n);
    expect(run(-1, 1)).toBe(-22_000n);
    expect(plain.text(text(-1, 0))).toBe(77_000n);
    const perCpu = new Jit(helperTable(walk(4)), checked, memory);
    expect(perCpu.run(verified(text(-1, 0), perCpu.helpers))).toBe(4n * 1000n + 286n);
  });

  it.each([4, 8] as const)('are lookups of keys of %i bytes in hash maps', (keySize) => {
    const memory = new Memory();
    const map = memory.allocate({ size: 16, kind: 'map', name: 'map' });
    const buckets = memory.allocate({ size: 8, kind: 'kernel', name: 'buckets' });
    const layout = { kind: 'hash', buckets, mask: 1, seed: 5, keySize, keyAt: 8, nextAt: 16 } as const;
    const keys = [1, 2, 3, 4, 5, -1];
    const elements = keys.map((key) => {
      const at = memory.allocate({ size: 24, kind: 'map-value', name: `element ${key}` });
      memory.i32[(at + 8) >> 2] = key;
      if (keySize === 8) memory.i32[(at + 12) >> 2] = 7;
      const hash = keySize === 4 ? hash4(key, 5) : hash8(key, 7, 5);
      const bucket = (buckets >> 2) + (hash & 1);
      memory.i32[(at + 16) >> 2] = memory.i32[bucket]!;
      memory.i32[bucket] = at;
      return at;
    });
    const lookup = (cpuAddress?: number): HelperEntry =>
      lookupHelper(
        {
          kind: 'map-lookup',
          layout: () => (cpuAddress === undefined ? layout : { ...layout, cpuStride: 64 }),
          ...(cpuAddress === undefined ? {} : { cpuAddress }),
        },
        77,
      );
    const text = (key: number, high = 7): string =>
      `*(u32 *)(r10 - 8) = ${key}\n*(u32 *)(r10 - 4) = ${high}\nr1 = ${map} ll\nr2 = r10\nr2 += -8\ncall lookup\nexit\n`;
    const jit = new Jit(helperTable(lookup()), checked, memory);
    const found = keys.map((key) => jit.run(verified(text(key), jit.helpers)));
    expect(found).toEqual(elements.map(BigInt));
    expect(jit.run(verified(text(6), jit.helpers))).toBe(0n);
    expect(jit.run(verified(text(1, 8), jit.helpers))).toBe(keySize === 8 ? 0n : found[0]);
    expect(jit.text(text(1))).toBe(77n);
    const cpu = memory.allocate({ size: 4, kind: 'kernel', name: 'cpu' });
    memory.i32[cpu >> 2] = 3;
    const perCpu = new Jit(helperTable(lookup(cpu)), checked, memory);
    expect(perCpu.run(verified(text(4), perCpu.helpers))).toBe(found[3]! + 192n);
    expect(perCpu.run(verified(text(6), perCpu.helpers))).toBe(0n);
  });
});
