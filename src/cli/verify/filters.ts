/**
 * `--filter`: which files, programs and results count (append_filter, should_process_file_prog, should_output_stats of veristat).
 * `GLOB` is held against file and program names, `FILE/`, `/PROGRAM` and `FILE/PROGRAM` against one or both, `insns>1000` against a
 * figure. A leading `!` keeps out what matches. What is let in by any of a kind passes; with none of a kind, all does.
 */
import type { Io } from '../io.ts';
import { usageError } from '../report.ts';
import { parseStatName, type Row, type StatName, statValue } from './stats.ts';

interface NameFilter {
  readonly kind: 'name';
  readonly deny: boolean;
  /** Held against either name. */
  readonly any?: RegExp;
  readonly file?: RegExp;
  readonly program?: RegExp;
}

interface StatFilter {
  readonly kind: 'stat';
  readonly deny: boolean;
  readonly stat: StatName;
  readonly holds: (value: number) => boolean;
}

/** Longer operators first: each would be taken for its beginning. */
const OPERATORS: readonly (readonly [string, (value: number, wanted: number) => boolean])[] = [
  ['==', (value, wanted) => near(value, wanted)],
  ['!=', (value, wanted) => !near(value, wanted)],
  ['<>', (value, wanted) => !near(value, wanted)],
  ['<=', (value, wanted) => value <= wanted + EPSILON],
  ['<', (value, wanted) => value < wanted - EPSILON],
  ['>=', (value, wanted) => value >= wanted - EPSILON],
  ['>', (value, wanted) => value > wanted + EPSILON],
  ['=', (value, wanted) => near(value, wanted)],
];

/** Percentages are fractions. */
const EPSILON = 1e-9;

function near(value: number, wanted: number): boolean {
  return Math.abs(value - wanted) < EPSILON;
}

const TRUE_WORDS = ['true', 't', 'success', 'succ', 's', 'match', 'm'];
const FALSE_WORDS = ['false', 'f', 'failure', 'fail', 'mismatch', 'mis'];

/** All filters of a command line. */
export class Filters {
  private readonly names: readonly NameFilter[];
  private readonly stats: readonly StatFilter[];

  /** @param texts Expressions, or `@FILE` for a file with one a line. @throws UsageError for what is none. */
  constructor(texts: readonly string[], io: Io) {
    const filters = texts.flatMap((text) => expressions(text, io)).map(parseFilter);
    this.names = filters.filter((filter) => filter.kind === 'name');
    this.stats = filters.filter((filter) => filter.kind === 'stat');
  }

  /** Whether a file may have programs that count: false if it need not be opened. */
  mayTakeFile(file: string): boolean {
    const whole = this.names.filter((filter) => filter.deny && filter.program === undefined);
    if (whole.some((filter) => matchesName(filter, file, undefined))) return false;
    const allowed = this.names.filter((filter) => !filter.deny);
    return (
      allowed.length === 0 || allowed.some((filter) => filter.file === undefined || filter.file.test(file))
    );
  }

  takesProgram(file: string, program: string): boolean {
    return passes(this.names, (filter) => matchesName(filter, file, program));
  }

  takesRow(row: Row): boolean {
    return passes(this.stats, ({ stat, holds }) => {
      const value = statValue(row, stat);
      return typeof value === 'number' && holds(value);
    });
  }
}

/** No filter keeps it out, and one lets it in if there are any that let in. */
function passes<F extends { readonly deny: boolean }>(
  filters: readonly F[],
  matches: (filter: F) => boolean,
): boolean {
  if (filters.some((filter) => filter.deny && matches(filter))) return false;
  const allowed = filters.filter((filter) => !filter.deny);
  return allowed.length === 0 || allowed.some(matches);
}

function expressions(text: string, io: Io): string[] {
  if (!text.startsWith('@')) return [text];
  const lines = new TextDecoder().decode(io.read(text.slice(1))).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

function parseFilter(text: string): NameFilter | StatFilter {
  const deny = text.startsWith('!');
  const body = deny ? text.slice(1) : text;
  return parseStatFilter(body, deny) ?? parseNameFilter(body, deny);
}

function parseStatFilter(text: string, deny: boolean): StatFilter | undefined {
  const [, name = '', symbol, value = ''] = /^(.*?)(==|!=|<>|<=|>=|<|>|=)(.*)$/s.exec(text) ?? [];
  const operator = OPERATORS.find(([spelling]) => spelling === symbol);
  if (operator === undefined) return undefined;
  const stat = parseStatName(name.trim(), '--filter');
  if (stat.id === 'file' || stat.id === 'program')
    throw usageError(`--filter '${text}': names are held against globs, as in '*.bpf.o/parse_*'`);
  const wanted = numberOf(value.trim());
  if (wanted === undefined)
    throw usageError(
      `--filter '${text}': '${value}' is no whole number, nor success, failure, match, mismatch`,
    );
  return { kind: 'stat', deny, stat, holds: (figure) => operator[1](figure, wanted) };
}

function numberOf(text: string): number | undefined {
  const word = text.toLowerCase();
  if (TRUE_WORDS.includes(word)) return 1;
  if (FALSE_WORDS.includes(word)) return 0;
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

function parseNameFilter(text: string, deny: boolean): NameFilter {
  const slash = text.indexOf('/');
  const [file, program] = slash < 0 ? ['', ''] : [text.slice(0, slash), text.slice(slash + 1)];
  if (text === '' || text === '/')
    throw usageError("--filter takes GLOB, FILE/PROGRAM or a figure as in 'insns>1000'");
  return {
    kind: 'name',
    deny,
    ...(slash < 0 ? { any: globPattern(text) } : {}),
    ...(file === '' ? {} : { file: globPattern(file) }),
    ...(program === '' ? {} : { program: globPattern(program) }),
  };
}

/** `*` stands for any characters; nothing else is special. Runs of stars are one, so that matching stays fast. */
function globPattern(glob: string): RegExp {
  const parts = glob.split(/\*+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

function matchesName(filter: NameFilter, file: string, program: string | undefined): boolean {
  if (filter.any !== undefined)
    return filter.any.test(file) || (program !== undefined && filter.any.test(program));
  if (filter.file !== undefined && !filter.file.test(file)) return false;
  return filter.program === undefined || (program !== undefined && filter.program.test(program));
}
