/**
 * Small programs of our own (cases/*.txt) on which the kernel was asked: same verdict, same errno, same log at level 2 to the byte,
 * addresses and times aside. scripts/verifier-cases/record.sh asks it; for that, VERIFIER_CASES names a file to write the programs to.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawToBytes, toHex, VerifierInputs } from '../../src/index.ts';
import { LOG_LEVEL2, LOG_STATS, REJECTION_CODES, verify } from '../../src/verifier/index.ts';
import { openFixture, ROOT } from '../fixtures.ts';
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

/** Programs that need types, compiled (programs/verifier), with what the kernel said of the same object. */
const answersToCompiled = JSON.parse(
  readFileSync(join(ROOT, 'fixtures/kernel-6.12/verifier-calls.json'), 'utf8'),
) as Readonly<Record<string, Answer | undefined>>;
const object = openFixture('verifier/calls');
const inputs = new VerifierInputs(object);
const compiled = object.spec.programs.map((program) => ({ name: program.name, input: inputs.of(program) }));

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

describe('a compiled program of the name', () => {
  it.each(compiled)('$name', ({ name, input }) => {
    const answer = answersToCompiled[name];
    const result = verify(input, { logLevel: LOG_LEVEL2 | LOG_STATS });
    expect(comparable(result.log)).toEqual(comparable(answer?.log ?? ''));
    expect(result.failure?.errno).toBe(answer?.errno);
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

/** Codes without a case, and why. */
const NOT_REACHED = {
  'backtracking-too-long': "a limit of bpflab's own, which limits.test.ts reaches: Linux goes on for hours",
  'bad-attach-target':
    'needs functions of the kernel that programs may not attach to; parity has LSM hooks of this kind',
  'bad-btf-id': 'a loader that takes ids from the types themselves never writes such an instruction',
  'bad-callback-result': 'compiled callbacks return numbers: one that returns a pointer is no C',
  'bad-func-info': 'compilers write function records that are right; test/fuzz breaks them',
  'bad-length': 'what the kernel is asked with holds from one instruction to a million',
  'bad-line-info': 'compilers write line records that are right; test/fuzz breaks them',
  'call-with-lock': 'programs/rejected has it, with the words of the kernel',
  'invalid-stack-read': 'a slot with a spill in its upper bytes alone: no store that is known leaves one',
  'no-btf': 'the system call refuses function records without types ahead of the verifier',
  'null-argument': 'needs structures of the kernel; parity has it (map_kptr_fail)',
  'out-of-memory': "a limit of bpflab's own: Linux has more memory than tests should take",
  'register-invariants':
    'in none of the programs that the kernel was asked about do bounds contradict each other',
  'special-field': 'programs/rejected has it, with the words of the kernel',
  'too-complex': 'programs/rejected has it; the log of a million instructions is too long to compare',
  'too-many-maps': 'the kernel is asked about programs with 64 maps at most',
  unsupported: 'what bpflab does not check yet: no answer of the kernel is like it',
};

it('every code of a rejection but these has a case', () => {
  const reached = new Set([
    ...cases.map((one) => judge(one, 0).failure?.code),
    ...compiled.map(({ input }) => verify(input).failure?.code),
  ]);
  expect(REJECTION_CODES.filter((code) => !reached.has(code))).toEqual(Object.keys(NOT_REACHED));
});
