/**
 * Verdicts of many programs as veristat prints them: its headings, alignment, rules and closing line, so that what reads its output
 * reads this (output_stats, output_comp_stats in tools/testing/selftests/bpf/veristat.c).
 */
import { percentage, type Row, STATS, type StatId } from '../verify/stats.ts';

const SHOWN: readonly StatId[] = ['file', 'program', 'verdict', 'duration', 'insns', 'states', 'peakStates'];

/** What was looked at and what filters kept out. */
export interface Tally {
  files: number;
  programs: number;
  skippedFiles: number;
  skippedPrograms: number;
}

interface Column {
  readonly header: string;
  /** Stands at the right end of the heading: which side of a comparison it is. */
  readonly suffix?: string;
  readonly cells: readonly string[];
  /** Numbers line up on the right. */
  readonly right: boolean;
}

/** The table of one run. */
export function renderVerdictTable(rows: readonly Row[], tally: Tally): string {
  const columns = SHOWN.map(
    (id): Column => ({
      header: STATS[id].header,
      cells: rows.map((row) => sideCell(id, row.b)),
      right: !isText(id),
    }),
  );
  return `${layOut(columns, rows.length)}${doneLine(tally)}`;
}

/** The table of two runs: the old value (A), the new one (B) and their difference. */
export function renderComparison(rows: readonly Row[]): string {
  const columns = SHOWN.flatMap((id): Column[] => {
    const column = (suffix: string, cell: (row: Row) => string): Column => ({
      header: STATS[id].header,
      suffix,
      cells: rows.map(cell),
      right: !isText(id),
    });
    if (id === 'file' || id === 'program') return [column('', (row) => sideCell(id, row.b ?? row.a))];
    return [
      column(' (A)', (row) => sideCell(id, row.a)),
      column(' (B)', (row) => sideCell(id, row.b)),
      column(' (DIFF)', (row) => differenceCell(id, row)),
    ];
  });
  return layOut(columns, rows.length);
}

function isText(id: StatId): boolean {
  return id === 'file' || id === 'program' || id === 'verdict';
}

function sideCell(id: StatId, record: Row['b']): string {
  if (record === undefined) return 'N/A';
  if (id === 'verdict') return record.verdict === 'accept' ? 'success' : 'failure';
  return `${STATS[id].value(record)}`;
}

function differenceCell(id: StatId, { a, b }: Row): string {
  if (a === undefined || b === undefined) return 'N/A';
  if (id === 'verdict') return a.verdict === b.verdict ? 'MATCH' : 'MISMATCH';
  const [before, now] = [Number(STATS[id].value(a)), Number(STATS[id].value(b))];
  return `${signed(now - before, 0)} (${signed(percentage(before, now), 2)}%)`;
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(digits)}`;
}

function layOut(columns: readonly Column[], count: number): string {
  const widths = columns.map(({ header, suffix = '', cells }) =>
    cells.reduce((width, cell) => Math.max(width, cell.length), header.length + suffix.length),
  );
  const line = (cell: (column: Column, width: number) => string): string =>
    `${columns.map((column, i) => cell(column, widths[i] ?? 0)).join('  ')}\n`;
  const rule = line((_, width) => '-'.repeat(width));
  const heading = line(({ header, suffix, right }, width) => {
    if (suffix !== undefined) return header.padEnd(width - suffix.length) + suffix;
    return right ? header.padStart(width) : header.padEnd(width);
  });
  const body = Array.from({ length: count }, (_, row) =>
    line(({ cells, right }, width) => {
      const cell = cells[row] ?? '';
      return right ? cell.padStart(width) : cell.padEnd(width);
    }),
  );
  return [heading, rule, ...body, rule].join('');
}

function doneLine({ files, programs, skippedFiles, skippedPrograms }: Tally): string {
  return `Done. Processed ${files} files, ${programs} programs. Skipped ${skippedFiles} files, ${skippedPrograms} programs.\n`;
}
