/** Plain tables for people: columns aligned by their longest cell, numbers to the right. */

/** One column: its heading and on which side its cells line up. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines of a table, two blanks between columns, no trailing blanks; styling keeps widths because it is applied afterwards. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: { heading?: (text: string) => string } = {},
): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        columns[i]?.align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const heading = line(columns.map((column) => column.title));
  return [(style.heading ?? ((text: string) => text))(heading), ...rows.map(line)]
    .map((text) => `${text}\n`)
    .join('');
}
