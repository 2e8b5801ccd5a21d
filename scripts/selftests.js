// `npm run selftests`: replays the kernel's own test_map_lookup_percpu_elem: installs Debian's clang-19, libbpf headers and kernel
// source, compiles the program as the kernel's Makefile does, and runs `bpflab selftest` on that object. Nothing of it is committed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensurePackages, run } from './debian.js';

const ROOT = dirname(import.meta.dirname);
const CACHE = join(ROOT, '.cache/selftests');
const SELFTEST = 'test_map_lookup_percpu_elem';
const SOURCE = `tools/testing/selftests/bpf/progs/${SELFTEST}.c`;
const UAPI = 'tools/include/uapi';
// libbpf's headers of Debian's stable release know every helper that the program calls.
const PACKAGES = ['clang-19', 'libbpf-dev', 'linux-source-6.12', 'xz-utils'];
const CPU_COUNTS = [1, 2, 8, 64];

/** Unpacks what is needed of Debian's kernel source; returns where it is. */
function unpackSource() {
  const linux = join(CACHE, 'linux');
  if (existsSync(join(linux, SOURCE))) return linux;
  const archive = readdirSync('/usr/src').find((name) => /^linux-source-6\.12\.tar\.xz$/.test(name));
  if (archive === undefined) throw new Error('linux-source-6.12 left no archive in /usr/src');
  mkdirSync(linux, { recursive: true });
  const wanted = [SOURCE, UAPI].map((path) => `linux-source-6.12/${path}`);
  run('tar', ['xf', join('/usr/src', archive), '-C', linux, '--strip-components=1', ...wanted]);
  return linux;
}

/** @param {string} linux */
function compile(linux) {
  const include = join(CACHE, 'include');
  mkdirSync(include, { recursive: true });
  // Of the running kernel's types the program needs only integers and map type numbers, which the UAPI headers have.
  writeFileSync(join(include, 'vmlinux.h'), '#include <linux/types.h>\n#include <linux/bpf.h>\n');
  const object = join(CACHE, `${SELFTEST}.bpf.o`);
  const includes = [include, join(linux, UAPI)].map((path) => `-I${path}`);
  const system = ['/usr/include', '/usr/include/x86_64-linux-gnu'].flatMap((path) => ['-idirafter', path]);
  run('clang-19', [
    '-g',
    '-O2',
    '--target=bpfel',
    '-mcpu=v3',
    ...includes,
    ...system,
    '-c',
    join(linux, SOURCE),
    '-o',
    object,
  ]);
  return object;
}

ensurePackages(PACKAGES);
const object = compile(unpackSource());
const results = CPU_COUNTS.map((cpus) => {
  const args = ['selftest', 'map_lookup_percpu_elem', '--cpus', `${cpus}`, '--object', object];
  return spawnSync(process.execPath, [join(ROOT, 'bin/bpflab.js'), ...args], { stdio: 'inherit' }).status;
});
if (results.some((status) => status !== 0)) process.exitCode = 1;
