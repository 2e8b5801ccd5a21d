/** Batches of inputs: each run sees its input and a fresh context, has a full budget, and leaves its result. */
import { describe, expect, it } from 'vitest';
import type { HelperEntry, InputBatch } from '../../../src/vm/index.ts';
import { helperTable, program } from '../support.ts';
import { Jit } from './support.ts';

const CONTEXT_BYTES = 16;
const RESULT_BEFORE = -77;

/** A batch of these inputs in an engine's memory. The context is the address of the input, and of its end. */
function batchOf(jit: Jit, inputs: readonly (readonly number[])[]): InputBatch {
  const take = (size: number): number => jit.memory.allocate({ size, kind: 'mem', name: 'batch' });
  const bytes = inputs.flat();
  const batch = {
    inputs: take(bytes.length),
    lengths: take(4 * inputs.length),
    results: take(4 * inputs.length),
    count: inputs.length,
    target: take(64),
    context: take(CONTEXT_BYTES),
    template: take(CONTEXT_BYTES),
    templateBytes: CONTEXT_BYTES,
    endAt: 4,
  };
  jit.memory.writeBytes(batch.inputs, Uint8Array.from(bytes));
  inputs.forEach(({ length }, index) => {
    jit.memory.i32[(batch.lengths >> 2) + index] = length;
    jit.memory.i32[(batch.results >> 2) + index] = RESULT_BEFORE;
  });
  jit.memory.i32[batch.template >> 2] = batch.target;
  jit.memory.i32[(batch.template >> 2) + 2] = 1000;
  return batch;
}

function results(jit: Jit, { results: at, count }: InputBatch): number[] {
  return [...jit.memory.i32.subarray(at >> 2, (at >> 2) + count)];
}

// The sum of the input's bytes and of a counter in the context, which the program spoils.
const SUM = `r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r0 = *(u32 *)(r1 + 8)
*(u32 *)(r1 + 8) = 5
*(u32 *)(r1 + 0) = 0
again:
if r2 >= r3 goto done
r4 = *(u8 *)(r2 + 0)
*(u8 *)(r2 + 0) = 9
r0 += r4
r2 += 1
goto again
done:
exit
`;

const INPUTS = [[1, 2, 3], [], [7], Array.from({ length: 40 }, (_, i) => i), [1, 2, 3, 4, 5, 6, 7, 8], [200]];

describe('a batch', () => {
  it('gives each run its input and the context as it was', () => {
    const jit = new Jit();
    const batch = batchOf(jit, INPUTS);
    const before = jit.memory.readBytes(batch.inputs, INPUTS.flat().length);
    expect(jit.engine.runBatch(program(SUM), batch)).toBe(INPUTS.length);
    const sums = INPUTS.map((input) => input.reduce((sum, byte) => sum + byte, 1000));
    expect(results(jit, batch)).toEqual(sums);
    expect(jit.memory.readBytes(batch.inputs, INPUTS.flat().length)).toEqual(before);
  });

  it('gives each run a full budget', () => {
    const jit = new Jit(helperTable(), { budget: 400 });
    const long = Array.from({ length: 20 }, () => Array<number>(40).fill(1));
    const batch = batchOf(jit, long);
    expect(jit.engine.runBatch(program(SUM), batch)).toBe(20);
    expect(results(jit, batch)).toEqual(Array(20).fill(1040));
  });

  it('is refused where code is checked', () => {
    const jit = new Jit(helperTable(), { checked: true });
    const batch = batchOf(jit, INPUTS);
    expect(jit.engine.runBatch(program(SUM), batch)).toBe(0);
    expect(jit.engine.runBatch({ ...program(SUM), verified: true }, batch)).toBe(INPUTS.length);
  });
});

describe('a helper', () => {
  const TEXT = 'r1 = *(u32 *)(r1 + 0)\nr1 = *(u8 *)(r1 + 0)\ncall look\nexit\n';
  const look = (call: (byte: number) => number): HelperEntry => ({
    id: 1,
    name: 'look',
    args: ['u32'],
    returns: 'int',
    kind: 'plain',
    call,
  });

  it('may end the batch behind the run that is under way, and the next one is not affected', () => {
    const helpers = helperTable(
      look((byte) => {
        if (byte === 7) jit.engine.stopBatch();
        return byte * 2;
      }),
    );
    const jit = new Jit(helpers);
    const batch = batchOf(jit, [[3], [7], [9], [11]]);
    expect(jit.engine.runBatch(program(TEXT, helpers), batch)).toBe(2);
    expect(results(jit, batch)).toEqual([6, 14, RESULT_BEFORE, RESULT_BEFORE]);
    const rest = batchOf(jit, [[9], [11]]);
    expect(jit.engine.runBatch(program(TEXT, helpers), rest)).toBe(2);
  });

  it('that throws ends it with a fault, and earlier results stay', () => {
    const helpers = helperTable(
      look((byte) => {
        if (byte === 9) throw new Error('a bug');
        return byte;
      }),
    );
    const jit = new Jit(helpers);
    const batch = batchOf(jit, [[3], [7], [9], [11]]);
    expect(() => jit.engine.runBatch(program(TEXT, helpers), batch)).toThrow('a bug');
    expect(results(jit, batch)).toEqual([3, 7, RESULT_BEFORE, RESULT_BEFORE]);
  });
});
