/** What `verify` prints while it goes and at its end: lines for one file, veristat's table for several, or one JSON document. */
import { basename } from 'node:path';
import { FileFailure } from '../in-file.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { renderComparison, renderVerdictTable, type Tally } from '../render/verdict-table.ts';
import { renderRawVerdict, renderVerdict } from '../render/verdicts.ts';
import type { Why } from '../render/why.ts';
import { describeError } from '../report.ts';
import { joinRows } from './compare.ts';
import type { Filters } from './filters.ts';
import type { Outcome } from './outcome.ts';
import type { VerdictRecord } from './record.ts';
import { type parseSort, sortRows } from './sort.ts';
import type { Row } from './stats.ts';

/** Hears of every file and program in turn. */
export interface VerdictView {
  begin(file: string): void;
  add(outcome: Outcome): void;
  /** A file that cannot be read; what is wrong has been said on stderr. */
  fail(file: string, error: unknown): void;
  end(tally: Tally): void;
}

/** What the rows of a table are chosen and sorted by. */
export interface TableChoice {
  readonly filters: Filters;
  readonly sort: ReturnType<typeof parseSort>;
  /** Results of an earlier run to compare with. */
  readonly before?: readonly VerdictRecord[];
  /** Present if rejections are explained. */
  readonly why?: Why;
}

/** One file: a line a program, and what is wrong with it. */
export function plainView(io: Io, raw: boolean, why?: Why): VerdictView {
  const render = raw ? renderRawVerdict : renderVerdict;
  return {
    begin: () => undefined,
    add: (outcome) => {
      io.out(render(outcome, io.color, why));
    },
    fail: () => undefined,
    end: () => undefined,
  };
}

/** Several files: a table at the end, logs and explanations as they come. */
export function tableView(io: Io, choice: TableChoice): VerdictView {
  const records: VerdictRecord[] = [];
  return {
    begin: (file) => {
      io.out(`Processing '${basename(file)}'...\n`);
    },
    add: (outcome) => {
      const { log, ...record } = outcome.record;
      records.push(record);
      const why = choice.why?.renderWhy(outcome, io.color) ?? '';
      if (why !== '') io.out(`${record.object}/${record.program}:${why}`);
      if (log === undefined) return;
      const verdict = record.verdict === 'accept' ? 'success' : 'failure';
      const title = `PROCESSING ${record.object}/${record.program}, DURATION US: ${record.microseconds}, VERDICT: ${verdict}`;
      io.out(`${title}, VERIFIER LOG:\n${log}\n`);
    },
    fail: () => undefined,
    end: (tally) => {
      const rows = chosenRows(records, choice);
      io.out(choice.before === undefined ? renderVerdictTable(rows, tally) : renderComparison(rows));
    },
  };
}

/**
 * All results in one document, with the files that could not be read: in the order of the files unless `--sort` says another.
 * A comparison stands beside them, so that the document can be compared with later.
 */
export function jsonView(io: Io, choice: TableChoice): VerdictView {
  const records: VerdictRecord[] = [];
  const errors: { object: string; code: string; message: string }[] = [];
  return {
    begin: () => undefined,
    add: (outcome) => {
      const explanation = choice.why?.explanationOf(outcome);
      records.push(explanation === undefined ? outcome.record : { ...outcome.record, explanation });
    },
    fail: (file, error) => {
      const known = error instanceof FileFailure ? error.cause : undefined;
      const [code, message] =
        known === undefined ? ['bug', String(error)] : [known.code, describeError(known)];
      errors.push({ object: basename(file), code, message });
    },
    end: () => {
      const rows =
        choice.before === undefined && choice.sort.length === 0
          ? unsorted(records, choice)
          : chosenRows(records, choice);
      printJson(io, 'verify', {
        programs: rows.flatMap(({ b }) => (b === undefined ? [] : [b])),
        ...(choice.before === undefined ? {} : { comparison: rows.map(withoutLogs) }),
        errors,
      });
    },
  };
}

function chosenRows(records: readonly VerdictRecord[], { filters, sort, before }: TableChoice): Row[] {
  const known = before?.filter((record) => filters.takesProgram(record.object, record.program));
  const rows = known === undefined ? records.map((b): Row => ({ b })) : joinRows(known, records);
  return sortRows(
    rows.filter((row) => filters.takesRow(row)),
    sort,
  );
}

function unsorted(records: readonly VerdictRecord[], { filters }: TableChoice): Row[] {
  return records.map((b): Row => ({ b })).filter((row) => filters.takesRow(row));
}

/** `null` for a side that there is not. */
function withoutLogs({ a, b }: Row): Record<string, unknown> {
  const side = (record: VerdictRecord | undefined): unknown => {
    if (record === undefined) return null;
    const { log: _, ...rest } = record;
    return rest;
  };
  return { a: side(a), b: side(b) };
}
