/** The table of texts: one for each rule that a program can break, with no value in it that nothing fills. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GENERAL_VALUES } from '../../../src/verifier/explain/texts/index.ts';
import { REJECTION_CODES, REJECTION_TEXTS, type RejectionText } from '../../../src/verifier/index.ts';
import { ROOT } from '../../fixtures.ts';

const VERIFIER = join(ROOT, 'src/verifier');

/** All source text of the verifier but its explanations. */
function sources(): string {
  return readdirSync(VERIFIER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'codes.ts' && !name.startsWith('explain'))
    .map((name) => readFileSync(join(VERIFIER, name), 'utf8'))
    .join('\n');
}

/** Names in braces. */
function placeholders({ title, meaning, advice }: RejectionText): string[] {
  return [...[title, meaning, ...advice].join(' ').matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
}

describe('the texts of rejections', () => {
  const text = sources();
  const used = new Set(
    [...text.matchAll(/(?:reject|Rejection)\(\s*'([a-z0-9-]+)'/g)].map((match) => match[1]!),
  );

  it('know every code that the verifier gives', () => {
    expect(used.size).toBeGreaterThan(70);
    expect([...used].filter((code) => !Object.hasOwn(REJECTION_TEXTS, code))).toEqual([]);
  });

  it('know no code that the verifier does not give', () => {
    expect(REJECTION_CODES.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
    expect(Object.keys(REJECTION_TEXTS).sort()).toEqual([...REJECTION_CODES].sort());
  });

  it.each(Object.entries(REJECTION_TEXTS))('fill every value of %s', (_code, { cases = [], ...base }) => {
    const general = new Set<string>(GENERAL_VALUES);
    expect(placeholders(base).filter((name) => !general.has(name))).toEqual([]);
    for (const one of cases) {
      const groups = [...one.when.source.matchAll(/\(\?<(\w+)>/g)].map((match) => match[1]!);
      expect(placeholders(one).filter((name) => !general.has(name) && !groups.includes(name))).toEqual([]);
    }
  });

  it.each(Object.entries(REJECTION_TEXTS))(
    'say what %s means and what to do',
    (_code, { cases = [], ...base }) => {
      for (const { title, meaning, advice } of [base, ...cases]) {
        expect(title).toMatch(/^[A-Zb].*[^.]$/);
        expect(meaning).toMatch(/[.)]$/);
        expect(advice.length).toBeGreaterThan(0);
        for (const one of advice) expect(one).toMatch(/[.)]$/);
      }
    },
  );
});
