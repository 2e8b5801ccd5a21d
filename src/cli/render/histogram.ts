/** Histograms as bcc and the libbpf tools draw them: a row a slot, `*` in proportion to the greatest count. */

/** Counts of values: slot n of a log2 one counts those from 2^n to 2^(n+1) - 1, of a linear one those of `first` + n. */
export interface Histogram {
  readonly title: string;
  readonly scale: 'log2' | 'linear';
  /** Value of the first slot of a linear one. */
  readonly first: bigint;
  readonly counts: readonly bigint[];
}

const STARS = 40;
/** Beyond this many slots the values need room, which the stars give up. */
const NARROW_SLOTS = 33;

/** The drawing, with its title above; '' if nothing was counted. */
export function drawHistogram(histogram: Histogram): string {
  const { counts, scale, title } = histogram;
  const last = counts.findLastIndex((count) => count > 0n);
  if (last < 0) return '';
  const { most } = extent(counts);
  const rows = scale === 'log2' ? log2Rows(counts, last, most) : linearRows(histogram, last, most);
  return `${title === '' ? '' : `${title}\n`}${rows.join('')}`;
}

/** The least and the greatest of some numbers; 0 for none. */
export function extent(numbers: readonly bigint[]): { readonly least: bigint; readonly most: bigint } {
  let [least = 0n, most = 0n] = [numbers[0], numbers[0]];
  for (const number of numbers) {
    if (number < least) least = number;
    if (number > most) most = number;
  }
  return { least, most };
}

function log2Rows(counts: readonly bigint[], last: number, most: bigint): string[] {
  const narrow = last < NARROW_SLOTS;
  const width = narrow ? 10 : 20;
  const heading = `${' '.repeat(narrow ? 5 : 15)}${'value'.padEnd(narrow ? 19 : 29)} : count    distribution\n`;
  const rows = counts.slice(0, last + 1).map((count, slot) => {
    const low = slot === 0 ? 0n : 1n << BigInt(slot);
    const high = (1n << BigInt(slot + 1)) - 1n;
    const range = `${`${low}`.padStart(width)} -> ${`${high}`.padEnd(width)}`;
    return row(range, count, most, narrow ? STARS : STARS / 2);
  });
  return [heading, ...rows];
}

function linearRows({ counts, first }: Histogram, last: number, most: bigint): string[] {
  const start = counts.findIndex((count) => count > 0n);
  const rows = counts
    .slice(start, last + 1)
    .map((count, at) => row(`        ${`${first + BigInt(start + at)}`.padEnd(10)}`, count, most, STARS));
  return [`     ${'value'.padEnd(13)} : count    distribution\n`, ...rows];
}

function row(range: string, count: bigint, most: bigint, width: number): string {
  const stars = Number((count * BigInt(width)) / most);
  return `${range} : ${`${count}`.padEnd(8)} |${'*'.repeat(stars).padEnd(width)}|\n`;
}
