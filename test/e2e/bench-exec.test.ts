/** `bpflab bench-exec`, the protocol by which benchmarks drive engines: PROG.bin MEM.bin N CALLS REPS, `<r0 in hexadecimal> <ns>` a line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembleProgram, rawToBytes } from '../../src/isa/index.ts';
import { bpflab, type CliResult } from './cli.ts';

const PROGRAMS = {
  number: 'r0 = *(u64 *)(r1 + 0)\nexit',
  content: 'r1 += 65532\nr0 = *(u32 *)(r1 + 0)\nexit',
  length: 'r0 = r2\nexit',
  counter: 'r0 = *(u64 *)(r1 + 0)\nr0 += 1\n*(u64 *)(r1 + 0) = r0\nexit',
  nop: 'r0 = 5\ncall 1\nexit',
  slot: 'r6 = r1\nr1 = 1023\ncall 2\nr0 -= r6\nexit',
  'no slot': 'r1 = 1024\ncall 2\nexit',
  'slot of a large number': 'r1 = 0x100000000 ll\ncall 2\nexit',
  increment: 'r1 = 0xffffffff ll\ncall 3\nexit',
  'increment of the largest': 'r1 = -1\ncall 3\nexit',
  'no such helper': 'call 9\nexit',
  wild: 'r1 = -8\nr0 = *(u64 *)(r1 + 0)\nexit',
} as const;

const folder = mkdtempSync(join(tmpdir(), 'bpflab-bench-exec-'));
const file = (name: string): string => join(folder, `${name}.bin`);

beforeAll(() => {
  for (const [name, text] of Object.entries(PROGRAMS))
    writeFileSync(file(name), rawToBytes(assembleProgram(text).raws, 'little'));
  writeFileSync(file('memory'), new Uint8Array(65536).fill(0xab));
  writeFileSync(file('short memory'), new Uint8Array(65535));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function bench(program: string, ...args: string[]): CliResult {
  return bpflab(['bench-exec', file(program), file('memory'), ...args]);
}

describe.each(['interp', 'jit', 'auto'])('bench-exec --engine %s', (engine) => {
  it.each([
    ['number', '7', ['7', '7']],
    ['number', '18446744073709551615', ['ffffffffffffffff', 'ffffffffffffffff']],
    ['number', '0', ['0', '0']],
    ['content', '7', ['abababab', 'abababab']],
    ['length', '7', ['10000', '10000']],
    // Three calls a repetition; the memory stays what the program made of it.
    ['counter', '7', ['a', 'd']],
    ['nop', '7', ['0', '0']],
    ['slot', '7', ['9ff8', '9ff8']],
    ['no slot', '7', ['0', '0']],
    ['slot of a large number', '7', ['0', '0']],
    ['increment', '7', ['100000000', '100000000']],
    ['increment of the largest', '7', ['0', '0']],
  ])('runs %s with N = %s', (program, n, results) => {
    const { stdout, stderr, status } = bench(program, n, '3', '2', '--engine', engine);
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/^([\da-f]+ \d+\n){2}$/);
    expect(stdout.split('\n', 2).map((line) => line.split(' ')[0])).toEqual(results);
  });

  it.each([
    ['no such helper', /unknown-helper.*insn 0: there is no helper 9/],
    ['wild', /invalid-read.*insn 1/],
  ])('ends with 1 for a program that faults: %s', (program, message) => {
    const { stdout, stderr, status } = bench(program, '1', '1', '1', '--engine', engine);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr).toMatch(message);
  });
});

describe('bench-exec', () => {
  it('prints nothing for no repetition', () => {
    expect(bench('number', '1', '1', '0')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it.each([
    [['-1', '1', '1'], /N takes a whole number/],
    [['18446744073709551616', '1', '1'], /N takes a whole number/],
    [['1', '0', '1'], /CALLS takes a whole number from 1 /],
    [['1', '2147483648', '1'], /CALLS takes a whole number from 1 to 2147483647/],
    [['1', '1', '1.5'], /REPS takes a whole number/],
    [['1', '1', '1', '--engine', 'warp'], /there is no engine 'warp'/],
  ])('refuses %j', (args, message) => {
    const { stdout, stderr, status } = bench('number', ...args);
    expect([stdout, status]).toEqual(['', 2]);
    expect(stderr).toMatch(message);
  });

  it('refuses a memory of another size', () => {
    const result = bpflab(['bench-exec', file('number'), file('short memory'), '1', '1', '1']);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain('has 65535 bytes; it must have 65536');
  });
});
