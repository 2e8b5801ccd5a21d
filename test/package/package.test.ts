/**
 * The package as users get it: packed, installed in an empty folder from tarballs alone (no network), then run, imported,
 * type-checked and bundled for a page. It packs dist/ as it lies there: `npm test` builds first.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build, createLogger } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inSources } from '../../src/cli/source-lines.ts';
import { fixturePath, ROOT } from '../fixtures.ts';

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** `bpflab`, `bpflab/isa`, …: what users write to import the package's modules. */
const ENTRIES = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace('.', 'bpflab'));

/** elfy needs it; nothing else may come along. */
const INDIRECT = ['endian-reader'];

const WORK = mkdtempSync(join(tmpdir(), 'bpflab-package-'));
const APP = join(WORK, 'app');
const INSTALLED = join(APP, 'node_modules/bpflab');

const run = async (command: string, args: readonly string[], cwd = APP): Promise<string> =>
  (await promisify(execFile)(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 })).stdout;

const node = (...args: readonly string[]) => run(process.execPath, args);

const npm = (cwd: string, ...args: readonly string[]) =>
  run('npm', ['--offline', '--no-audit', '--no-fund', '--cache', join(WORK, 'cache'), ...args], cwd);

/** Writes files into the user's folder. */
function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(APP, name), text);
}

beforeAll(async () => {
  const needed = [...Object.keys(manifest.dependencies), ...INDIRECT];
  const folders = needed.map((name) => `./node_modules/${name}`);
  // Without scripts: they would build dist/ again, under the feet of other tests.
  await npm(ROOT, 'pack', '.', ...folders, '--ignore-scripts', '--pack-destination', WORK);
  const tarballs = readdirSync(WORK).filter((file) => file.endsWith('.tgz'));
  const tarball = (name: string): string =>
    `file:../${tarballs.find((file) => new RegExp(`^${name}-\\d`).test(file)) ?? ''}`;
  await run('mkdir', [APP], WORK);
  write({
    'package.json': JSON.stringify({
      name: 'consumer',
      private: true,
      type: 'module',
      dependencies: { bpflab: tarball('bpflab') },
      overrides: Object.fromEntries(needed.map((name) => [name, tarball(name)])),
    }),
  });
  await npm(APP, 'install');
}, 60_000);

afterAll(() => {
  rmSync(WORK, { recursive: true, force: true });
});

describe('the packed package', () => {
  it('holds the build, its sources and the documents, and no tests', () => {
    const files = readdirSync(INSTALLED, { recursive: true, encoding: 'utf8' });
    for (const file of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'bin/bpflab.js',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'dist/elf/elfy-browser.js',
      'dist/THIRD-PARTY-LICENSES.md',
      'src/index.ts',
      'fixtures/programs/tracing/map_lookup_percpu_elem.bpf.o',
    ])
      expect(files).toContain(file);
    expect([...new Set(files.map((file) => file.split('/')[0]))].sort()).toEqual([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'bin',
      'dist',
      'docs',
      'examples',
      'fixtures',
      'package.json',
      'programs',
      'src',
    ]);
    const tests = files.filter((file) => /\.test\.|tsbuildinfo|(^|\/)test\//.test(file));
    expect(tests.filter((file) => !file.startsWith('examples/'))).toEqual([]);
  });

  it('holds what its documents link to', () => {
    const documents = [
      'README.md',
      'CONTRIBUTING.md',
      ...readdirSync(join(INSTALLED, 'docs')).map((file) => `docs/${file}`),
    ];
    const links = documents.flatMap((document) =>
      [...readFileSync(join(INSTALLED, document), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(
        ([, target]) => join(INSTALLED, document, '..', target!),
      ),
    );
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('holds no file whose source is gone', () => {
    const below = (folder: string): string[] =>
      readdirSync(join(INSTALLED, folder), { recursive: true, encoding: 'utf8' });
    const sources = new Set(below('src').map((file) => file.replace(/\.ts$/, '')));
    const orphans = below('dist')
      .filter((file) => /\.(js|d\.ts)(\.map)?$/.test(file) && !file.startsWith('cli/'))
      .map((file) => file.replace(/\.(js|d\.ts)(\.map)?$/, ''))
      .filter((file) => !sources.has(file));
    expect(orphans).toEqual(['elf/elfy-browser']);
  });

  it('brings elfy and what elfy needs, nothing else', () => {
    const installed = readdirSync(join(APP, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.sort()).toEqual(['bpflab', ...Object.keys(manifest.dependencies), ...INDIRECT].sort());
  });

  it('carries the licences of the packages in its bundles', () => {
    const text = readFileSync(join(INSTALLED, 'dist/THIRD-PARTY-LICENSES.md'), 'utf8');
    const bundled = readdirSync(join(INSTALLED, 'dist/cli'))
      .filter((file) => file.endsWith('.js.map'))
      .flatMap((file) => {
        const { sources } = JSON.parse(readFileSync(join(INSTALLED, 'dist/cli', file), 'utf8')) as {
          sources: string[];
        };
        return sources.flatMap((source) => /\/node_modules\/([^/]+)/.exec(source)?.[1] ?? []);
      });
    expect(bundled).toContain('commander');
    for (const name of new Set(bundled))
      expect(text).toMatch(new RegExp(`^## ${name} \\d[^#]*Permission is hereby granted`, 'm'));
  });
});

describe('the installed command', () => {
  it('runs', async () => {
    const npx = (...args: readonly string[]) => npm(APP, 'exec', '--', 'bpflab', ...args);
    expect(await npx('selftest')).toMatch(/passed\n$/);
    expect(await npx('--version')).toBe(`${manifest.version}\n`);
    expect(await npx('run', fixturePath('xdp/count_protocols'))).toContain('returned 2 XDP_PASS');
  });

  it('has source maps that lead to its sources', () => {
    const file = join(INSTALLED, 'dist/cli/kernel.js');
    const lines = readFileSync(file, 'utf8').split('\n');
    const line = lines.findIndex((text) => text.startsWith('function readElf('));
    const trace = `Error: x\n    at readElf (${pathToFileURL(file).href}:${line + 2}:9)\n    at node:internal:3:4`;
    const source = readFileSync(join(INSTALLED, 'src/elf/read.ts'), 'utf8').split('\n');
    const declared = source.findIndex((text) => text.startsWith('export function readElf('));
    expect(inSources(trace)).toMatch(
      new RegExp(`^Error: x\n {4}at readElf \\(file:.*/src/elf/read\\.ts:${declared + 2}:\\d+\\)\n.*:3:4$`),
    );
  });
});

describe('the installed library', () => {
  it('is imported by every entry, and by no other path', async () => {
    write({
      'resolve.js': `
        const names = {};
        for (const entry of ${JSON.stringify(ENTRIES)}) names[entry] = Object.keys(await import(entry));
        await import('bpflab/dist/index.js').then(() => { names.inside = []; }, () => {});
        console.log(JSON.stringify(names));
      `,
    });
    const names = JSON.parse(await node('resolve.js')) as Record<string, string[]>;
    expect(Object.keys(names)).toEqual(ENTRIES);
    for (const entry of ENTRIES) expect(names[entry]).not.toEqual([]);
    expect(names.bpflab).toEqual(expect.arrayContaining(['BpfObject', 'Kernel']));
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types for module %s with moduleResolution %s', async (module, moduleResolution) => {
    write({
      'consumer.ts': `
        ${ENTRIES.map((entry, i) => `import * as entry${i} from '${entry}';`).join('\n')}
        import { BpfObject, Kernel, type ObjectSpec, VmFault } from 'bpflab';
        import { type ElfFile, readElf } from 'bpflab/elf';
        import { decodeProgram, type InsnList } from 'bpflab/isa';

        export const entries = [${ENTRIES.map((_, i) => `entry${i}`).join(', ')}];
        export const kernel: Kernel = new Kernel({ cpus: 2 });
        export const spec: ObjectSpec = BpfObject.open(new Uint8Array(0)).spec;
        export const file: ElfFile = readElf(new Uint8Array(0));
        export const insns: InsnList = decodeProgram([]);
        export const isFault = (error: unknown): error is VmFault => error instanceof VmFault;
        // @ts-expect-error -- were it any, this would compile
        export const notText: string = kernel;
      `,
      [`tsconfig.${moduleResolution}.json`]: JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          lib: ['es2023'],
          types: [],
          strict: true,
          // Our declarations are checked too.
          skipLibCheck: false,
          noEmit: true,
          module,
          moduleResolution,
        },
        files: ['consumer.ts'],
      }),
    });
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const compiled = node(tsc, '-p', `tsconfig.${moduleResolution}.json`).catch((error: unknown) =>
      error instanceof Error && 'stdout' in error ? error.stdout : error,
    );
    expect(await compiled).toBe('');
  });

  it('is bundled for a page without configuration and without a Node.js module', async () => {
    write({
      'index.html': '<!doctype html><script type="module" src="/page.js"></script>',
      'page.js': `
        ${ENTRIES.map((entry, i) => `import * as entry${i} from '${entry}';`).join('\n')}
        import { BpfObject, Kernel } from 'bpflab';
        globalThis.entries = [${ENTRIES.map((_, i) => `entry${i}`).join(', ')}];
        globalThis.runOn = (bytes, packet) => {
          const object = BpfObject.open(bytes);
          const kernel = new Kernel();
          kernel.load(object);
          return object.programs.count_protocols.testRun({ data: packet }).retval;
        };
      `,
      // Runs the page's script with what Node.js has beyond a browser taken away.
      'run-page.js': `
        import { readFileSync } from 'node:fs';
        const [, , script, object] = process.argv;
        const { log } = console;
        for (const name of ['process', 'Buffer', 'global', 'setImmediate']) delete globalThis[name];
        await import(script);
        log(entries.length, runOn(readFileSync(object), new Uint8Array(64)));
      `,
    });
    const said: string[] = [];
    const logger = createLogger();
    logger.info = () => undefined;
    for (const level of ['warn', 'warnOnce', 'error'] as const)
      logger[level] = (message) => {
        said.push(message);
      };
    const result = await build({
      root: APP,
      configFile: false,
      logLevel: 'warn',
      customLogger: logger,
      build: { minify: false, modulePreload: { polyfill: false } },
    });
    expect(said).toEqual([]);

    const outputs = 'output' in result ? result.output : [];
    const chunks = outputs.flatMap((item) => (item.type === 'chunk' ? [item] : []));
    const own = new Set(chunks.map((chunk) => chunk.fileName));
    expect(chunks.length).toBeGreaterThan(0);
    for (const chunk of chunks) {
      expect([...chunk.imports, ...chunk.dynamicImports].filter((name) => !own.has(name))).toEqual([]);
      expect(chunk.moduleIds.filter((id) => /browser-external|^node:|elfy\/lib/.test(id))).toEqual([]);
      expect(chunk.code).not.toMatch(/\brequire\(|['"]node:|from\s*['"](assert|util|buffer)['"]/);
    }
    const script = chunks.find((chunk) => chunk.isEntry)?.fileName ?? '';
    const page = pathToFileURL(join(APP, 'dist', script)).href;
    const object = fixturePath('xdp/count_protocols');
    expect(await node('run-page.js', page, object)).toBe(`${ENTRIES.length} 2\n`);
  });
});
