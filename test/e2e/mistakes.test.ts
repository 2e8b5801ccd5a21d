/** What people get wrong first, and what they are told: what was meant, what to do, and with `--json` a document all the same. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ElfWriter } from '../elf/elf-writer.ts';
import { fixture, fixturePath, ROOT } from '../fixtures.ts';
import { bpflab, json } from './cli.ts';

const COUNTER = fixturePath('xdp/count_protocols');
const REJECTED = fixturePath('rejected/missing_null_check');
const FOLDER = mkdtempSync(join(tmpdir(), 'bpflab mistakes ö '));

/** A file of its own for a test. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(FOLDER, name);
  writeFileSync(path, content);
  return path;
}

afterAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
});

describe('a misspelt word', () => {
  it.each([
    [['rnu', 'x.o'], "unknown command 'rnu'; did you mean 'run'?"],
    [['ver'], "unknown command 'ver'; did you mean 'verify'?"],
    [['help', 'verfy'], "unknown command 'verfy'; did you mean 'verify'?"],
    [['run', COUNTER, '--dump-map'], '(Did you mean --dump-maps?)'],
    [['run', COUNTER, '--prog', 'count_protocol'], "did you mean 'count_protocols'?"],
    [['verify', COUNTER, '--prog', 'count_protocol'], "did you mean 'count_protocols'?"],
    [['disasm', COUNTER, '--prog', 'count_protocol'], "did you mean 'count_protocols'?"],
    [['map', 'dump', COUNTER, 'packet_by_protocol'], "did you mean 'packets_by_protocol'?"],
    [['map', 'dmup', COUNTER], '(Did you mean dump?)'],
    [['run', fixturePath('xdp/tail_parser'), '--set', 'blocked_prot=1'], "did you mean 'blocked_port'?"],
    [['run', COUNTER, '--fire', 'getiud'], "did you mean 'getuid'?"],
  ])('%j is told which one was meant', (args, hint) => {
    const result = bpflab(args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(hint);
  });

  it('of no likeness is told where the list is', () => {
    expect(bpflab(['frobnicate']).stderr).toBe(
      "error: unknown command 'frobnicate'; bpflab --help lists them\n",
    );
  });
});

describe('a missing word', () => {
  it.each([
    [['run'], 'bpflab run --help'],
    [['map', 'dump'], 'bpflab map dump --help'],
    [['inspect', '--btf'], 'bpflab inspect --help'],
  ])('of %j is told which help says more', (args, hint) => {
    const result = bpflab(args);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain("missing required argument 'object'");
    expect(result.stderr).toContain(hint);
  });
});

describe('a file that is no BPF object', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['C', 'int main(void) { return 0; }', 'this is no ELF file'],
    ['nothing', '', 'the file is empty'],
    ['an object for this machine', elfForX86(), 'the file is for x86-64'],
  ])('%s is told how objects are made', (_, content, message) => {
    const result = bpflab(['run', file('prog.o', content)]);
    expect(result).toMatchObject({ status: 3, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).toContain('clang -g -O2 --target=bpf -c prog.c');
  });

  function elfForX86(): Uint8Array {
    const bytes = fixture('xdp/count_protocols').slice();
    bytes[18] = 62;
    bytes[19] = 0;
    return bytes;
  }
});

describe('nothing that runs', () => {
  const empty = file('empty.o', new ElfWriter().build());

  it.each(['run', 'verify', 'disasm'])('%s says that the object has no programs', (command) => {
    const result = bpflab([command, empty]);
    expect(result.status).toBe(0);
    expect(result.stderr).toMatch(/^note: .* has no programs: .*SEC\("xdp"\)\n$/);
  });

  it('is explained when no program waits for the event', () => {
    const result = bpflab(['run', COUNTER, '--fire', 'tp/sched/sched_switch']);
    expect(result.stdout).toContain('no program ran\n');
    expect(result.stderr).toBe(
      `note: no program waits for 'tp/sched/sched_switch': count_protocols is in SEC("xdp")\n`,
    );
  });
});

describe('--json', () => {
  it.each<[string, number, string, readonly string[]]>([
    ['a file that is not there', 3, 'ENOENT', ['run', 'nothing.o']],
    ['a missing argument', 2, 'wrong-usage', ['run']],
    ['an unknown option', 2, 'wrong-usage', ['disasm', COUNTER, '--frobnicate']],
    ['an unknown command', 2, 'wrong-usage', ['rnu']],
    ['a wrong value', 2, 'bad-argument', ['run', COUNTER, '--times', 'many']],
    ['an unknown program', 2, 'bad-argument', ['disasm', COUNTER, '--prog', 'x']],
    ['text that is no object', 3, 'elf-not-elf', ['inspect', '-']],
    ['text that is no program', 3, 'syntax', ['asm', '-']],
    ['text that is no bytecode', 3, 'bad-hex', ['exec']],
    ['an unknown selftest', 2, 'bad-argument', ['selftest', 'x']],
    ['bytes that are no packet', 1, 'EINVAL', ['run', COUNTER, '--data', 'ff']],
  ])('tells of %s on stdout, and on stderr as ever', (_, exitCode, code, args) => {
    const result = bpflab([...args, '--json'], { input: 'r0 == 1' });
    expect(result.status).toBe(exitCode);
    expect(json(result)).toMatchObject({ schemaVersion: 1, command: args[0], error: { code } });
    expect(result.stderr).toContain('error');
  });

  it('names the file that could not be read', () => {
    const { error, exitCode } = json(bpflab(['run', 'nothing.o', '--json']));
    expect(error).toEqual({ code: 'ENOENT', message: 'no such file or directory', file: 'nothing.o' });
    expect(exitCode).toBe(3);
  });

  it('gives verify one form of document, however many files it has', () => {
    const result = bpflab(['verify', 'nothing.o', '--json']);
    expect(result.status).toBe(3);
    expect(json(result)).toMatchObject({
      command: 'verify',
      programs: [],
      errors: [{ object: 'nothing.o' }],
    });
  });

  it.each([
    ['a map that there is not', ['dump', COUNTER, 'nothing']],
    ['a rejected program', ['dump', REJECTED, '--run']],
    ['a key that there is not', ['getnext', COUNTER, 'packets_by_protocol', '255']],
    ['an unknown command', ['frobnicate']],
  ])("of map tells of %s as bpftool's does", (_, args) => {
    const result = bpflab(['map', ...args, '--json']);
    expect(result.status).not.toBe(0);
    expect(json(result)).toEqual({ error: expect.any(String) as string });
  });

  it('calls an object the same whether it is rejected or run all the same', () => {
    const name = (args: readonly string[]): unknown =>
      json(bpflab(['run', REJECTED, '--json', ...args])).object;
    expect(name([])).toBe('missing_null_ch');
    expect(name(['--unsafe'])).toBe('missing_null_ch');
  });

  it('prints types as data', () => {
    const raw = json(bpflab(['inspect', COUNTER, '--btf', 'raw', '--json']));
    expect(raw.types).toContainEqual(expect.objectContaining({ kind: 'struct', name: 'xdp_md' }));
    expect(json(bpflab(['inspect', COUNTER, '--btf', 'c', '--json'])).c).toContain('struct xdp_md {');
  });
});

describe('pipes', () => {
  const shell = (script: string) => spawnSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' });

  it('keep the exit code when nobody reads what went wrong', () => {
    const { stdout } = shell(
      `node bin/bpflab.js run nothing.o 2>&1 >/dev/null | true; echo "\${PIPESTATUS[0]}"`,
    );
    expect(stdout).toBe('3\n');
  });

  it('give stdin once', () => {
    const result = bpflab(['verify', '-', '-'], { input: fixture('xdp/count_protocols') });
    expect(result.status).toBe(2);
    expect(result.stderr).toContain('stdin can be read only once');
  });

  it('bring exec its bytecode, or it says what is missing', () => {
    const result = bpflab(['exec']);
    expect(result).toMatchObject({ status: 3, stdout: '' });
    expect(result.stderr).toContain('stdin is empty');
  });
});

describe('paths', () => {
  it('may have blanks and letters beyond ASCII', () => {
    const path = file('zähl er.bpf.o', fixture('xdp/count_protocols'));
    expect(bpflab(['run', path])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('run', () => {
  it('shows what ran before a program faulted', () => {
    const result = bpflab(['run', fixturePath('xdp/tail_parser'), '--budget', '21', '--engine', 'interp']);
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^parse_ipv4 .*returned 2 XDP_PASS$/m);
    expect(result.stderr).toContain('within 21 instructions');
    expect(result.stderr).toContain('note: --budget N lets it run longer');
  });

  it('gives programs without an event of their own a context of zeros, all that they may read of it', () => {
    for (const name of ['filter_messages', 'track_connections', 'reshape_stream'])
      expect(bpflab(['run', fixturePath(`sockets/${name}`)])).toMatchObject({ status: 0, stderr: '' });
  });

  it('gives them the context that it is told', () => {
    const lookup = fixturePath('sockets/choose_socket');
    expect(bpflab(['run', lookup, '--prog', 'steer']).stderr).toContain('--ctx');
    const family = '0000000000000000' + '02000000' + '06000000' + '00'.repeat(56);
    const result = bpflab(['run', lookup, '--prog', 'steer', '--ctx', family]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toContain('steer (sk_lookup, test run): returned');
  });

  it('names the helper of a call that faulted', () => {
    const result = bpflab(['run', fixturePath('sockets/route_stream'), '--prog', 'route']);
    expect(result.stderr).toContain('call bpf_skb_pull_data#39');
  });
});

describe('inspect --btf', () => {
  it('takes the object behind it for the object', () => {
    expect(bpflab(['inspect', '--btf', COUNTER])).toEqual(bpflab(['inspect', COUNTER, '--btf']));
    expect(bpflab(['inspect', COUNTER, '--btf', 'd']).stderr).toContain("--btf takes c or raw, not 'd'");
  });
});
