/** `bpflab verify` as users run it: verdicts, tables as veristat's, raw programs, comparisons, exit codes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixturePath } from '../fixtures.ts';
import { bpflab, json } from './cli.ts';

const COUNT = fixturePath('xdp/count_protocols');
const TAIL = fixturePath('xdp/tail_parser');

/** Stores the frame's first byte without asking whether there is one, then what a hash map may not have. */
const RAW = `name good
type 6
insns b700000002000000 9500000000000000

name past the end
type 6
insns 6112000000000000 7120000000000000 9500000000000000

name null
map 1 8 8 16 0
insns 7a0af8ff00000000 bfa2000000000000 07020000f8ffffff 1811000000000000 0000000000000000 8500000001000000 7900000000000000 9500000000000000
`;

const FIELDS = [
  'object',
  'program',
  'section',
  'type',
  'verdict',
  'errno',
  'code',
  'last',
  'insns',
  'states',
  'peakStates',
  'markRead',
  'microseconds',
];

interface Row {
  readonly program: string;
  readonly [field: string]: unknown;
}

const programs = (result: ReturnType<typeof bpflab>): Row[] => json(result).programs as Row[];

let folder = '';
let raw = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bpflab-verify-'));
  raw = join(folder, 'mixed.prog');
  writeFileSync(raw, RAW);
  writeFileSync(join(folder, 'broken.o'), 'no object');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('bpflab verify', () => {
  it('says that Linux accepts each program of an object', () => {
    const result = bpflab(['verify', TAIL]);
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines)
      expect(line).toMatch(
        /^parse_\w+ \(xdp\): accepted, processed \d+ insns, \d+ states \(peak \d+\) in \d+ us$/,
      );
  });

  it('verifies only what is asked for', () => {
    expect(bpflab(['verify', TAIL, '--prog', 'parse_udp']).stdout).toMatch(/^parse_udp .*\n$/);
    const wrong = bpflab(['verify', TAIL, '--prog', 'parse_tcp']);
    expect(wrong.stderr).toMatch(/no program 'parse_tcp'; did you mean 'parse_udp'\?/);
    expect(wrong.status).toBe(2);
  });

  it('prints the log of the kernel between the marks of libbpf', () => {
    const { stdout } = bpflab(['verify', COUNT, '--log-level', '3']);
    const [, log = ''] = /^-- BEGIN PROG LOAD LOG --\n(.*)-- END PROG LOAD LOG --$/ms.exec(stdout) ?? [];
    expect(log).toMatch(/^0: R1=ctx\(\) R10=fp0$/m);
    expect(log).toMatch(/^0: \(\w\w\) .* ; R\d/m);
    expect(log).toMatch(
      /\nprocessed \d+ insns \(limit 1000000\) max_states_per_insn \d+ total_states \d+ peak_states \d+ mark_read \d+\n$/,
    );
    expect(bpflab(['verify', COUNT, '--log-level', '4']).stdout).toMatch(
      /^verification time \d+ usec\nstack depth \d+\nprocessed/m,
    );
  });

  it('gives the same fields for each program as JSON', () => {
    const result = bpflab(['verify', COUNT, '--json']);
    expect(json(result)).toMatchObject({ schemaVersion: 1, command: 'verify', errors: [] });
    const [row] = programs(result);
    expect(Object.keys(row!)).toEqual(FIELDS);
    expect(row).toMatchObject({
      object: 'count_protocols.bpf.o',
      program: 'count_protocols',
      section: 'xdp',
      type: 'xdp',
      verdict: 'accept',
      errno: 0,
      code: '',
      last: '',
    });
    const [logged] = programs(bpflab(['verify', COUNT, '--json', '--log-level', '1']));
    expect(Object.keys(logged!)).toEqual([...FIELDS, 'log']);
    expect(logged!.log).toMatch(/^processed /m);
  });

  it('has a table for several files, sorted and filtered as by veristat', () => {
    const result = bpflab([
      'verify',
      TAIL,
      COUNT,
      '--sort',
      'prog',
      '--filter',
      '!/parse_udp',
      '--filter',
      'insns>1',
    ]);
    expect(result.status).toBe(0);
    const lines = result.stdout.trimEnd().split('\n');
    expect(lines.slice(0, 3)).toEqual([
      "Processing 'tail_parser.bpf.o'...",
      "Processing 'count_protocols.bpf.o'...",
      expect.stringMatching(/^File +Program +Verdict +Duration \(us\) +Insns +States +Peak states$/),
    ]);
    expect(lines.slice(4, -2).map((line) => line.split(/ +/).slice(0, 3))).toEqual([
      ['count_protocols.bpf.o', 'count_protocols', 'success'],
      ['tail_parser.bpf.o', 'parse_ethernet', 'success'],
      ['tail_parser.bpf.o', 'parse_ipv4', 'success'],
    ]);
    expect(lines.at(-1)).toBe('Done. Processed 2 files, 3 programs. Skipped 0 files, 1 programs.');
  });

  it('compares with an earlier run', () => {
    const before = JSON.parse(bpflab(['verify', TAIL, '--json']).stdout) as {
      programs: Record<string, unknown>[];
    };
    before.programs = before.programs.filter(({ program }) => program !== 'parse_udp');
    for (const row of before.programs) if (row.program === 'parse_ipv4') row.verdict = 'reject';
    const old = join(folder, 'old.json');
    writeFileSync(old, JSON.stringify(before));

    const { stdout, status } = bpflab(['verify', TAIL, '--compare', old]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/parse_ethernet +success +success +MATCH .* \+0 \(\+0\.00%\)/);
    expect(stdout).toMatch(/parse_ipv4 +failure +success +MISMATCH/);
    expect(stdout).toMatch(/parse_udp +N\/A +success +N\/A/);

    const changed = bpflab(['verify', TAIL, '--compare', old, '--filter', 'verdict_diff=mismatch', '--json']);
    expect(json(changed)).toMatchObject({
      programs: [{ program: 'parse_ipv4' }],
      comparison: [{ a: { verdict: 'reject' }, b: { verdict: 'accept' } }],
    });
  });

  it('goes on after a file that it cannot read, and says so with its exit code', () => {
    const result = bpflab(['verify', join(folder, 'broken.o'), COUNT]);
    expect(result.stderr).toMatch(/broken\.o: error \[elf-/);
    expect(result.stdout).toMatch(/count_protocols +success/);
    expect(result.stdout).toMatch(/Done\. Processed 1 files, 1 programs\. Skipped 1 files/);
    expect(result.status).toBe(3);

    const missing = bpflab(['verify', '/nonexistent.o', COUNT, '--json']);
    expect(json(missing)).toMatchObject({
      programs: [{ program: 'count_protocols' }],
      errors: [{ object: 'nonexistent.o', code: 'ENOENT' }],
    });
    expect(missing.status).toBe(3);
  });

  it('refuses big-endian objects, as the reference kernel does', () => {
    const result = bpflab(['verify', fixturePath('xdp/tail_parser.be')]);
    expect(result.stderr).toMatch(/wrong-byte-order/);
    expect(result.status).toBe(3);
  });

  it.each([
    [['verify'], /name an object file/],
    [['verify', COUNT, '--sort', 'weight'], /no figure 'weight'/],
    [['verify', COUNT, '--filter', 'insns>many'], /'many' is no whole number/],
    [['verify', COUNT, '--log-level', '8'], /--log-level takes a whole number from 0 to 7/],
    [['verify', COUNT, '--prog-flags', 'FAST'], /takes a number or BPF_F_STRICT_ALIGNMENT/],
  ])('exits with 2 for wrong usage: %j', (args, message) => {
    const result = bpflab(args);
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(2);
  });

  it('names the file of types that are none', () => {
    const result = bpflab(['verify', COUNT, '--btf', raw]);
    expect(result.stderr).toMatch(/mixed\.prog: error \[btf-magic\]/);
    expect(result.status).toBe(3);
  });
});

describe('bpflab verify --raw', () => {
  it('gives a line a program, with what a kernel answers', () => {
    const result = bpflab(['verify', '--raw', raw]);
    expect(result.status).toBe(1);
    expect(result.stdout.split('\n')).toEqual([
      'good: accept err 0 processed 2 insns total_states 0 peak_states 0 mark_read 0',
      'past the end: reject err -13 processed 2 insns total_states 0 peak_states 0 mark_read 0: R2 offset is outside of the packet',
      expect.stringMatching(
        /^null: reject err -13 processed 6 insns .*: R0 invalid mem access 'map_value_or_null'$/,
      ),
      '',
    ]);
  });

  it('gives the fields of any program as JSON', () => {
    const result = bpflab(['verify', '--raw', raw, '--json', '--prog', 'null']);
    expect(result.status).toBe(1);
    const [row] = programs(result);
    expect(Object.keys(row!)).toEqual(FIELDS);
    expect(row).toMatchObject({
      object: 'mixed.prog',
      section: '',
      type: 'socket_filter',
      verdict: 'reject',
      errno: 13,
      last: "R0 invalid mem access 'map_value_or_null'",
    });
    expect(row!.code).toMatch(/^[a-z-]+$/);
  });

  it('shows where and why beside the end of the log', () => {
    const { stdout, status } = bpflab(['verify', '--raw', raw, '--prog', 'null', '--log-level', '1']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^R0 invalid mem access 'map_value_or_null'\nprocessed 6 insns/m);
  });

  it('refuses what the kernel refuses ahead of its verifier', () => {
    const { stdout, status } = bpflab(['verify', '--raw', '-'], {
      input: `name type\ntype 99\ninsns b700000000000000 9500000000000000\n
name flags\nflags 1024\ninsns b700000000000000 9500000000000000\n
name attach\ntype 18\ninsns b700000000000000 9500000000000000\n
name map\nmap 1 0 8 16 0\ninsns 1811000000000000 0000000000000000 b700000000000000 9500000000000000\n`,
    });
    expect(status).toBe(1);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^type: reject err -22 processed 0 insns/),
      expect.stringMatching(/^flags: reject err -22 processed 0 insns/),
      expect.stringMatching(/^attach: reject err -22 processed 0 insns/),
      expect.stringMatching(/^map: reject err -9 .*: fd -22 is not pointing to valid bpf_map$/),
      '',
    ]);
  });

  it('explains rejections in plain words, as text and as data', () => {
    const { stdout, status } = bpflab(['verify', '--raw', raw, '--prog', 'null', '--explain']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^The result of a map lookup is used without a NULL check\.$/m);
    expect(stdout).toMatch(/^Where\n {2}insn 6: r0 = /m);
    const [row] = programs(bpflab(['verify', '--raw', raw, '--prog', 'null', '--explain', '--json']));
    expect(row!.explanation).toMatchObject({ place: { insn: 6 }, failure: { code: row!.code } });
    const table = bpflab(['verify', '--raw', raw, '--raw', raw, '--explain', '--filter', '/null']).stdout;
    expect(table).toMatch(/^mixed\.prog\/null:\nThe result of a map lookup/m);
  });

  it('names the line of what it cannot read', () => {
    const result = bpflab(['verify', '--raw', '-'], { input: 'name x\n\ninsns 95\n' });
    expect(result.stderr).toMatch(/line 3: 1 bytes are not a whole number/);
    expect(result.status).toBe(3);
  });
});
