/**
 * `npm run build`: dist/, in four steps.
 * 1. The library, by tsc: a module for a module, so that users' bundlers take only what they need.
 * 2. elfy for browsers. It asks for Node's `assert` and `util`; bundlers get a copy with stand-ins for both, by the `browser`
 *    field of package.json. Node.js loads elfy itself.
 * 3. The command line, bundled: most of a short run's time goes into finding and loading small modules. What its packages ask of
 *    Node.js and this command line never uses has stand-ins too, and what each start would compute alike is computed here.
 * 4. The licences of the packages that 2 and 3 took in.
 * Files are overwritten where they are, and what an earlier build left is removed last, so that whoever runs dist/ meanwhile
 * finds it whole.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');

/** As much of Node's modules as elfy 1.0.0 uses (node_modules/elfy/lib/elfy/parser.js). */
const STAND_INS = new Map([
  [
    'assert',
    `export function equal(actual, expected) {
      if (actual != expected) throw new Error('expected ' + expected + ', not ' + actual);
    }`,
  ],
  [
    'util',
    `export function inherits(child, parent) {
      Object.setPrototypeOf(child.prototype, parent.prototype);
    }`,
  ],
]);

/**
 * What costs milliseconds to load although nothing of it is used: commander would start other programs with it, chalk ask for the terminal
 * (colors.ts chooses the colours).
 */
const CLI_STAND_INS = new Map([
  ...STAND_INS,
  ['node:child_process', 'export {};'],
  ['#supports-color', 'export default { stdout: false, stderr: false };'],
]);

/** Modules whose one function gives the same bytes at every start: their names in dist/ and the functions'. */
const PRECOMPUTED = [
  { module: 'vm/loop/module', name: 'loopModule' },
  { module: 'kernel/load/kernel-types-bytes', name: 'kernelTypesBytes' },
];

/**
 * What most commands need goes into few files: for exec, for the others, for what verifies, for run. The rest follows
 * the commands that use it. A group takes in what its modules import, so exec's leaves out those that name the compiler.
 */
const CLI_CHUNKS = [
  {
    name: 'engine',
    test: /[\\/]src[\\/](base|vm[\\/](?!jit[\\/]|engines|index)|isa[\\/](?!asm[\\/])|cli[\\/](io|in-file))/,
  },
  {
    name: 'commander',
    test: /[\\/]cli[\\/](command-line|colors)|[\\/]node_modules[\\/](chalk|commander)[\\/]/,
  },
  { name: 'verifier', test: /[\\/]src[\\/]verifier[\\/](?!explain[\\/])/ },
  {
    name: 'kernel',
    test: /[\\/]src[\\/](?!cli[\\/]|verifier[\\/]explain[\\/]|isa[\\/]asm[\\/]|btf[\\/]c-|vm[\\/]jit[\\/])/,
  },
];

/** Paths that the build has written. @type {Set<string>} */
const written = new Set();
/** Folders of the packages that went into a bundle. @type {Set<string>} */
const bundled = new Set();

compileLibrary();
await bundleElfy();
await bundleCli();
writeLicences();
removeLeftovers();

/** Type errors fail the build, but only at its end: as tsc, it writes what it can. */
function compileLibrary() {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--listEmittedFiles'];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: ROOT });
  if (status !== 0) process.exitCode = 1;
  for (const line of stdout.split('\n')) {
    const [, path] = /^TSFILE: (.*)$/.exec(line.trim()) ?? [];
    if (path === undefined) {
      if (line !== '') console.error(line);
      continue;
    }
    written.add(resolve(path));
    if (path.endsWith('.d.ts')) nameJavaScript(path);
  }
}

/**
 * tsc rewrites './x.ts' to './x.js' in code but not in declarations; old compilers and other tools know only the latter.
 * @param {string} path
 */
function nameJavaScript(path) {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/(\bfrom |\bimport\()(['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1$2.js'));
}

async function bundleElfy() {
  const bundle = await rolldown({
    cwd: ROOT,
    // By its path: the name alone stands for what is being made here.
    input: createRequire(import.meta.url).resolve('elfy'),
    platform: 'browser',
    plugins: [standIns(STAND_INS)],
  });
  const output = await bundle.write({
    file: join(DIST, 'elf/elfy-browser.js'),
    format: 'es',
    comments: false,
  });
  note(join(DIST, 'elf'), output);
}

/**
 * @param {ReadonlyMap<string, string>} modules their code by the name that they are imported by
 * @returns {import('rolldown').Plugin}
 */
function standIns(modules) {
  return {
    name: 'stand-ins',
    resolveId: (id) => (modules.has(id) ? `\0${id}` : null),
    load: (id) => modules.get(id.slice(1)) ?? null,
  };
}

/**
 * Puts the bytes that the library just compiled gives in the place of what computes them.
 * @returns {Promise<import('rolldown').Plugin>}
 */
async function precomputed() {
  /** @type {Map<string, string>} */
  const code = new Map();
  for (const { module, name } of PRECOMPUTED) {
    /** @type {unknown} */
    const exports = await import(pathToFileURL(join(DIST, `${module}.js`)).href);
    const bytes = /** @type {Record<string, () => Uint8Array>} */ (exports)[name]?.();
    if (bytes === undefined) throw new Error(`${module} has no function ${name}`);
    const text = Buffer.from(bytes).toString('base64');
    code.set(
      join(ROOT, `src/${module}.ts`),
      `export function ${name}() { return new Uint8Array(Buffer.from('${text}', 'base64')); }`,
    );
  }
  return { name: 'precomputed', load: (id) => code.get(id) ?? null };
}

async function bundleCli() {
  const bundle = await rolldown({
    cwd: ROOT,
    input: 'src/cli/main.ts',
    platform: 'node',
    plugins: [standIns(CLI_STAND_INS), await precomputed()],
  });
  const output = await bundle.write({
    dir: join(DIST, 'cli'),
    // All in one folder, two below the package's: code in any chunk finds fixtures/ and package.json from there.
    chunkFileNames: '[name].js',
    format: 'es',
    comments: false,
    codeSplitting: { groups: CLI_CHUNKS },
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  note(join(DIST, 'cli'), output);
  const declaration = join(DIST, 'cli/main.d.ts');
  writeFileSync(declaration, 'export declare function main(argv: readonly string[]): Promise<number>;\n');
  written.add(declaration);
}

/**
 * @param {string} folder
 * @param {import('rolldown').RolldownOutput} result
 */
function note(folder, { output }) {
  for (const item of output) {
    written.add(join(folder, item.fileName));
    if (item.type !== 'chunk') continue;
    for (const id of item.moduleIds) {
      const [, name] = /[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id) ?? [];
      if (name !== undefined) bundled.add(name);
    }
  }
}

function writeLicences() {
  const parts = [...bundled].sort().map((name) => {
    const folder = join(ROOT, 'node_modules', name);
    const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
    const [, version = ''] = /"version": *"(.*?)"/.exec(manifest) ?? [];
    return `## ${name} ${version}\n\n${licenceOf(folder)}\n`;
  });
  const path = join(DIST, 'THIRD-PARTY-LICENSES.md');
  writeFileSync(path, `# Licences of the packages that dist/ contains\n\n${parts.join('\n')}`);
  written.add(path);
}

/**
 * The text of a package's licence: its licence file, or that section of its README.
 * @param {string} folder
 */
function licenceOf(folder) {
  const files = readdirSync(folder);
  const own = files.find((file) => /^licen[cs]e/i.test(file));
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8').trim();
  const readme = files.find((file) => /^readme/i.test(file)) ?? '';
  const [, section] = /^#+ licen[cs]e\s+(.*)$/ims.exec(readFileSync(join(folder, readme), 'utf8')) ?? [];
  if (section === undefined) throw new Error(`${relative(ROOT, folder)} has no licence text to ship`);
  return section.trim();
}

function removeLeftovers() {
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !written.has(path)) rmSync(path);
  }
}
