// Debian packages for the scripts of this folder: is one there, and if not, install it.
import { execFileSync, spawnSync } from 'node:child_process';

/**
 * Runs a command and returns what it prints; its failure is this script's.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').ExecFileSyncOptionsWithStringEncoding} [options]
 */
export function run(command, args, options) {
  return execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
}

/** @param {string} name */
function isInstalled(name) {
  const asked = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  return asked.status === 0 && asked.stdout.includes('install ok installed');
}

/**
 * Makes sure that Debian packages are installed, with apt-get where they are not (needs root).
 * @param {string[]} names
 */
export function ensurePackages(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  console.error(`installing ${missing.join(' ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...missing], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
