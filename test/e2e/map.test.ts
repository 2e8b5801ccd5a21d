/** `bpflab map` and `bpflab run --dump-maps` as users run them. */
import { describe, expect, it } from 'vitest';
import { fixturePath } from '../fixtures.ts';
import { bpflab, json } from './cli.ts';

const GALLERY = fixturePath('xdp/map_gallery');
const SIZES = fixturePath('xdp/packet_sizes');
const RING = fixturePath('tracing/ringbuf_events');
const FRAME = '00'.repeat(20);

const parse = (text: string): unknown => JSON.parse(text);

describe('bpflab map', () => {
  it('lists maps with their ids', () => {
    const { stdout, status } = bpflab(['map', 'list', SIZES]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^1: percpu_array {2}name size_hist {2}flags 0x0\n\tkey 4B {2}value 8B {2}max_entries 16\n/,
    );
    const list = parse(bpflab(['map', 'list', SIZES, '--json']).stdout) as { name: string; type: string }[];
    expect(list.map(({ name, type }) => `${name} ${type}`)).toContain('latest queue');
    expect(parse(bpflab(['map', 'show', SIZES, 'totals', '--json']).stdout)).toMatchObject({
      type: 'array',
      name: 'totals',
      bytes_key: 4,
      bytes_value: 8,
      max_entries: 4,
    });
  });

  it('shows maps as load leaves them, and after a run if it is told to', () => {
    expect(bpflab(['map', 'dump', GALLERY, '.bss']).stdout).toMatch(/"x": 0,\n +"y": 0\n/);
    expect(bpflab(['map', 'dump', GALLERY, '.bss', '--run']).stdout).toMatch(/"x": -3,\n +"y": 4\n/);
    expect(
      parse(
        bpflab(['map', 'lookup', SIZES, 'totals', '0', '--data', FRAME, '--times', '2', '--json']).stdout,
      ),
    ).toEqual({
      key: ['0x00', '0x00', '0x00', '0x00'],
      value: ['0x28', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00'],
      formatted: { key: 0, value: 40 },
    });
  });

  it('dumps one map as an array, several with what they are', () => {
    const one = parse(
      bpflab(['map', 'dump', SIZES, 'size_hist', '--data', FRAME, '--json', '--cpus', '2']).stdout,
    );
    expect(one).toHaveLength(16);
    expect((one as unknown[])[4]).toEqual({
      key: ['0x04', '0x00', '0x00', '0x00'],
      values: [
        { cpu: 0, value: ['0x01', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00'] },
        { cpu: 1, value: ['0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00'] },
      ],
      formatted: {
        key: 4,
        values: [
          { cpu: 0, value: 1 },
          { cpu: 1, value: 0 },
        ],
      },
    });
    const all = parse(bpflab(['map', 'dump', SIZES, '--json']).stdout) as Record<string, unknown>[];
    expect(Object.keys(all[0]!)).toEqual(['id', 'type', 'name', 'flags', 'elements']);
  });

  it('draws histograms where there are some, on demand everywhere or nowhere', () => {
    const star = /16 -> 31 {9}: 1 {8}\|\*{40}\|/;
    expect(bpflab(['map', 'dump', SIZES, 'size_hist', '--data', FRAME]).stdout).toMatch(star);
    expect(
      bpflab(['map', 'dump', SIZES, 'size_hist', '--data', FRAME, '--plot', 'never']).stdout,
    ).not.toContain('*');
    expect(bpflab(['map', 'dump', SIZES, 'totals', '--data', FRAME]).stdout).not.toContain('*');
    expect(bpflab(['map', 'dump', SIZES, 'totals', '--data', FRAME, '--plot', 'linear']).stdout).toMatch(
      / 0 {10}: 20 /,
    );
  });

  it('shows the records of ring buffers', () => {
    const { stdout } = bpflab(['map', 'dump', RING, 'events', '--run']);
    expect(stdout).toMatch(/^record 0: 88 bytes\n(?:[\da-f]{2}[ \n]+){88}Found 1 record\n$/);
    const [record] = parse(bpflab(['map', 'dump', RING, 'events', '--run', '--json']).stdout) as {
      size: number;
    }[];
    expect(record).toMatchObject({ size: 88 });
  });

  it('looks keys up and walks them', () => {
    expect(bpflab(['map', 'getnext', SIZES, 'totals']).stdout).toBe('key: None\nnext key:\n00 00 00 00\n');
    expect(bpflab(['map', 'getnext', SIZES, 'totals', 'key', '1', '0', '0', '0']).stdout).toBe(
      'key:\n01 00 00 00\nnext key:\n02 00 00 00\n',
    );
    const last = bpflab(['map', 'getnext', SIZES, 'totals', '3']);
    expect(last.stderr).toMatch(/can't get next key: No such file or directory/);
    expect(last.status).toBe(1);
    const absent = bpflab(['map', 'lookup', SIZES, 'exact_size_dist_linear', '5']);
    expect(absent.stdout).toBe('key:\n05 00 00 00\n\nNot found\n');
    expect(absent.status).toBe(1);
    expect(bpflab(['map', 'lookup', SIZES, 'exact_size_dist_linear', '5', '--json']).stdout).toBe('null\n');
  });

  it('names maps as bpftool does, too', () => {
    const named = bpflab(['map', 'lookup', SIZES, 'name', 'totals', 'key', '1', '0', '0', '0']);
    expect(named.stdout).toMatch(/^\{\n {4}"key": 1,\n {4}"value": 0\n\}\n$/);
    expect(bpflab(['map', 'show', SIZES, 'id', '1']).stdout).toMatch(/^1: percpu_array {2}name size_hist /);
    expect(bpflab(['map', 'dump', SIZES, 'id', '77']).stderr).toMatch(/no map with id 77/);
    expect(bpflab(['map', 'dump', SIZES, 'totals', 'latest']).stderr).toMatch(/one map at a time/);
  });

  it.each([
    [['map'], /Usage: bpflab map/],
    [['map', 'frobnicate', SIZES], /unknown command 'frobnicate'/],
    [['map', 'dump'], /missing required argument 'object'/],
    [['map', 'dump', SIZES, 'nothing'], /has no map 'nothing'; it has size_hist/],
    [['map', 'lookup', SIZES, 'totals', 'key', '1'], /key expected 4 bytes got 1/],
    [['map', 'dump', SIZES, '--plot', 'pie'], /Allowed choices are auto, log2, linear, never/],
  ])('exits with 2 for wrong usage: %j', (args, message) => {
    const result = bpflab(args);
    expect(result.stderr).toMatch(message);
    expect(result.status).toBe(2);
  });
});

describe('bpflab run --dump-maps', () => {
  it('prints values of every kind of map, and histograms', () => {
    const { stdout } = bpflab(['run', SIZES, '--data', FRAME, '--times', '2', '--dump-maps']);
    expect(stdout).toMatch(/^latest \(queue\)\n {2}20\n {2}20\n/m);
    expect(stdout).toMatch(/^totals \(array\)\n {2}0: 40\n/m);
    expect(stdout).toMatch(/^ {2}devices\[0\]\.slots:\n {5}value /m);
    expect(bpflab(['run', SIZES, '--data', FRAME, '--dump-maps', '--plot', 'never']).stdout).not.toContain(
      '**',
    );
  });

  it('gives bpftool’s elements beside its own entries', () => {
    const { maps } = json(bpflab(['run', SIZES, '--data', FRAME, '--dump-maps', '--json'])) as {
      maps: { name: string; entries: unknown; elements: unknown }[];
    };
    expect(maps.find(({ name }) => name === 'exact_size_dist_linear')).toEqual({
      name: 'exact_size_dist_linear',
      type: 'hash',
      entries: [{ key: 20, value: 1 }],
      elements: [
        {
          key: ['0x14', '0x00', '0x00', '0x00'],
          value: ['0x01', '0x00', '0x00', '0x00'],
          formatted: { key: 20, value: 1 },
        },
      ],
    });
    expect(maps.find(({ name }) => name === 'latest')).toMatchObject({
      entries: null,
      elements: [{ formatted: { value: 20 } }],
    });
  });
});
