/** `bpflab run` asks the verifier first: what it says, what it refuses, and `--unsafe`. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/index.ts';
import { fixturePath } from '../fixtures.ts';
import { ObjectBuilder } from '../loader/object-builder.ts';
import { bpflab, json } from './cli.ts';

/** An object whose program reads a byte of the packet without asking where it ends. */
const BLIND_READ = new ObjectBuilder()
  .code('xdp', [{ name: 'blind', insns: assemble('r1 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r1 + 200)\nexit') }])
  .text('license', 'GPL')
  .build();

describe('an accepted program', () => {
  it('is said to be so ahead of the run', () => {
    const { stdout } = bpflab(['run', fixturePath('xdp/count_protocols')]);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'verified count_protocols: accepted, 44 insns, 3 states',
      'count_protocols (xdp, test run): returned 2 XDP_PASS',
    ]);
  });

  it('has its figures in --json', () => {
    const document = json(bpflab(['run', fixturePath('xdp/count_protocols'), '--json']));
    expect(document.verified).toEqual([
      { program: 'count_protocols', verdict: 'accept', insns: 44, states: 3 },
    ]);
  });
});

describe('a rejected program', () => {
  it('is not run; the message says why, where, and what to do', () => {
    const { status, stdout, stderr } = bpflab(['run', '-'], { input: BLIND_READ });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(
      'rejected blind [packet-out-of-bounds]: R1 offset is outside of the packet (EACCES)\n  at insn 1\n',
    );
    expect(stderr).toMatch(/bpflab verify --explain --prog blind/);
    expect(stderr).toMatch(/--unsafe/);
  });

  it('is one document in --json, with the log', () => {
    const result = bpflab(['run', '-', '--json'], { input: BLIND_READ });
    expect(result.status).toBe(1);
    expect(json(result)).toMatchObject({
      runs: [],
      verified: [
        {
          program: 'blind',
          verdict: 'reject',
          code: 'packet-out-of-bounds',
          errno: 13,
          last: 'R1 offset is outside of the packet',
          place: { insn: 1 },
          log: expect.stringContaining('invalid access to packet, off=200 size=1') as string,
        },
      ],
    });
  });
});

describe('--unsafe', () => {
  it('runs a rejected program until it goes wrong', () => {
    const long = bpflab(['run', '-', '--unsafe', '--data', '00'.repeat(256)], { input: BLIND_READ });
    expect(long.status).toBe(0);
    expect(long.stdout).toContain('verified blind: rejected [packet-out-of-bounds]');
    expect(long.stdout).toContain('blind (xdp, test run): returned 0');
    const short = bpflab(['run', '-', '--unsafe'], { input: BLIND_READ });
    expect(short.status).toBe(1);
    expect(short.stderr).toMatch(/fault \[invalid-read\]: program blind, insn 1/);
  });
});
