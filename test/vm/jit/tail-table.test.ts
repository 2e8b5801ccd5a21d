/** Tail calls through a table that does not grow with every program that was ever loaded. */
import { describe, expect, it } from 'vitest';
import type { PreparedProgram } from '../../../src/vm/index.ts';
import { TailTable, type TailTarget } from '../../../src/vm/jit/tail-table.ts';
import { helperTable, program, tailCallHelper } from '../support.ts';
import { Jit } from './support.ts';

const target = (): TailTarget => ({ main: null, tableIndex: -1 });

describe('the table of tail calls', () => {
  it('gives each target a place and keeps it', () => {
    const tails = new TailTable();
    const [a, b] = [target(), target()];
    expect([a, b, a, b].map((one) => tails.indexOf(one))).toEqual([0, 1, 0, 1]);
  });

  it('is emptied when there are too many, and filled again from the start', () => {
    const tails = new TailTable();
    const targets = Array.from({ length: 5 }, target);
    for (const one of targets) tails.indexOf(one);
    tails.trim(5);
    expect(targets.map(({ tableIndex }) => tableIndex)).toEqual([0, 1, 2, 3, 4]);
    tails.trim(4);
    expect(targets.map(({ tableIndex }) => tableIndex)).toEqual([-1, -1, -1, -1, -1]);
    expect(tails.indexOf(targets[3]!)).toBe(0);
    expect(tails.table.length).toBe(5);
  });
});

it('programs that were targets before it was emptied still are', () => {
  const targets: PreparedProgram[] = [];
  const helpers = helperTable(tailCallHelper((_map, index) => targets[index]));
  const jit = new Jit(helpers);
  const call = (index: number): PreparedProgram =>
    program(`r2 = 0\nr3 = ${index}\ncall tail_call\nr0 = -1\nexit`, helpers);
  for (let i = 0; i < 300; i++) {
    targets.push(program(`r0 = ${i}\nexit`));
    expect(jit.run(call(i))).toBe(BigInt(i));
  }
  for (const i of [0, 150, 299]) expect(jit.run(call(i))).toBe(BigInt(i));
});
