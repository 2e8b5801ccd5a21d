/** What the verifier is given for the programs of an object. */
import { describe, expect, it } from 'vitest';
import { BpfMapType, type BpfObject, LOG_LEVEL1, VerifierInputs, verify } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

/** A fixture's input. */
function inputOf(fixture: string, program: string, change?: (object: BpfObject) => void) {
  const object = openFixture(fixture);
  change?.(object);
  return new VerifierInputs(object).of(object.programs[program]!.spec);
}

describe('a program', () => {
  it('comes with the attributes of its section, its license, its types and records', () => {
    const input = inputOf('xdp/count_protocols', 'count_protocols');
    expect(input).toMatchObject({
      type: 6,
      attachType: 37,
      flags: 0,
      license: 'Dual MIT/GPL',
      attachBtfId: 0,
    });
    expect(input.functions?.[0]?.insn).toBe(0);
    expect(input.lines?.length).toBeGreaterThan(0);
    expect(input.btf).toBeDefined();
  });

  it('takes flags beside those of its section', () => {
    const object = openFixture('xdp/count_protocols');
    const { spec } = object.programs.count_protocols!;
    expect(new VerifierInputs(object).of(spec, { flags: 8 }).flags).toBe(8);
  });
});

describe('maps', () => {
  it('are named by descriptors, without any being made', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid');
    const loads = input.insns.filter((insn) => insn.opcode === 0x18 && (insn.src === 1 || insn.src === 2));
    expect(loads.length).toBeGreaterThan(3);
    for (const load of loads) expect(input.maps.has(load.imm)).toBe(true);
  });

  it('carry sizes as the user set them', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid', (object) => {
      object.maps.percpu_hash_map!.maxEntries = 77;
    });
    const map = [...input.maps.values()].find(({ type }) => type === BpfMapType.BPF_MAP_TYPE_PERCPU_HASH);
    expect(map).toMatchObject({ name: 'percpu_hash_map', maxEntries: 77 });
  });

  it('that are read-only are frozen with the variables as the user set them', () => {
    const input = inputOf('tracing/map_lookup_percpu_elem', 'sysenter_getuid', (object) => {
      object.rodata.my_pid = 0x01020304;
    });
    const frozen = [...input.maps.values()].filter((map) => map.frozen === true);
    expect(frozen).toHaveLength(1);
    expect([...(frozen[0]?.content ?? [])].join()).toContain('4,3,2,1');
  });

  it('of options hold the values that are given', () => {
    const object = openFixture('tracing/kconfig');
    const { spec } = object.programList[0]!;
    const hz = (value: number) => {
      const input = new VerifierInputs(object, { kconfig: { CONFIG_HZ: value } }).of(spec);
      return [...input.maps.values()].find((map) => map.name.endsWith('.kconfig'))?.content;
    };
    expect(hz(100)).not.toEqual(hz(1000));
    expect(hz(100)).toContain(100);
  });
});

describe('the result', () => {
  it('goes into the verifier', () => {
    const result = verify(inputOf('xdp/count_protocols', 'count_protocols'), { logLevel: LOG_LEVEL1 });
    expect(result.log).toMatch(/processed \d+ insns/);
    expect(result.verdict).toBe('accept');
  });
});
