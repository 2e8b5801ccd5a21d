/** What a short run loads: each of these costs milliseconds at every start, and is easily loaded again without anybody noticing. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelTypesBytes } from '../../src/kernel/load/kernel-types-bytes.ts';
import { loopModule } from '../../src/vm/loop/module.ts';
import { fixturePath, ROOT } from '../fixtures.ts';

const COUNTER = fixturePath('xdp/count_protocols');
const DIST = join(ROOT, 'dist/cli');

/** Node's own modules that a run has loaded when it ends. */
function builtins(...args: readonly string[]): readonly string[] {
  const report =
    "process.once('exit', () => process.getBuiltinModule('fs').writeSync(3, process.moduleLoadList.join()))";
  const { output, status } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(report)}`, join(ROOT, 'bin/bpflab.js'), ...args],
    { encoding: 'utf8', input: '9500000000000000', stdio: ['pipe', 'pipe', 'pipe', 'pipe'] },
  );
  expect(status).toBe(0);
  return output[3]!.split(',').map((entry) => entry.replace('NativeModule ', ''));
}

/** The files that a file of the bundle loads, itself among them, without what it loads only when it is asked for. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const code = readFileSync(join(DIST, file), 'utf8');
  for (const [, other] of code.matchAll(/^import\b[^;]*?["']\.\/([\w-]+\.js)["'];$/gm))
    loadedWith(other!, seen);
  return seen;
}

describe('a short run', () => {
  it.each([['run', COUNTER], ['verify', COUNTER], ['exec']])(
    'of %s loads none of the modules of Node.js that it does not use',
    (...args) => {
      const loaded = builtins(...args);
      expect(loaded).toContain('fs');
      for (const name of ['child_process', 'net', 'tty', 'os', 'assert', 'v8'])
        expect(loaded).not.toContain(name);
    },
  );

  it('of exec loads the interpreter alone', () => {
    expect([...loadedWith('exec.js')].sort()).toEqual(['engine.js', 'exec.js']);
    expect(readFileSync(join(DIST, 'engine.js'), 'utf8')).not.toContain('src/vm/jit/');
  });

  it('of run leaves what explains and what assembles alone', () => {
    const loaded = loadedWith('run.js');
    expect(loaded).toContain('kernel.js');
    for (const file of ['why.js', 'asm.js', 'verify.js', 'map.js']) expect(loaded).not.toContain(file);
  });
});

describe('what the build computes for every start', () => {
  const bundled = (file: string): string => readFileSync(join(DIST, file), 'utf8');

  it('is what the sources give', () => {
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    expect(bundled('engine.js')).toContain(base64(loopModule()));
    expect(bundled('kernel.js')).toContain(base64(kernelTypesBytes()));
  });

  it('replaces what computes it', () => {
    expect(bundled('engine.js')).not.toContain('src/vm/loop/arithmetic.ts');
    expect(bundled('kernel.js')).not.toContain('src/kernel/load/kernel-types-data.ts');
  });
});
