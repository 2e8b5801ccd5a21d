/**
 * Random programs, most of them spoilt, that the kernel was asked about: same verdict, errno, error line, statistics and level-2 log, addresses
 * and times aside. ORACLE=…/ask.sh makes new programs and asks the kernel about them.
 */
import { describe, expect, it } from 'vitest';
import { BpfMapType, BpfProgType } from '../../src/spec/index.ts';
import { LOG_LEVEL2, LOG_STATS, type MapInfo, verify } from '../../src/verifier/index.ts';
import { askKernel, partsOf, readAnswers } from './answers.ts';
import { programsToAsk } from './random-programs.ts';

const FIXTURE = 'random-programs.jsonl.gz';
const PROGRAMS = 800;
const VALUE_SIZE = 64;
/** Entries of the maps by number. */
const ENTRIES = [4, 1];

const { ORACLE } = process.env;
if (ORACLE !== undefined && ORACLE !== '') {
  const maps = ENTRIES.map((entries) => [BpfMapType.BPF_MAP_TYPE_ARRAY, 4, VALUE_SIZE, entries, 0] as const);
  askKernel(ORACLE, FIXTURE, programsToAsk(PROGRAMS), BpfProgType.BPF_PROG_TYPE_XDP, maps);
}

const maps = new Map(
  ENTRIES.map((maxEntries, fd): [number, MapInfo] => [
    fd,
    {
      name: 'm',
      type: BpfMapType.BPF_MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: VALUE_SIZE,
      maxEntries,
      flags: 0,
    },
  ]),
);
const answers = readAnswers(FIXTURE);

describe('a random program is judged as the kernel judged it', () => {
  it.each(answers.map((answer, i) => [i, answer.last, answer] as const))('%i: %s', (_i, _last, answer) => {
    const { insns, errno, ...parts } = answer;
    const result = verify(
      { insns, type: BpfProgType.BPF_PROG_TYPE_XDP, attachType: 0, flags: 0, license: 'GPL', maps },
      { logLevel: LOG_LEVEL2 | LOG_STATS },
    );
    expect({ errno: result.failure?.errno ?? 0, ...partsOf(result.log) }).toEqual({ errno, ...parts });
  });

  it('accepted and rejected ones, for many reasons', () => {
    const accepted = answers.filter(({ errno }) => errno === 0);
    const errors = new Set(answers.map(({ last }) => last.replaceAll(/\d+/g, 'N')));
    expect(accepted.length).toBeGreaterThan(PROGRAMS / 10);
    expect(errors.size).toBeGreaterThan(50);
  });
});
