/** Basic blocks of one function. */
import { describe, expect, it } from 'vitest';
import { BlockFinder, buildCfg, type Cfg, NO_BLOCK, OFF_END } from '../../src/cfg/index.ts';
import { branch, EXIT, goto, NOP } from './support.ts';

function ranges(cfg: Cfg): string[] {
  return Array.from(cfg.first, (first, block) => `${first}-${cfg.end[block]! - 1}`);
}

describe('basic blocks', () => {
  it('are one for a straight line', () => {
    const cfg = buildCfg([NOP, NOP, EXIT]);
    expect(ranges(cfg)).toEqual(['0-2']);
    expect([cfg.next[0], cfg.taken[0]]).toEqual([NO_BLOCK, NO_BLOCK]);
  });

  it('begin at jump targets and behind jumps', () => {
    // 0: if → 3; 1, 2: else; 3: both; 4: exit
    const cfg = buildCfg([branch(0, 3), NOP, NOP, NOP, EXIT]);
    expect(ranges(cfg)).toEqual(['0-0', '1-2', '3-4']);
    expect([...cfg.next]).toEqual([1, 2, NO_BLOCK]);
    expect([...cfg.taken]).toEqual([2, NO_BLOCK, NO_BLOCK]);
  });

  it('hold what can be reached only', () => {
    expect(ranges(buildCfg([goto(0, 2), NOP, EXIT, NOP]))).toEqual(['0-0', '2-2']);
  });

  it('say when execution runs off the end', () => {
    const cfg = buildCfg([NOP, branch(1, 0)]);
    expect([...cfg.next]).toEqual([OFF_END]);
    expect([...cfg.taken]).toEqual([0]);
  });

  it('put the entry first, even when a jump leads in front of it', () => {
    const finder = new BlockFinder([NOP, EXIT, goto(2, 0)]);
    expect(ranges(finder.find(2))).toEqual(['2-2', '0-1']);
  });

  it('take a 16-byte instruction as one', () => {
    const wide = { kind: 'ld-imm64', pseudo: 'const', dst: 0, lo: 1, hi: 2 } as const;
    expect(ranges(buildCfg([wide, undefined, EXIT]))).toEqual(['0-2']);
  });

  it('make one edge of a branch to the next instruction', () => {
    const cfg = buildCfg([branch(0, 1), EXIT]);
    expect([...cfg.targets]).toEqual([1]);
  });

  it('are found for each function of a program', () => {
    const finder = new BlockFinder([NOP, EXIT, branch(2, 4), NOP, EXIT]);
    expect(ranges(finder.find(0))).toEqual(['0-1']);
    expect(ranges(finder.find(2))).toEqual(['2-2', '3-3', '4-4']);
    expect(ranges(finder.find(0))).toEqual(['0-1']);
  });
});
