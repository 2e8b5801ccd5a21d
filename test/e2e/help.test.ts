/** The help of every command: it fits a terminal, and its examples run as they stand. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture, ROOT } from '../fixtures.ts';
import { bpflab } from './cli.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'bpflab-help-'));

/** The files that the examples name. */
const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'xdp.bpf.o': fixture('xdp/tail_parser'),
  'trace.bpf.o': fixture('tracing/map_lookup_percpu_elem'),
  'rejected.bpf.o': fixture('rejected/missing_null_check'),
  'packet.bin': new Uint8Array(60),
  'prog.s': 'r0 = 7\nexit\n',
  'prog.bin': Buffer.from('b7000000070000009500000000000000', 'hex'),
  'memory.bin': new Uint8Array(65536),
  bpflab: `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'bin/bpflab.js')}" "$@"\n`,
};

for (const [name, content] of Object.entries(FILES)) writeFileSync(join(FOLDER, name), content);
chmodSync(join(FOLDER, 'bpflab'), 0o755);

afterAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
});

const commands = readdirSync(join(ROOT, 'src/cli/commands')).map((file) => file.replace('.ts', ''));

/** The command lines of a help text, without what is said beside them. */
function examplesOf(help: string): readonly string[] {
  const [, part = ''] = /^Examples:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
  return [...part.matchAll(/^ {2}((?:bpflab|echo) .*?)(?: {3,}.*)?$/gm)].map(([, line]) => line!);
}

describe.each(['', ...commands])('bpflab %s --help', (command) => {
  const help = bpflab([...(command === '' ? [] : [command]), '--help']).stdout;
  const examples = examplesOf(help);

  it('fits a terminal of 80 columns', () => {
    expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  it.each(examples)('%s', (line) => {
    const env = { ...process.env, PATH: `${FOLDER}${delimiter}${process.env.PATH ?? ''}` };
    const result = spawnSync('bash', ['-o', 'pipefail', '-c', line], {
      cwd: FOLDER,
      encoding: 'utf8',
      env,
    });
    // What rejected.bpf.o is for.
    const rejects = line.includes('rejected.bpf.o');
    expect({ status: result.status, stdout: result.stdout !== '' }).toEqual({
      status: rejects ? 1 : 0,
      stdout: !line.includes(' -o '),
    });
  });
});
