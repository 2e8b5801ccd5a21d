/**
 * Small programs of our own (cases/*.txt) on which the kernel was asked: same verdict, same errno, same log at level 2 to the byte,
 * addresses and times aside. scripts/verifier-cases/record.sh asks it; for that, VERIFIER_CASES names a file to write the programs to.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawToBytes, toHex } from '../../src/index.ts';
import { LOG_LEVEL2, LOG_STATS, REJECTION_CODES, verify } from '../../src/verifier/index.ts';
import { ROOT } from '../fixtures.ts';
import { readCases, type VerifierCase } from './cases/read.ts';

interface Answer {
  /** 0 for an accepted program. */
  readonly errno: number;
  readonly log: string;
}

const cases = readCases();
const answers = JSON.parse(
  gunzipSync(readFileSync(join(ROOT, 'fixtures/kernel-6.12/verifier-cases.json.gz'))).toString(),
) as Readonly<Record<string, Answer | undefined>>;

const out = process.env.VERIFIER_CASES;
if (out !== undefined) writeFileSync(out, cases.map(block).join('\n'));

function block(one: VerifierCase): string {
  return [
    `name ${idOf(one)}`,
    `type ${one.type}`,
    `attach ${one.attachType}`,
    `flags ${one.flags}`,
    `license ${one.license}`,
    ...one.maps.map(
      (map) => `map ${map.type} ${map.keySize} ${map.valueSize} ${map.maxEntries} ${map.flags}`,
    ),
    `insns ${toHex(rawToBytes(one.insns, 'little'))}`,
    '',
  ].join('\n');
}

function idOf({ family, name }: VerifierCase): string {
  return `${family}: ${name}`;
}

function answerTo(one: VerifierCase): Answer {
  const answer = answers[idOf(one)];
  if (answer === undefined)
    throw new Error('the kernel was not asked about this: run scripts/verifier-cases');
  return answer;
}

function judge(one: VerifierCase, logLevel: number) {
  const { type, attachType, flags, license, insns } = one;
  const maps = new Map(one.maps.map((map, fd) => [fd, map]));
  return verify({ insns, type, attachType, flags, license, maps }, { logLevel });
}

/** Without addresses and times, which differ from run to run. */
function comparable(log: string): string[] {
  return log
    .replaceAll(/0xff[0-9a-f]{14}/g, '0xADDRESS')
    .replaceAll(/verification time \d+ usec/g, 'verification time 0 usec')
    .trimEnd()
    .split('\n');
}

describe('a program that', () => {
  it.each(cases)('$name ($family)', (one) => {
    const answer = answerTo(one);
    const result = judge(one, LOG_LEVEL2 | LOG_STATS);
    expect(comparable(result.log)).toEqual(comparable(answer.log));
    expect(result.failure?.errno ?? 0).toBe(answer.errno);
    expect(result.verdict).toBe(answer.errno === 0 ? 'accept' : 'reject');
  });
});

describe('without a log the errno is the same for one that', () => {
  it.each(cases)('$name ($family)', (one) => {
    expect(judge(one, 0).failure?.errno ?? 0).toBe(answerTo(one).errno);
  });
});

it('no answer is left of a case that is gone', () => {
  expect(Object.keys(answers).filter((id) => !cases.some((one) => idOf(one) === id))).toEqual([]);
});

/** Codes without a case yet: most need types of the program or the kernel, some very large programs. */
const NOT_REACHED = [
  'backtracking-too-long',
  'bad-attach-target',
  'bad-btf-id',
  'bad-callback-result',
  'bad-format',
  'bad-func-info',
  'bad-function-argument',
  'bad-length',
  'bad-line-info',
  'call-with-lock',
  'invalid-stack-read',
  'ld-abs-in-callback',
  'no-btf',
  'null-argument',
  'out-of-memory',
  'register-invariants',
  'special-field',
  'stack-before-tail-call',
  'too-complex',
  'too-many-maps',
  'unsupported',
];

it('every code of a rejection but these has a case', () => {
  const reached = new Set(cases.map((one) => judge(one, 0).failure?.code));
  expect(REJECTION_CODES.filter((code) => !reached.has(code))).toEqual(NOT_REACHED);
});
