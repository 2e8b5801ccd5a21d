/** Runs the real command line in a process of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../fixtures.ts';

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `node bin/bpflab.js …args`, without colour unless `env` asks for it. */
export function bpflab(
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly env?: Readonly<Record<string, string>> } = {},
): CliResult {
  const { FORCE_COLOR: _, NO_COLOR: __, ...env } = process.env;
  const run = spawnSync(process.execPath, [join(ROOT, 'bin/bpflab.js'), ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...env, ...options.env },
    maxBuffer: 1 << 26,
  });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}

/** The document that a command with `--json` printed. */
export function json(result: CliResult): Record<string, unknown> {
  return JSON.parse(result.stdout) as Record<string, unknown>;
}
