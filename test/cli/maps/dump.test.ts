/**
 * Dumps of maps, held against what bpftool of Linux 6.12 printed on that kernel after the same program had run there once on each of two CPUs
 * (bpftool/NAME.txt of `bpftool map dump`, NAME.json.txt of `bpftool -p map dump`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentOf } from '../../../src/cli/maps/content.ts';
import { parseKey } from '../../../src/cli/maps/key-words.ts';
import { type Json, plainJson, writeJson } from '../../../src/cli/render/json-writer.ts';
import { dumpJson, dumpText } from '../../../src/cli/render/map-dump.ts';
import { showJson, showText } from '../../../src/cli/render/map-show.ts';
import { type BpfObject, Kernel, type MapHandle } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';

function gallery(): BpfObject {
  const kernel = new Kernel({ cpus: 2 });
  const object = openFixture('xdp/map_gallery');
  kernel.load(object);
  for (const cpu of [0, 1]) object.programs.hang!.testRun({ cpu });
  return object;
}

const printed = (name: string): string => readFileSync(join(import.meta.dirname, 'bpftool', name), 'utf8');
const text = (object: BpfObject, map: MapHandle): string => dumpText(map, contentOf(object, map, []));
const json = (object: BpfObject, map: MapHandle): Json => dumpJson(map, contentOf(object, map, []));

/** Elements in any order: that of a hash map depends on its seed. */
const elements = (value: unknown): unknown[] =>
  (value as unknown[]).map((element) => JSON.stringify(element)).sort();

describe('map dump', () => {
  const object = gallery();

  it.each(['.data', '.rodata', '.bss', 'untyped', 'untyped_percpu', 'visitors'])(
    'prints %s as bpftool does',
    (name) => {
      const map = object.maps[name]!;
      const file = name.replace(/^\./, '');
      expect(text(object, map)).toBe(printed(`${file}.txt`));
      expect(`${writeJson(json(object, map), true)}\n`).toBe(printed(`${file}.json.txt`));
    },
  );

  it('prints structs with members of every kind as bpftool does', () => {
    const map = object.maps.exhibits!;
    expect(elements(plainJson(json(object, map)))).toEqual(
      elements(exactNumbers(printed('exhibits.json.txt'))),
    );
    // For people, numbers may be in hexadecimal: no JSON any more.
    const lines = (dump: string): string[] => dump.split('\n').sort();
    expect(lines(text(object, map))).toEqual(lines(printed('exhibits.txt')));
  });

  it('keeps every digit', () => {
    expect(writeJson(json(object, object.maps.exhibits!), false)).toContain('"large":18364758544493064720');
  });

  it('shows the ids of inner maps', () => {
    const { id } = object.maps.inner!.identity;
    expect(text(object, object.maps.wings!)).toBe(
      `key: 01 00 00 00  inner_map_id: ${id} \nFound 1 element\n`,
    );
    expect(plainJson(json(object, object.maps.wings!))).toMatchObject([{ inner_map_id: id }]);
  });

  it('shows call stacks by their frames, the innermost first', () => {
    const key = Uint8Array.of(7, 0, 0, 0);
    const value = new Uint8Array(32);
    new DataView(value.buffer).setBigUint64(0, 0xffffffff81000010n, true);
    new DataView(value.buffer).setBigUint64(8, 0x401000n, true);
    const content = { kind: 'stacks', elements: [{ key, value }], records: [], types: undefined } as const;
    expect(dumpText(object.maps.untyped!, content)).toBe(
      'stack 7:\n    0xffffffff81000010\n    0x0000000000401000\nFound 1 stack\n',
    );
  });

  it('leaves queues and stacks as they are', () => {
    const kernel = new Kernel();
    const sizes = openFixture('xdp/packet_sizes');
    kernel.load(sizes);
    for (const size of [14, 20, 33]) sizes.programs.count_size!.testRun({ data: new Uint8Array(size) });
    for (const round of [1, 2]) {
      const values = (map: MapHandle): unknown =>
        (plainJson(json(sizes, map)) as { formatted: { value: number } }[]).map(
          ({ formatted }) => formatted.value,
        );
      expect(values(sizes.maps.latest!), `round ${round}`).toEqual([14, 20, 33]);
      expect(values(sizes.maps.history!), `round ${round}`).toEqual([33, 20, 14]);
    }
  });

  /** Numbers beyond what JavaScript reads exactly become strings, as plainJson has them. */
  function exactNumbers(document: string): unknown {
    return JSON.parse(document.replaceAll(/: (\d{17,})/g, ': "$1"'));
  }
});

describe('map show', () => {
  const object = gallery();

  it('says what a map is', () => {
    const map = object.maps.exhibits!;
    const { id, btfId } = map.identity;
    expect(showText(map)).toBe(
      `${id}: hash  name exhibits  flags 0x0\n\tkey 8B  value 128B  max_entries 8\n\tbtf_id ${btfId}\n`,
    );
    expect(plainJson(showJson(map))).toEqual({
      id,
      type: 'hash',
      name: 'exhibits',
      flags: 0,
      bytes_key: 8,
      bytes_value: 128,
      max_entries: 8,
      frozen: 0,
      btf_id: btfId,
    });
  });

  it('tells which maps user space may write no more', () => {
    expect(showText(object.maps['.rodata']!)).toMatch(/\n\tbtf_id \d+ {2}frozen\n$/);
    expect(plainJson(showJson(object.maps['.rodata']!))).toMatchObject({ frozen: 1 });
    expect(plainJson(showJson(object.maps['.data']!))).toMatchObject({ frozen: 0 });
  });

  it('has no types to name where there are none', () => {
    expect(showText(object.maps.untyped!)).toMatch(
      /^\d+: array {2}name untyped {2}flags 0x0\n\tkey 4B .*\n$/,
    );
  });
});

describe('keys on the command line', () => {
  const { maps } = gallery();
  const key = (map: string, ...words: string[]): number[] => [...parseKey(maps[map]!, words)];

  it('are bytes as for bpftool', () => {
    expect(key('untyped', 'key', '1', '0x10', '0', '255')).toEqual([1, 16, 0, 255]);
    expect(key('untyped', 'key', 'hex', '10', 'ff', '0x0a', '0')).toEqual([16, 255, 10, 0]);
  });

  it('are values by type, or numbers where there is no type', () => {
    expect(key('exhibits', '{floor:', '1,', 'room: 2}')).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
    expect(key('visitors', '258')).toEqual([2, 1]);
    expect(key('untyped', '0x102')).toEqual([2, 1, 0, 0]);
    expect(key('untyped', '-1')).toEqual([255, 255, 255, 255]);
  });

  it.each([
    ['untyped', [], /needs a key/],
    ['untyped', ['key', '1'], /key expected 4 bytes got 1/],
    ['untyped', ['key', '1', '2', '3', '256'], /error parsing byte: 256/],
    ['untyped', ['key', 'hex', '1', '2', '3', 'xy'], /error parsing byte: xy/],
    ['untyped', ['abcdef'], /has 4 bytes/],
    ['exhibits', ['{floor: 1, door: 2}'], /is no key of map 'exhibits'/],
  ])('of %s: %j is none', (map, words, message) => {
    expect(() => key(map, ...words)).toThrow(message);
  });
});
