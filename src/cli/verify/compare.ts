/** `--compare`: brings the rows of an earlier run and of this one together (handle_comparison_mode of veristat). */
import type { VerdictRecord } from './record.ts';
import type { Row } from './stats.ts';

/** A row for each program of either run; those of the same file and program name are one. */
export function joinRows(before: readonly VerdictRecord[], now: readonly VerdictRecord[]): Row[] {
  const rows = new Map<string, { a?: VerdictRecord; b?: VerdictRecord }>();
  const rowOf = (record: VerdictRecord): { a?: VerdictRecord; b?: VerdictRecord } => {
    const key = JSON.stringify([record.object, record.program]);
    const row = rows.get(key) ?? {};
    rows.set(key, row);
    return row;
  };
  for (const record of before) rowOf(record).a = record;
  for (const record of now) rowOf(record).b = record;
  return [...rows.values()];
}
