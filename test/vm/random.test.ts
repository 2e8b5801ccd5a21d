/** Programs that nobody would write: whatever they do, they exit, pause or fault, and in pieces they do the same as in one run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Insn, InsnList } from '../../src/isa/index.ts';
import { Interpreter, Memory, type PreparedProgram } from '../../src/vm/index.ts';
import { insn } from '../isa/arbitraries.ts';
import { helperTable } from './support.ts';

const BUDGET = 400;

/** Bends jumps into the program, most memory accesses onto the stack, and references to what can be resolved. */
function bend(insns: readonly Insn[]): InsnList {
  const slots = insns.flatMap((one): (Insn | undefined)[] =>
    one.kind === 'ld-imm64' ? [one, undefined] : [one],
  );
  const starts = slots.flatMap((one, slot) => (one === undefined ? [] : [slot]));
  const jump = (slot: number, wish: number): number => starts[Math.abs(wish) % starts.length]! - slot - 1;
  return slots.map((one, slot): Insn | undefined => {
    switch (one?.kind) {
      case 'jmp':
      case 'ja':
      case 'may-goto':
        return { ...one, offset: jump(slot, one.offset) };
      case 'call-subprog':
        return { ...one, offset: -slot - 1 };
      case 'ld-imm64':
        return { ...one, pseudo: 'const' };
      case 'load':
        return one.src < 8 ? { ...one, src: 10, offset: -(Math.abs(one.offset) % 520) } : one;
      case 'store':
      case 'atomic':
        return one.dst < 8 ? { ...one, dst: 10, offset: -(Math.abs(one.offset) % 520) } : one;
      default:
        return one;
    }
  });
}

const programs = fc.array(insn(), { minLength: 1, maxLength: 40 }).map(
  (insns): PreparedProgram => ({
    name: 'random',
    insns: bend(insns),
    subprogs: [0],
    subprogNames: ['main'],
  }),
);

/** Everything that can be seen of a run: how it ended, registers, instructions, stack. */
function observe(program: PreparedProgram, piece: number): unknown {
  const memory = new Memory({ maxBytes: 1 << 18 });
  const helpers = {
    ...helperTable({
      id: 5,
      name: 'first',
      args: ['u64', 'u32'],
      returns: 'int',
      kind: 'plain',
      call: (low, high) => low ^ high,
    }),
    loadPacket: (_ctx: number, offset: number) => (offset & 7) - 1,
  };
  const interpreter = new Interpreter(memory, helpers);
  interpreter.start(program, 0x10000, 64);
  let status = interpreter.run(piece);
  for (let done = piece; status.kind === 'paused' && done < BUDGET; done += piece)
    status = interpreter.run(piece);
  const stack = memory
    .regions()
    .flatMap(({ kind, address, size }) => (kind === 'stack' ? [memory.readBytes(address, size).join()] : []));
  const how =
    status.kind === 'faulted' ? [status.fault.code, status.fault.message, status.fault.frames] : status;
  return { how, stack, registers: [...interpreter.registers], executed: interpreter.executed };
}

describe('a random program', () => {
  it('does the same in one run and in pieces, and throws nothing', () => {
    fc.assert(
      fc.property(programs, fc.constantFrom(1, 4, 50), (program, piece) => {
        expect(observe(program, piece)).toEqual(observe(program, BUDGET));
      }),
      { numRuns: 400 },
    );
  });

  it('reaches every way to end', () => {
    const ends = fc
      .sample(programs, { numRuns: 300, seed: 1 })
      .map((program) => JSON.stringify(observe(program, BUDGET)));
    for (const end of [
      'exited',
      'paused',
      'invalid-read',
      'invalid-write',
      'unknown-helper',
      'fell-off-end',
    ]) {
      expect(ends.some((text) => text.includes(end))).toBe(true);
    }
  });
});
