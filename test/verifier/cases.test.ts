/** Small programs of our own on which the kernel was asked: same verdict, same errno, same log at level 2 to the byte, times and addresses aside. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble, BpfMapType, BpfProgType, helperByName, type RawInsn } from '../../src/index.ts';
import { LOG_LEVEL2, LOG_STATS, type MapInfo, verify } from '../../src/verifier/index.ts';
import { ROOT } from '../fixtures.ts';

interface Case {
  readonly name: string;
  readonly program: readonly string[];
  readonly errno: number;
  readonly log: readonly string[];
}

const { cases } = JSON.parse(
  readFileSync(join(ROOT, 'fixtures/kernel-6.12/verifier-cases.json'), 'utf8'),
) as {
  readonly cases: readonly Case[];
};

const MAP_FD = 0;
const LD_IMM64 = 0x18;
const BPF_PSEUDO_MAP_FD = 1;

const map: MapInfo = {
  name: 'm',
  type: BpfMapType.BPF_MAP_TYPE_ARRAY,
  keySize: 4,
  valueSize: 8,
  maxEntries: 1,
  flags: 0,
};

/** Assembles a case; `MAP` stands for a reference to the map. */
function insnsOf({ program }: Case): RawInsn[] {
  const raws = assemble(program.join('\n').replace('MAP ll', `${MAP_FD} ll`), {
    resolveCall: (name) => {
      const helper = helperByName(name);
      return helper === undefined ? undefined : { kind: 'call-helper', id: helper.id };
    },
  });
  return raws.map((raw) => (raw.opcode === LD_IMM64 ? { ...raw, src: BPF_PSEUDO_MAP_FD } : raw));
}

function judge(one: Case) {
  return verify(
    {
      insns: insnsOf(one),
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags: 0,
      license: 'GPL',
      maps: new Map([[MAP_FD, map]]),
    },
    { logLevel: LOG_LEVEL2 | LOG_STATS },
  );
}

describe('a program that', () => {
  it.each(cases)('$name', (one) => {
    const result = judge(one);
    expect(result.failure?.errno ?? 0).toBe(one.errno);
    expect(result.verdict).toBe(one.errno === 0 ? 'accept' : 'reject');
    const log = result.log.replaceAll(/0xff[0-9a-f]{14}/g, '0xADDRESS').trimEnd();
    expect(log.split('\n')).toEqual(one.log);
  });
});

describe('with no log asked for', () => {
  it.each(cases)('the verdict on one that $name is the same', (one) => {
    const { failure } = verify({
      insns: insnsOf(one),
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags: 0,
      license: 'GPL',
      maps: new Map([[MAP_FD, map]]),
    });
    expect(failure?.errno ?? 0).toBe(one.errno);
  });
});
