/** Sorting, filtering and comparing verdicts in veristat's words. */
import chalk from 'chalk';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/io.ts';
import { renderComparison, renderVerdictTable } from '../../../src/cli/render/verdict-table.ts';
import { joinRows } from '../../../src/cli/verify/compare.ts';
import { Filters } from '../../../src/cli/verify/filters.ts';
import { parseProgFlags } from '../../../src/cli/verify/prog-flags.ts';
import { readRecords, type VerdictRecord } from '../../../src/cli/verify/record.ts';
import { parseSort, sortRows } from '../../../src/cli/verify/sort.ts';
import { parseStatName, type Row, statValue } from '../../../src/cli/verify/stats.ts';

function record(object: string, program: string, more: Partial<VerdictRecord> = {}): VerdictRecord {
  return {
    object,
    program,
    section: 'xdp',
    type: 'xdp',
    verdict: 'accept',
    errno: 0,
    code: '',
    last: '',
    insns: 10,
    states: 2,
    peakStates: 1,
    markRead: 1,
    microseconds: 5,
    ...more,
  };
}

const io = (files: Readonly<Record<string, string>> = {}): Io => ({
  out: () => undefined,
  err: () => undefined,
  read: (path) => new TextEncoder().encode(files[path] ?? ''),
  color: chalk,
  errColor: chalk,
});

const filters = (...texts: string[]): Filters => new Filters(texts, io());

describe('figures', () => {
  const row: Row = {
    a: record('x.o', 'p', { insns: 200 }),
    b: record('x.o', 'p', { insns: 150, verdict: 'reject' }),
  };

  it.each([
    ['insns', 150],
    ['total_insns_a', 200],
    ['insns_b', 150],
    ['insns_diff', -50],
    ['insns_pct', -25],
    ['|insns_diff|', 50],
    ['peak_states_diff', 0],
    ['verdict', 0],
    ['verdict_a', 1],
    ['verdict_diff', 0],
    ['dur', 5],
    ['mark_read', 1],
    ['prog', 'p'],
    ['file_name', 'x.o'],
  ])('%s', (name, value) => {
    expect(statValue(row, parseStatName(name, '--sort'))).toBe(value);
  });

  it('has no value where a side is missing', () => {
    const gone: Row = { a: record('x.o', 'p') };
    for (const name of ['insns', 'insns_b', 'insns_diff', 'insns_pct', 'verdict_diff'])
      expect(statValue(gone, parseStatName(name, '--sort'))).toBeUndefined();
    expect(statValue(gone, parseStatName('prog', '--sort'))).toBe('p');
  });

  it('counts what came from nothing as a whole', () => {
    const grown: Row = { a: record('x.o', 'p', { states: 0 }), b: record('x.o', 'p', { states: 3 }) };
    expect(statValue(grown, parseStatName('states_pct', '--sort'))).toBe(100);
    expect(statValue({ a: grown.a!, b: grown.a! }, parseStatName('states_pct', '--sort'))).toBe(0);
  });

  it('knows no others', () => {
    expect(() => parseStatName('insn', '--sort')).toThrow(/no figure 'insn'; there are .*insns/);
  });
});

describe('--sort', () => {
  const rows: Row[] = [
    { b: record('b.o', 'p', { insns: 5 }) },
    { b: record('a.o', 'q', { insns: 7 }) },
    { b: record('a.o', 'p', { insns: 5 }) },
  ];
  const order = (spec: string | undefined): string[] =>
    sortRows(rows, spec === undefined ? [] : parseSort(spec)).map(({ b }) => `${b!.object}/${b!.program}`);

  it('takes file and program when nothing is said', () => {
    expect(order(undefined)).toEqual(['a.o/p', 'a.o/q', 'b.o/p']);
  });

  it('puts the greatest first, names upwards, and as it is told', () => {
    expect(order('insns')).toEqual(['a.o/q', 'a.o/p', 'b.o/p']);
    expect(order('insns^')).toEqual(['a.o/p', 'b.o/p', 'a.o/q']);
    expect(order('prog,filev')).toEqual(['b.o/p', 'a.o/p', 'a.o/q']);
  });

  it('refuses what is no figure', () => {
    expect(() => parseSort('insns,weight')).toThrow(/--sort: no figure 'weight'/);
  });
});

describe('--filter', () => {
  it.each<[string[], string[]]>([
    [[], ['a.o/p', 'a.o/parse', 'b.o/p']],
    [['p'], ['a.o/p', 'b.o/p']],
    [['a.*'], ['a.o/p', 'a.o/parse']],
    [['*pars*'], ['a.o/parse']],
    [['b.o/'], ['b.o/p']],
    [['/p'], ['a.o/p', 'b.o/p']],
    [
      ['a.o/p', 'b.o/*'],
      ['a.o/p', 'b.o/p'],
    ],
    [['!b.o'], ['a.o/p', 'a.o/parse']],
    [['a.o/', '!/parse'], ['a.o/p']],
    [['a?o'], []],
  ])('%j names programs', (texts, expected) => {
    const all = [
      ['a.o', 'p'],
      ['a.o', 'parse'],
      ['b.o', 'p'],
    ] as const;
    const chosen = filters(...texts);
    const taken = all.filter(([file, program]) => chosen.takesProgram(file, program));
    expect(taken.map((pair) => pair.join('/'))).toEqual(expected);
    for (const [file] of taken) expect(chosen.mayTakeFile(file)).toBe(true);
  });

  it('need not open files that no filter can let in', () => {
    expect(filters('a.o/').mayTakeFile('b.o')).toBe(false);
    expect(filters('!b.*/').mayTakeFile('b.o')).toBe(false);
    expect(filters('!b.*/p').mayTakeFile('b.o')).toBe(true);
    expect(filters('p').mayTakeFile('b.o')).toBe(true);
  });

  it.each<[string[], boolean]>([
    [['insns>=10'], true],
    [['insns>10'], false],
    [['insns<>10'], false],
    [['insns != 11'], true],
    [['insns<10', 'states==2'], true],
    [['!insns=10'], false],
    [['verdict=success'], true],
    [['verdict=f'], false],
    [['insns_diff=-10'], true],
    [['|insns_diff|>9'], true],
    [['insns_pct=-50'], true],
    [['verdict_diff=match'], true],
    [['anything'], true],
  ])('%j chooses by figures', (texts, taken) => {
    const row: Row = { a: record('a.o', 'p', { insns: 20 }), b: record('a.o', 'p') };
    expect(filters(...texts).takesRow(row)).toBe(taken);
  });

  it('reads expressions from a file', () => {
    const chosen = new Filters(['@list'], io({ list: '# heavy ones\n\n  /p  \n!b.o\n' }));
    expect(chosen.takesProgram('a.o', 'p')).toBe(true);
    expect(chosen.takesProgram('b.o', 'p')).toBe(false);
  });

  it.each([
    ['', /--filter takes GLOB/],
    ['!', /--filter takes GLOB/],
    ['/', /--filter takes GLOB/],
    ['insns>', /'' is no whole number/],
    ['insns>many', /'many' is no whole number/],
    ['weight>1', /no figure 'weight'/],
    ['prog=p', /held against globs/],
  ])('refuses %j', (text, message) => {
    expect(() => filters(text)).toThrow(message);
  });
});

describe('tables', () => {
  const before = [
    record('a.o', 'gone'),
    record('a.o', 'long_name', { insns: 1000, states: 0, microseconds: 12_345 }),
  ];
  const now = [
    record('a.o', 'long_name', { insns: 900, states: 4, microseconds: 12_345, verdict: 'reject' }),
    record('b.bpf.o', 'new'),
  ];

  it('look as veristat prints them', () => {
    const tally = { files: 2, programs: 2, skippedFiles: 1, skippedPrograms: 3 };
    expect(
      renderVerdictTable(
        now.map((b) => ({ b })),
        tally,
      ),
    ).toBe(
      [
        'File     Program    Verdict  Duration (us)  Insns  States  Peak states',
        '-------  ---------  -------  -------------  -----  ------  -----------',
        'a.o      long_name  failure          12345    900       4            1',
        'b.bpf.o  new        success              5     10       2            1',
        '-------  ---------  -------  -------------  -----  ------  -----------',
        'Done. Processed 2 files, 2 programs. Skipped 1 files, 3 programs.',
        '',
      ].join('\n'),
    );
  });

  it('of comparisons have old, new and difference', () => {
    const table = renderComparison(sortRows(joinRows(before, now), []));
    expect(table.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'File | Program | Verdict (A) | Verdict (B) | Verdict (DIFF) | Duration (us) (A) | Duration (us) (B) | Duration (us) (DIFF) | Insns (A) | Insns (B) | Insns | (DIFF) | States (A) | States (B) | States (DIFF) | Peak states (A) | Peak states (B) | Peak states (DIFF)',
      expect.stringMatching(/^-+( \| -+){16}$/),
      expect.stringMatching(
        /^a\.o \| gone \| success \| N\/A \| N\/A \| 5 \| N\/A \| N\/A \| 10 \| N\/A \| N\/A/,
      ),
      'a.o | long_name | success | failure | MISMATCH | 12345 | 12345 | +0 (+0.00%) | 1000 | 900 | -100 (-10.00%) | 0 | 4 | +4 (+100.00%) | 1 | 1 | +0 (+0.00%)',
      expect.stringMatching(/^b\.bpf\.o \| new \| N\/A \| success \| N\/A \| N\/A \| 5 \| N\/A/),
      expect.stringMatching(/^-+( \| -+){16}$/),
      '',
    ]);
  });
});

describe('--compare', () => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

  it('reads what --json printed', () => {
    const programs = [record('a.o', 'p')];
    expect(readRecords(bytes({ schemaVersion: 1, command: 'verify', programs }))).toEqual(programs);
  });

  it.each([
    [new TextEncoder().encode('{'), /not the output of an earlier 'bpflab verify --json'/],
    [bytes(null), /no JSON object/],
    [bytes({ command: 'run', programs: [] }), /its command is not 'verify'/],
    [bytes({ command: 'verify', programs: [{ object: 'a.o' }] }), /programs\[0\] lacks fields/],
  ])('refuses what is none', (given, message) => {
    expect(() => readRecords(given)).toThrow(message);
  });
});

describe('--prog-flags', () => {
  it('takes numbers and names, put together', () => {
    expect(parseProgFlags('0x8,BPF_F_STRICT_ALIGNMENT')).toBe(9);
    expect(parseProgFlags('test_reg_invariants, sleepable')).toBe(0x90);
    expect(() => parseProgFlags('BPF_F_FAST')).toThrow(
      /takes a number or BPF_F_STRICT_ALIGNMENT.*not 'BPF_F_FAST'/,
    );
  });
});
