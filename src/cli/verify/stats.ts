/**
 * The figures of a verified program under the names that veristat gives them, to sort and filter by, and the two sides of a comparison
 * (parse_stat_id_var, fetch_join_stat_value in tools/testing/selftests/bpf/veristat.c).
 */
import { usageError } from '../report.ts';
import type { VerdictRecord } from './record.ts';

/** A figure. */
export type StatId =
  | 'file'
  | 'program'
  | 'verdict'
  | 'duration'
  | 'insns'
  | 'states'
  | 'peakStates'
  | 'markRead';

/** Which side of a comparison: the old value, the new one, their difference, or that in percent of the old one. */
export type StatVariant = 'a' | 'b' | 'diff' | 'pct';

interface StatDef {
  /** Heading of its column. */
  readonly header: string;
  /** What users may call it. */
  readonly names: readonly string[];
  /** Sorts upwards when nothing is said. */
  readonly ascending: boolean;
  readonly value: (record: VerdictRecord) => string | number;
}

/** All figures. A verdict is a number too: 1 for success. */
export const STATS: Readonly<Record<StatId, StatDef>> = {
  file: {
    header: 'File',
    names: ['file_name', 'filename', 'file'],
    ascending: true,
    value: (record) => record.object,
  },
  program: {
    header: 'Program',
    names: ['prog_name', 'progname', 'prog'],
    ascending: true,
    value: (record) => record.program,
  },
  verdict: {
    header: 'Verdict',
    names: ['verdict'],
    ascending: true,
    value: (record) => (record.verdict === 'accept' ? 1 : 0),
  },
  duration: {
    header: 'Duration (us)',
    names: ['duration', 'dur'],
    ascending: false,
    value: (record) => record.microseconds,
  },
  insns: {
    header: 'Insns',
    names: ['total_insns', 'insns'],
    ascending: false,
    value: (record) => record.insns,
  },
  states: {
    header: 'States',
    names: ['total_states', 'states'],
    ascending: false,
    value: (record) => record.states,
  },
  peakStates: {
    header: 'Peak states',
    names: ['peak_states'],
    ascending: false,
    value: (record) => record.peakStates,
  },
  markRead: {
    header: 'Max mark read length',
    names: ['max_mark_read_len', 'mark_read'],
    ascending: false,
    value: (record) => record.markRead,
  },
};

/** A figure as it is named: `insns`, `insns_diff`, `|insns_pct|`. */
export interface StatName {
  readonly id: StatId;
  readonly variant: StatVariant;
  /** The sign does not count. */
  readonly absolute: boolean;
}

/** A program, and what it was before; one of both in a comparison of programs that came or went. */
export interface Row {
  readonly a?: VerdictRecord;
  readonly b?: VerdictRecord;
}

const IDS = new Map(
  (Object.keys(STATS) as StatId[]).flatMap((id) => STATS[id].names.map((name) => [name, id] as const)),
);

/** @throws UsageError when there is no such figure. */
export function parseStatName(text: string, option: string): StatName {
  const absolute = /^\|.+\|$/.test(text);
  const bare = absolute ? text.slice(1, -1) : text;
  const whole = IDS.get(bare);
  if (whole !== undefined) return { id: whole, variant: 'b', absolute };
  const [, name = '', variant = ''] = /^(.*)_(a|b|diff|pct)$/.exec(bare) ?? [];
  const id = IDS.get(name);
  if (id !== undefined) return { id, variant: variant as StatVariant, absolute };
  const known = Object.values(STATS).map((stat) => stat.names.at(-1));
  throw usageError(
    `${option}: no figure '${text}'; there are ${known.join(', ')}, each also with _a, _b, _diff, _pct for --compare`,
  );
}

/** The value of a figure; undefined where a side that it needs is missing. A difference of verdicts is 1 if they agree. */
export function statValue(row: Row, { id, variant, absolute }: StatName): string | number | undefined {
  const { value } = STATS[id];
  const [a, b] = [row.a && value(row.a), row.b && value(row.b)];
  if (id === 'file' || id === 'program') return b ?? a;
  const number = variantOf(id, variant, a as number | undefined, b as number | undefined);
  return absolute && number !== undefined ? Math.abs(number) : number;
}

function variantOf(
  id: StatId,
  variant: StatVariant,
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  if (variant === 'a') return a;
  if (variant === 'b') return b;
  if (a === undefined || b === undefined) return undefined;
  if (variant === 'pct') return percentage(a, b);
  return id === 'verdict' ? Number(a === b) : b - a;
}

/** The change from `a` to `b` in percent of `a`; 100 for what came from nothing. */
export function percentage(a: number, b: number): number {
  if (a === 0) return Math.sign(b) * 100;
  return ((b - a) * 100) / a;
}
