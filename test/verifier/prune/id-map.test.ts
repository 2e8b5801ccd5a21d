/** Ids of two states are alike if they can be matched one to one. */
import { beforeEach, describe, expect, it } from 'vitest';
import { IdMap } from '../../../src/verifier/prune/id-map.ts';
import { ADD_CONST } from '../../../src/verifier/state/layout.ts';

const map = new IdMap();
beforeEach(() => {
  map.reset(100);
});

describe('ids of pointers', () => {
  it('match any partner at first, and the same one from then on', () => {
    expect(map.match(1, 7)).toBe(true);
    expect(map.match(1, 7)).toBe(true);
    expect(map.match(1, 8)).toBe(false);
  });

  it('have one partner only, also the other way round', () => {
    map.match(1, 7);
    expect(map.match(2, 7)).toBe(false);
  });

  it('do not match no id', () => {
    expect(map.match(0, 0)).toBe(true);
    expect(map.match(1, 0)).toBe(false);
    expect(map.match(0, 1)).toBe(false);
  });

  it('are forgotten when a comparison begins', () => {
    map.match(1, 7);
    map.reset(100);
    expect(map.match(1, 8)).toBe(true);
  });

  it('may be as many as there are', () => {
    for (let id = 1; id <= 600; id++) expect(map.match(id, 1000 - id)).toBe(true);
    for (let id = 1; id <= 600; id++) expect(map.match(id, 1000 - id)).toBe(true);
    expect(map.match(1, 1)).toBe(false);
  });
});

describe('ids of scalars', () => {
  it('match anything where the old one has none: it says less', () => {
    expect(map.matchScalar(0, 5)).toBe(true);
    expect(map.matchScalar(0, 0)).toBe(true);
  });

  it('count as different wherever the current ones have none', () => {
    expect(map.matchScalar(1, 0)).toBe(true);
    expect(map.matchScalar(1, 0)).toBe(false);
  });

  it('match their bases too where they are a constant away', () => {
    expect(map.matchScalar(1 | ADD_CONST, 7 | ADD_CONST)).toBe(true);
    expect(map.matchScalar(1, 7)).toBe(true);
    expect(map.matchScalar(1, 8)).toBe(false);
  });
});
