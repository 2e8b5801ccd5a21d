/** The command line as users run it: results on stdout, diagnostics on stderr, exit codes, JSON, pipes. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ethernet, ipv4, packet, toHex, udp } from '../../src/index.ts';
import { fixture, fixturePath, ROOT } from '../fixtures.ts';
import { bpflab, json } from './cli.ts';

const TAIL_PARSER = fixturePath('xdp/tail_parser');
const MANIFEST = join(ROOT, 'package.json');

describe('bpflab', () => {
  it('lists its commands and prints its version', () => {
    const help = bpflab(['--help']);
    expect(help.status).toBe(0);
    for (const name of ['run', 'verify', 'map', 'inspect', 'disasm', 'asm', 'selftest', 'exec'])
      expect(help.stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(bpflab(['--version']).stdout).toBe(`${version}\n`);
  });

  it.each([
    [[], /Usage: bpflab/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['run'], /missing required argument 'object'/],
    [['run', '--frobnicate', 'x'], /unknown option '--frobnicate'/],
    [['run', TAIL_PARSER, '--times', 'many'], /--times takes a whole number/],
    [['run', TAIL_PARSER, '--prog', 'nothing'], /no program 'nothing'.*'parse_udp'/],
    [['run', TAIL_PARSER, '--set', 'nothing=1'], /no variable 'nothing'; it has blocked_port/],
    [['selftest', 'nothing'], /no selftest 'nothing'/],
    [['exec', '--engine', 'warp'], /no engine 'warp'; there are interp, jit, auto/],
    [['inspect', TAIL_PARSER, 'another.o'], /too many arguments for 'inspect'/],
    [['run', TAIL_PARSER, '--data', 'xyz'], /--data takes hexadecimal bytes or @FILE/],
    [['bench-exec', 'p.bin', 'm.bin', 'many', '1', '1'], /N takes a whole number/],
    [['exec', '--budget', 'much'], /--budget takes a count, not 'much'/],
    [['run', TAIL_PARSER, '--engine', 'warp'], /Allowed choices are interp, jit, auto/],
    [['run', fixturePath('tracing/globals'), '--set', 'mode=MODE_X'], /--set mode=MODE_X: .*MODE_COUNT/],
    [['run', fixturePath('tracing/globals'), '--set', 'limits={low: 1'], /it ends too early/],
    [['run', fixturePath('tracing/walk_map'), '--map', 'balances[x]=1'], /--map balances\[x\]=1: /],
  ])('exits with 2 for wrong usage: %j', (args, message) => {
    const result = bpflab(args);
    expect(result.status).toBe(2);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(message);
  });

  it.each([
    ['a file that is not there', ['inspect', '/nonexistent.o'], '', /^\/nonexistent.o: error \[ENOENT\]/],
    ['a folder', ['verify', ROOT], '', /^\/.*: error \[EISDIR\]/],
    ['types that are none', ['run', TAIL_PARSER, '--btf', MANIFEST], '', /package.json: error \[btf-magic\]/],
    [
      'an earlier result that is none',
      ['verify', TAIL_PARSER, '--compare', MANIFEST],
      '',
      /package.json: error/,
    ],
    ['a file that is no object', ['inspect', '-'], 'not an ELF file', /elf/i],
    ['half an object', ['run', '-'], fixture('xdp/tail_parser').subarray(0, 3000), /offset 0x/],
    ['bytecode that is no hexadecimal', ['exec'], 'zz', /'z' is not a hexadecimal digit/],
    ['an unknown opcode', ['exec'], 'ff00000000000000', /insn 0/],
    ['assembler text that is none', ['asm', '-'], 'r0 = 1\nr1 := 2\nexit\n', /line 2/],
  ])('exits with 3 for %s', (_, args, input, message) => {
    const result = bpflab(args, { input });
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(3);
    expect(result.stdout).toBe('');
  });

  it('uses colour only where it is wanted', () => {
    const args = ['selftest', '--cpus', '2'];
    expect(bpflab(args).stdout).not.toContain('\u001b[');
    expect(bpflab(args, { env: { FORCE_COLOR: '1' } }).stdout).toContain('\u001b[');
    expect(bpflab(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }).stdout).not.toContain('\u001b[');
  });

  it('shows the help of a command by its name', () => {
    expect(bpflab(['help', 'verify'])).toEqual(bpflab(['verify', '--help']));
  });

  it('waits for input that comes late', () => {
    const script = `(sleep 0.3; cat "${TAIL_PARSER}") | "${process.execPath}" bin/bpflab.js inspect -`;
    const result = spawnSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toContain('parse_udp');
  });

  it('ends quietly when the reader of its output goes away', () => {
    const script = `"${process.execPath}" bin/bpflab.js inspect --btf c "${fixturePath('tracing/globals')}" | head -n 1; exit "\${PIPESTATUS[0]}"`;
    const result = spawnSync('bash', ['-c', script], { cwd: ROOT, encoding: 'utf8' });
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
  });
});

describe('bpflab selftest', () => {
  it.each([1, 2, 8, 64])('replays map_lookup_percpu_elem on %i CPUs', (cpus) => {
    const result = bpflab(['selftest', 'map_lookup_percpu_elem', '--cpus', `${cpus}`, '--json']);
    expect(result.status).toBe(0);
    const sum = `${(cpus * (cpus - 1)) / 2}`;
    expect(json(result)).toMatchObject({
      schemaVersion: 1,
      command: 'selftest',
      tests: [
        {
          name: 'map_lookup_percpu_elem',
          cpus,
          ok: true,
          checks: Array.from({ length: 3 }, () => ({ actual: sum, expected: sum })),
        },
      ],
    });
  });

  it('prints a table', () => {
    expect(bpflab(['selftest', 'map_lookup_percpu_elem', '--cpus', '8']).stdout).toContain(
      [
        'MAP                  SUM  EXPECTED',
        'percpu_array_map      28        28  ok',
        'percpu_hash_map       28        28  ok',
        'percpu_lru_hash_map   28        28  ok',
        '',
        'passed',
      ].join('\n'),
    );
  });
});

describe('bpflab run', () => {
  const frame = packet(ethernet(), ipv4(), udp({ dport: 9 }), 'x');

  it('runs one program of several', () => {
    const result = bpflab(['run', TAIL_PARSER, '--prog', 'parse_ethernet', '--data', toHex(frame)]);
    expect(result.stdout).toBe(
      [
        'verified parse_ipv4: accepted, 33 insns, 3 states',
        'verified parse_udp: accepted, 26 insns, 2 states',
        'verified parse_ethernet: accepted, 31 insns, 2 states',
        'parse_ethernet (xdp, test run): returned 1 XDP_DROP',
        '',
      ].join('\n'),
    );
    expect(result.status).toBe(0);
  });

  it('runs every program of an object, packets from hexadecimal text', () => {
    const result = bpflab(['run', TAIL_PARSER, '--data', toHex(frame), '--dump-maps']);
    expect(result.status).toBe(0);
    expect(result.stdout).toContain('parse_ethernet (xdp, test run): returned 1 XDP_DROP');
    expect(result.stdout).toMatch(/^reached \(array\)\n {2}0: 1\n {2}1: 2\n {2}2: 3$/m);
  });

  it('fires the event that a section names, with variables and entries set', () => {
    const result = bpflab([
      'run',
      fixturePath('tracing/map_lookup_percpu_elem'),
      '--cpus=3',
      '--pid=77',
      '--set=my_pid=77',
      '--set=nr_cpus=3',
      '--map=percpu_array_map[0]=[1, 2, 0xff]',
      '--dump-maps',
      '--json',
    ]);
    expect(result.stderr).toBe('');
    expect(json(result)).toMatchObject({
      runs: [{ program: 'sysenter_getuid', event: 'tp/syscalls/sys_enter_getuid', retval: 0, times: 1 }],
    });
    const { maps } = json(result) as {
      maps: { name: string; entries: { key: unknown; value: unknown }[] }[];
    };
    const bss = maps.find((map) => map.name.endsWith('.bss'));
    expect(bss?.entries).toContainEqual({ key: 'percpu_array_elem_sum', value: '258' });
  });

  it('shows what programs print and send', () => {
    const clone = bpflab(['run', fixturePath('tracing/count_clone'), '--times', '2']);
    expect(clone.stdout).toMatch(/bpf_trace_printk: sys_clone called 1 times\n.*called 2 times\n/);
    const ring = bpflab(['run', fixturePath('tracing/ringbuf_events')]);
    expect(ring.stdout).toMatch(/^events: 88 bytes [0-9a-f]{176}$/m);
  });

  it('reads iterators to their end, those of map elements for each map', () => {
    const object = fixturePath('iter/dump');
    const { status, stdout } = bpflab(['run', object]);
    expect(status).toBe(0);
    expect(stdout).toContain('\ntasks (tracing, read):\n  1000 1000 bpflab\n');
    expect(stdout).toContain('\nagain (tracing, read of slots):\n  0\n  1\n  2\n');
    expect(stdout).toContain('\nagain (tracing, read of counts): nothing\n');
    const { runs } = json(bpflab(['run', object, '--prog', 'elements', '--map', 'slots[1]=[5]', '--json']));
    expect(runs).toContainEqual({
      event: 'read of slots',
      program: 'elements',
      type: 'tracing',
      text: '0: 0\n1: 5\n2: 0\nend at 2\n',
      data: toHex(new TextEncoder().encode('0: 0\n1: 5\n2: 0\nend at 2\n')),
    });
  });

  it('says when an event reached no program', () => {
    const result = bpflab(['run', fixturePath('tracing/text'), '--fire', 'tp/sched/sched_switch']);
    expect(result.status).toBe(0);
    expect(result.stdout).toContain('no program ran');
  });

  it('says that an event is none', () => {
    const result = bpflab(['run', fixturePath('tracing/count_clone'), '--fire', 'nonsense/x']);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/'nonsense\/x' is no event/);
  });

  it('refuses to run big-endian objects', () => {
    const result = bpflab(['run', fixturePath('tracing/globals.be')]);
    expect(result.status).toBe(3);
    expect(result.stderr).toMatch(/big-endian/);
  });
});

describe('bpflab inspect', () => {
  it('shows programs, maps, variables, sections and relocations', () => {
    const { stdout, status } = bpflab(['inspect', TAIL_PARSER]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/little-endian, licence "GPL", BTF with \d+ types/);
    for (const part of ['Programs', 'Maps', 'Variables', 'Sections', 'Relocations'])
      expect(stdout).toContain(`\n${part}\n`);
    expect(stdout).toMatch(/^stages +\.maps +prog_array +4 +4 +3/m);
    expect(stdout).toMatch(/R_BPF_64_64 +stages$/m);
  });

  it('says the same of both byte orders', () => {
    const inspect = (name: string) => json(bpflab(['inspect', fixturePath(name), '--json']));
    const [little, big] = [inspect('tracing/globals'), inspect('tracing/globals.be')];
    expect(big).toMatchObject({ byteOrder: 'big', license: 'Dual MIT/GPL' });
    const names = (body: Record<string, unknown>) =>
      (body.programs as { name: string; insns: number }[]).map(({ name, insns }) => [name, insns]);
    expect(names(big)).toEqual(names(little));
  });

  it('prints the types as C', () => {
    const { stdout } = bpflab(['inspect', '--btf', 'c', fixturePath('tracing/ringbuf_events')]);
    expect(stdout).toMatch(/struct event \{\n\t__u32 pid;/);
  });
});

describe('bpflab disasm and asm', () => {
  it('shows instructions with their source lines, of both byte orders', () => {
    for (const name of ['tracing/count_clone', 'tracing/count_clone.be']) {
      const { stdout } = bpflab(['disasm', fixturePath(name)]);
      expect(stdout).toContain('count_clone: ; section kprobe/sys_clone');
      expect(stdout).toMatch(
        /; struct clone_count \*element = bpf_map_lookup_elem\(&clone_counts, &key\); @ count_clone\.c:\d+/,
      );
      expect(stdout).toMatch(/\(85\) call bpf_map_lookup_elem#1$/m);
      expect(stdout).toContain('map[clone_counts]');
    }
  });

  it('draws control flow, a graph a function, with names of maps and helpers', () => {
    const { stdout, status } = bpflab(['disasm', fixturePath('tracing/map_lookup_percpu_elem'), '--dot']);
    expect(status).toBe(0);
    expect(stdout.match(/^digraph "\w+" \{$/gm)).toEqual([
      'digraph "sysenter_getuid" {',
      'digraph "add_element_of_cpu" {',
    ]);
    expect(stdout).toContain('bpf_loop#181');
    expect(stdout).toContain('map[percpu_array_map]');
    expect(stdout).toMatch(/b0 -> b\d+ \[label="taken"\]/);
  });

  it('assembles text to bytes that exec runs', () => {
    const { stdout } = bpflab(['asm', '-'], { input: 'r0 = *(u64 *)(r1 + 0)\nr0 += r2\nexit\n' });
    expect(stdout).toBe('7910000000000000\n0f20000000000000\n9500000000000000\n');
    expect(bpflab(['exec', '01 00 00 00 00 00 00 80'], { input: stdout }).stdout).toBe('8000000000000009\n');
  });
});

describe('bpflab exec', () => {
  const exec = (text: string, args: readonly string[] = []) =>
    bpflab(['exec', ...args], { input: bpflab(['asm', '-'], { input: text }).stdout });

  it('gives r1 and r2, zero without memory', () => {
    expect(exec('r0 = r1\nr0 |= r2\nexit').stdout).toBe('0\n');
    expect(exec('r0 = r2\nexit', ['aa bb\ncc']).stdout).toBe('3\n');
    expect(exec('r0 = *(u8 *)(r1 + 1)\nexit', ['aabb', '--engine', 'interp']).stdout).toBe('bb\n');
    expect(exec('r0 = r1\nexit', ['--engine', 'interp']).stdout).toBe('0\n');
  });

  it('has helper 5, which returns its first argument', () => {
    expect(exec('r1 = 0x1122334455667788 ll\ncall 5\nexit').stdout).toBe('1122334455667788\n');
  });

  it('calls helpers by number through a register, in both encodings of callx', () => {
    expect(exec('r1 = 7\nr2 = 5\ncallx r2\nexit').stdout).toBe('7\n');
    const old = 'b701000007000000b7020000050000008d000000020000009500000000000000';
    expect(bpflab(['exec'], { input: old }).stdout).toBe('7\n');
  });

  it.each(['interp', 'jit', 'auto'])('gives the same results with --engine %s', (engine) => {
    const text = 'r0 = 0\nl: r0 += r2\nr2 += -1\nif r2 != 0 goto l\nexit';
    expect(exec(text, ['00112233', '--engine', engine]).stdout).toBe('a\n');
    const fault = exec('r0 = *(u32 *)(r1 + 2)\nexit', ['00112233', '--engine', engine]);
    expect(fault.stderr).toMatch(/invalid-read.*reaching 2 bytes past the end of context 'memory'/s);
    expect(exec('r1 = 7\nr2 = 5\ncallx r2\nexit', ['--engine', engine]).stdout).toBe('7\n');
    expect(exec('l: goto l', ['--engine', engine, '--budget', '1000']).stderr).toMatch(/budget-exhausted/);
  });

  it('fails with the reason on faults', () => {
    const past = exec('r0 = *(u32 *)(r1 + 6)\nexit', ['0011223344556677']);
    expect(past.status).toBe(1);
    expect(past.stdout).toBe('');
    expect(past.stderr).toMatch(
      /invalid-read.*reaching 2 bytes past the end of context 'memory' \(8 bytes\)/s,
    );
    expect(exec('l: goto l', ['--budget', '1000']).stderr).toMatch(/budget-exhausted/);
    expect(exec('call 6\nexit').stderr).toMatch(/unknown-helper/);
  });
});
