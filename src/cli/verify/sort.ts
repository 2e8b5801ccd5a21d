/** `--sort`: figures in the order of their weight, each with `^` for upwards or `v` for downwards (parse_stat of veristat). */
import { parseStatName, type Row, STATS, type StatName, statValue } from './stats.ts';

interface SortKey extends StatName {
  readonly ascending: boolean;
}

/** By file and program, which tell all rows apart. */
const DEFAULT: readonly SortKey[] = ['file' as const, 'program' as const].map((id) => ({
  id,
  variant: 'b',
  absolute: false,
  ascending: true,
}));

/** @throws UsageError for a figure that there is not. */
export function parseSort(text: string): readonly SortKey[] {
  return text.split(',').map((word) => {
    const [, name = word, order = ''] = /^(.+?)([\^vV.!_])$/.exec(word.trim()) ?? [];
    const stat = parseStatName(name.trim(), '--sort');
    return { ...stat, ascending: order === '' ? STATS[stat.id].ascending : order === '^' };
  });
}

/** The rows in order; `file,prog` decides among equals. */
export function sortRows(rows: readonly Row[], keys: readonly SortKey[]): Row[] {
  return rows.toSorted((x, y) => {
    for (const key of [...keys, ...DEFAULT]) {
      const order = compareValues(statValue(x, key), statValue(y, key));
      if (order !== 0) return key.ascending ? order : -order;
    }
    return 0;
  });
}

/** A value that is missing is less than any other. */
function compareValues(x: string | number | undefined, y: string | number | undefined): number {
  if (x === y) return 0;
  if (x === undefined) return -1;
  if (y === undefined) return 1;
  return x < y ? -1 : 1;
}
