/** fixtures/programs/MANIFEST.json tells the truth: every object is committed, and made of the source that is here. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './fixtures.ts';

interface Manifest {
  readonly compiler: string;
  readonly headers: readonly { readonly name: string; readonly sha256: string }[];
  readonly objects: readonly {
    readonly object: string;
    readonly source: string;
    readonly sourceSha256: string;
    readonly sha256: string;
  }[];
}

const OBJECTS = join(ROOT, 'fixtures/programs');
const manifest = JSON.parse(readFileSync(join(OBJECTS, 'MANIFEST.json'), 'utf8')) as Manifest;
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const filesBelow = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .sort();

describe('fixtures/programs', () => {
  it('holds the objects that its manifest lists, no more and no less', () => {
    expect(manifest.objects.map(({ object }) => object).sort()).toEqual(filesBelow(OBJECTS, '.o'));
  });

  it('has an object of every program', () => {
    const sources = filesBelow(join(ROOT, 'programs'), '.c').map((path) => `programs/${path}`);
    expect([...new Set(manifest.objects.map(({ source }) => source))].sort()).toEqual(sources);
  });

  it.each(manifest.objects)(
    '$object is what was compiled from $source',
    ({ object, sha256: hash, source, sourceSha256 }) => {
      expect(sha256(join(OBJECTS, object))).toBe(hash);
      expect(sha256(join(ROOT, source)), 'run npm run fixtures').toBe(sourceSha256);
    },
  );

  it.each(manifest.headers)('was compiled with this $name', ({ name, sha256: hash }) => {
    expect(sha256(join(ROOT, 'programs/include', name)), 'run npm run fixtures').toBe(hash);
  });
});
