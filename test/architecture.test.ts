/** The table of docs/architecture.md, "who may import whom", and the bans of the core, checked against the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(import.meta.dirname);
const SRC = join(ROOT, 'src');

interface SourceFile {
  /** Path below src/. */
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
}

const files: SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    return { path, text, ast: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true) };
  });

/** The folder below src/ that a file belongs to; src/index.ts is a folder of its own, `index`. */
function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : path.replace(/\.ts$/, '');
}

/** Rows of the import table: folder to what it may import. */
function readTable(): Map<string, Set<string>> {
  const rows = new Map<string, Set<string>>();
  const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
  const table = page.slice(page.indexOf('| folder | owns | may import |')).split('\n\n')[0] ?? '';
  for (const line of table.split('\n')) {
    const cells = /^\| ([a-z]+) \| .* \| ([^|]+) \|$/.exec(line);
    if (cells?.[1] === undefined || cells[2] === undefined || cells[1] === 'folder') continue;
    const allowed = cells[2] === 'nothing' ? [] : cells[2].split(',').map((word) => word.trim());
    rows.set(cells[1], new Set(allowed));
  }
  return rows;
}

/** Every module specifier of a file: imports, re-exports and dynamic imports. */
function importsOf(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const named =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier : undefined;
    const dynamic =
      ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : undefined;
    const specifier = named ?? dynamic;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(file.ast);
  return found;
}

/** What a specifier means in the table: a folder of src/, `node:*`, or a package name. */
function targetOf(file: SourceFile, specifier: string): string {
  if (specifier.startsWith('node:')) return 'node:*';
  if (!specifier.startsWith('.')) return specifier;
  return folderOf(relative(SRC, resolve(SRC, dirname(file.path), specifier)));
}

/** Identifiers that a file uses as values or types: without comments, property names and names it declares. */
function identifiersOf(file: SourceFile): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    const isName = 'name' in node.parent && node.parent.name === node;
    if (ts.isIdentifier(node) && (!isName || ts.isShorthandPropertyAssignment(node.parent)))
      found.add(node.text);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file.ast, visit);
  return found;
}

const table = readTable();

describe('the import table of docs/architecture.md', () => {
  it('has a row for every folder, and no row without one', () => {
    expect([...new Set(files.map((file) => folderOf(file.path)))].sort()).toEqual([...table.keys()].sort());
  });

  it.each(files.map((file) => [file.path, file] as const))('is kept by %s', (_, file) => {
    const own = folderOf(file.path);
    const forbidden = importsOf(file)
      .map((specifier) => targetOf(file, specifier))
      .filter((target) => target !== own && !table.get(own)?.has(target));
    expect(forbidden).toEqual([]);
  });

  it('allows nothing that imports back: the verifier and the vm stay apart, and no row is on a cycle', () => {
    expect(table.get('verifier')?.has('vm')).toBe(false);
    expect(table.get('vm')?.has('verifier')).toBe(false);
    const reaches = (from: string, to: string): boolean =>
      [...(table.get(from) ?? [])].some((next) => next === to || reaches(next, to));
    expect([...table.keys()].filter((folder) => reaches(folder, folder))).toEqual([]);
  });
});

describe("the table of the kernel's folders", () => {
  it('has a row for every folder, and no row without one', () => {
    const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const rows =
      page.slice(page.indexOf('| folder of kernel | owns |')).split('\n\n')[0]?.split('\n').slice(2) ?? [];
    const folders = files
      .map(({ path }) => path.split('/'))
      .filter(([top, , name]) => top === 'kernel' && name !== undefined);
    expect(rows.map((row) => row.split('|')[1]?.trim()).sort()).toEqual(
      [...new Set(folders.map(([, folder]) => folder))].sort(),
    );
  });
});

describe('modules', () => {
  it('have no import cycles', () => {
    const edges = new Map(
      files.map((file) => [
        file.path,
        importsOf(file)
          .filter((specifier) => specifier.startsWith('.') && specifier.endsWith('.ts'))
          .map((specifier) => relative(SRC, resolve(SRC, dirname(file.path), specifier))),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
      done.add(path);
    };
    for (const path of edges.keys()) walk(path, []);
    expect(cycles).toEqual([]);
  });

  const bans: readonly { readonly names: readonly string[]; readonly allowed: readonly string[] }[] = [
    { names: ['WebAssembly'], allowed: ['vm'] },
    { names: ['Date', 'performance'], allowed: ['cli'] },
    { names: ['Buffer', 'process', '__dirname', 'require'], allowed: ['cli'] },
    { names: ['eval', 'Function'], allowed: [] },
  ];

  it.each(bans)('use $names only in $allowed', ({ names, allowed }) => {
    const users = files
      .filter((file) => !allowed.includes(folderOf(file.path)))
      .filter((file) => names.some((name) => identifiersOf(file).has(name)))
      .map((file) => file.path);
    expect(users).toEqual([]);
  });

  it('take randomness from the Kernel, outside the CLI', () => {
    const users = files.filter(
      (file) => folderOf(file.path) !== 'cli' && /\bMath\s*\.\s*random\b/.test(file.text),
    );
    expect(users.map((file) => file.path)).toEqual([]);
  });
});
