/** The numbers that tables of the spec write as runs. */
import { describe, expect, it } from 'vitest';
import { expandRuns } from '../../src/spec/index.ts';

describe('runs of numbers', () => {
  it.each<[string, number | undefined, number[]]>([
    ['1-3 5', undefined, [1, 2, 3, 5]],
    ['0-8 20', 4, [0, 4, 8, 20]],
    ['0', undefined, [0]],
    ['', undefined, []],
  ])("'%s' in steps of %s", (runs, step, numbers) => {
    expect(expandRuns(runs, step)).toEqual(numbers);
  });
});
