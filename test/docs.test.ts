/** What the documents promise: code blocks that run, links that lead somewhere, tests that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './fixtures.ts';

const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages];
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

describe('README.md', () => {
  it('shows examples/percpu.test.ts, which is run as a test', () => {
    const block = /```ts\n(.*?)```/s.exec(read('README.md'))?.[1];
    expect(block).toBe(read('examples/percpu.test.ts'));
  });

  it('links to every page of docs/', () => {
    expect(pages.filter((page) => !read('README.md').includes(`](${page})`))).toEqual([]);
  });

  it('names as its first two commands what npm and CI run', () => {
    const commands = [...read('README.md').matchAll(/```sh\n(.*?)\n```/gs)].map((match) => match[1]);
    expect(commands.slice(0, 2)).toEqual(['npm ci && npm start', 'npm test']);
    expect(read('.ci/run')).toMatch(/^npm ci\nnpm test$/m);
  });
});

describe.each(documents)('%s', (name) => {
  it('links to files that exist', () => {
    const links = [...read(name).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? '');
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(name), link)))).toEqual([]);
  });
});

describe('docs/sockets.md', () => {
  it('shows examples/sockmap.test.ts, which is run as a test', () => {
    const block = /```ts\n(.*?)```/s.exec(read('docs/sockets.md'))?.[1];
    expect(block).toBe(read('examples/sockmap.test.ts'));
  });
});

describe('docs/support-matrix.md', () => {
  it('names a test that exists in every row', () => {
    const rows = read('docs/support-matrix.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (-|what)/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    const broken = rows.filter((row) => {
      const tests = [...row.matchAll(/`((?:test|examples)\/[^`]+)`/g)].map((match) => match[1] ?? '');
      return tests.length === 0 || tests.some((path) => !existsSync(join(ROOT, path)));
    });
    expect(broken).toEqual([]);
  });
});
