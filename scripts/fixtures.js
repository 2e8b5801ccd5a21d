// `npm run fixtures`: compiles programs/*/*.c to fixtures/programs with Debian's clang-19 and writes fixtures/programs/MANIFEST.json:
// compiler, flags, hashes.
// Same sources and compiler, same bytes: `npm run fixtures -- --check` compiles again and fails when anything differs.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensurePackages, run } from './debian.js';

const ROOT = dirname(import.meta.dirname);
const OUT = 'fixtures/programs';
// Paths in BTF line info stay relative, so that objects do not depend on where the project lies.
const FLAGS = ['-g', '-O2', '-mcpu=v3', '-Wall', '-Werror', '-fdebug-compilation-dir=.'];
// Compiled for big endian too: inspected and disassembled like the others, but not run.
const BIG_ENDIAN = new Set([
  'tracing/map_lookup_percpu_elem',
  'tracing/count_clone',
  'tracing/globals',
  'xdp/tail_parser',
]);

/** @param {string} path */
const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** @returns {{ source: string, object: string, target: string }[]} */
function jobs() {
  const folders = readdirSync(join(ROOT, 'programs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'include')
    .map((entry) => entry.name)
    .sort();
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, 'programs', folder))
      .filter((file) => file.endsWith('.c'))
      .sort()
      .flatMap((file) => {
        const name = `${folder}/${file.slice(0, -2)}`;
        const source = `programs/${name}.c`;
        const little = { source, object: `${name}.bpf.o`, target: 'bpfel' };
        const big = { source, object: `${name}.be.bpf.o`, target: 'bpfeb' };
        return BIG_ENDIAN.has(name) ? [little, big] : [little];
      }),
  );
}

/** @param {string} out where objects and manifest go */
function build(out) {
  const objects = jobs().map(({ source, object, target }) => {
    const path = join(out, object);
    mkdirSync(dirname(path), { recursive: true });
    run('clang-19', [...FLAGS, `--target=${target}`, '-c', source, '-o', path], {
      encoding: 'utf8',
      cwd: ROOT,
    });
    run('llvm-strip-19', ['-g', path]);
    return { object, source, target, sourceSha256: sha256(join(ROOT, source)), sha256: sha256(path) };
  });
  const compiler = run('clang-19', ['--version']).split('\n')[0];
  const headers = readdirSync(join(ROOT, 'programs/include')).sort();
  const manifest = {
    compiler,
    flags: FLAGS,
    strip: 'llvm-strip-19 -g',
    headers: headers.map((name) => ({ name, sha256: sha256(join(ROOT, 'programs/include', name)) })),
    objects,
  };
  writeFileSync(join(out, 'MANIFEST.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return objects.map(({ object }) => object).concat('MANIFEST.json');
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'bpflab-fixtures-'));
  try {
    const changed = build(fresh).filter(
      (name) => !readFileSync(join(fresh, name)).equals(readFileSync(join(ROOT, OUT, name))),
    );
    if (changed.length > 0) throw new Error(`regeneration changes ${changed.join(', ')}`);
    console.log('every fixture is what its source and compiler make of it');
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

ensurePackages(['clang-19', 'llvm-19']);
if (process.argv.includes('--check')) check();
else console.log(`${build(join(ROOT, OUT)).length - 1} objects in ${OUT}`);
