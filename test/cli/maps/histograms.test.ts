/** Which maps are drawn as histograms, on what scale, and how they look. */
import { describe, expect, it } from 'vitest';
import { elementsOf } from '../../../src/cli/maps/elements.ts';
import { histogramsOf, type PlotMode } from '../../../src/cli/maps/histograms.ts';
import { drawHistogram } from '../../../src/cli/render/histogram.ts';
import { type BpfObject, Kernel } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';

function countSizes(sizes: readonly number[]): BpfObject {
  const kernel = new Kernel({ cpus: 2 });
  const object = openFixture('xdp/packet_sizes');
  kernel.load(object);
  sizes.forEach((size, index) => {
    object.programs.count_size!.testRun({ data: new Uint8Array(size), cpu: index % 2 });
  });
  return object;
}

const plots = (object: BpfObject, map: string, mode: PlotMode): ReturnType<typeof histogramsOf> =>
  histogramsOf(object.maps[map]!, elementsOf(object.maps[map]!)!, mode);

describe('histogramsOf', () => {
  const object = countSizes([14, 15, 15, 20, 100]);

  it('finds those that their names tell of, and sums all CPUs', () => {
    expect(plots(object, 'size_hist', 'auto')).toEqual([
      {
        title: 'size_hist',
        scale: 'log2',
        first: 0n,
        counts: [0n, 0n, 0n, 3n, 1n, 0n, 1n, ...new Array<bigint>(9).fill(0n)],
      },
    ]);
    expect(plots(object, 'exact_size_dist_linear', 'auto')).toMatchObject([{ scale: 'linear', first: 14n }]);
    expect(plots(object, 'exact_size_dist_linear', 'auto')[0]!.counts.slice(0, 7)).toEqual([
      1n,
      2n,
      0n,
      0n,
      0n,
      0n,
      1n,
    ]);
  });

  it('finds arrays of slots in global variables', () => {
    expect(plots(object, '.bss', 'auto')).toMatchObject([
      { title: 'devices[0].slots', scale: 'log2', counts: expect.arrayContaining([3n]) as bigint[] },
    ]);
  });

  it('takes other counts only when it is told to', () => {
    expect(plots(object, 'totals', 'auto')).toEqual([]);
    expect(plots(object, 'totals', 'linear')).toMatchObject([
      { scale: 'linear', counts: [164n, 0n, 0n, 0n] },
    ]);
    expect(plots(object, 'totals', 'log2')).toMatchObject([{ scale: 'log2' }]);
    expect(plots(object, 'size_hist', 'linear')).toMatchObject([{ scale: 'linear' }]);
  });

  it('finds none when it is told so, and none without counts', () => {
    expect(plots(object, 'size_hist', 'never')).toEqual([]);
    expect(plots(countSizes([]), 'size_hist', 'auto')).toEqual([]);
    expect(plots(countSizes([]), '.bss', 'auto')).toEqual([]);
  });

  it('draws nothing of keys that lie too far apart', () => {
    const far = countSizes([]);
    far.maps.exact_size_dist_linear!.update(1, 1);
    far.maps.exact_size_dist_linear!.update(4_000_000_000, 1);
    expect(plots(far, 'exact_size_dist_linear', 'linear')).toEqual([]);
    expect(plots(far, 'exact_size_dist_linear', 'log2')).toEqual([]);
  });
});

describe('drawHistogram', () => {
  it('draws powers of two as the libbpf tools do', () => {
    expect(drawHistogram({ title: 'sizes', scale: 'log2', first: 0n, counts: [1n, 0n, 4n, 2n, 0n] })).toBe(
      [
        'sizes',
        '     value               : count    distribution',
        '         0 -> 1          : 1        |**********                              |',
        '         2 -> 3          : 0        |                                        |',
        '         4 -> 7          : 4        |****************************************|',
        '         8 -> 15         : 2        |********************                    |',
        '',
      ].join('\n'),
    );
  });

  it('makes room for large values', () => {
    const counts = [...new Array<bigint>(40).fill(0n), 7n];
    const lines = drawHistogram({ title: '', scale: 'log2', first: 0n, counts }).trimEnd().split('\n');
    expect(lines).toHaveLength(42);
    expect(lines[0]).toBe(`${' '.repeat(15)}value${' '.repeat(24)} : count    distribution`);
    expect(lines.at(-1)).toBe(
      '       1099511627776 -> 2199023255551        : 7        |********************|',
    );
  });

  it('draws single values from the first to the last that was counted', () => {
    expect(drawHistogram({ title: 'n', scale: 'linear', first: 10n, counts: [0n, 3n, 0n, 6n, 0n] })).toBe(
      [
        'n',
        '     value         : count    distribution',
        '        11         : 3        |********************                    |',
        '        12         : 0        |                                        |',
        '        13         : 6        |****************************************|',
        '',
      ].join('\n'),
    );
  });

  it('draws nothing of nothing', () => {
    expect(drawHistogram({ title: 'n', scale: 'log2', first: 0n, counts: [0n, 0n] })).toBe('');
  });
});
