/** openObject as a whole: programs and their properties, licence and version, names, notes, and the fixtures. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STB_LOCAL } from '../../src/elf/index.ts';
import { openObject } from '../../src/loader/index.ts';
import { EXIT, ObjectBuilder, refusal, setR0, simpleObject } from './object-builder.ts';

describe('the programs of an object', () => {
  it('are the functions outside .text, by section and place', () => {
    const object = new ObjectBuilder()
      .code('tc', [
        { name: 'second', insns: [setR0(0), EXIT] },
        { name: 'first', insns: [EXIT] },
      ])
      .code('.text', [{ name: 'helper', insns: [EXIT] }])
      .code('kprobe/sys_clone', [{ name: 'third', insns: [EXIT] }])
      .open();
    expect(object.programs.map(({ name, section }) => [name, section])).toEqual([
      ['second', 'tc'],
      ['first', 'tc'],
      ['third', 'kprobe/sys_clone'],
    ]);
  });

  it('have what their section name says', () => {
    const object = new ObjectBuilder()
      .code('?fentry.s/do_nanosleep', [{ name: 'a', insns: [EXIT] }])
      .code('my_section', [{ name: 'b', insns: [EXIT] }])
      .open();
    expect(object.programs).toMatchObject([
      {
        section: '?fentry.s/do_nanosleep',
        type: 26,
        attachType: 24,
        attachTarget: 'do_nanosleep',
        flags: 16,
        autoload: false,
      },
      { section: 'my_section', type: 0, attachType: 0, attachTarget: '', flags: 0, autoload: true },
    ]);
  });

  it.each<readonly [string, string, ObjectBuilder]>([
    [
      'static',
      'static-program',
      new ObjectBuilder().code('xdp', [{ name: 'p', insns: [EXIT], binding: STB_LOCAL }]),
    ],
    ['empty', 'corrupt-program', new ObjectBuilder().code('xdp', [{ name: 'p', insns: [EXIT], size: 0 }])],
    [
      'half an instruction',
      'corrupt-program',
      new ObjectBuilder().code('xdp', [{ name: 'p', insns: [EXIT], size: 4 }]),
    ],
    [
      'larger than their section',
      'program-outside-section',
      new ObjectBuilder().code('xdp', [{ name: 'p', insns: [EXIT], size: 16 }]),
    ],
  ])('cannot be %s', (_, code, builder) => {
    expect(refusal(builder)).toBe(code);
  });
});

describe('an object', () => {
  it('has its licence and version', () => {
    const builder = simpleObject().text('license', 'Dual BSD/GPL');
    builder.section('version', { data: [5, 15, 6, 0] });
    expect(builder.open()).toMatchObject({ license: 'Dual BSD/GPL', kernelVersion: 0x060f05 });
    expect(simpleObject().open()).toMatchObject({ license: '', kernelVersion: 0 });
  });

  it('has a version in its own byte order', () => {
    const builder = simpleObject('big');
    builder.section('version', { data: [0, 6, 15, 5] });
    expect(builder.open().kernelVersion).toBe(0x060f05);
  });

  it.each([
    ['an empty licence', 'license', [], 'bad-license'],
    ['a version of two bytes', 'version', [1, 2], 'bad-version'],
  ])('cannot have %s', (_, section, data, code) => {
    const builder = simpleObject();
    builder.section(section, { data });
    expect(refusal(builder)).toBe(code);
  });

  it.each([
    ['/tmp/dir.d/map_lookup_percpu_elem.bpf.o', 'map_lookup_perc'],
    ['prog.o', 'prog'],
    [undefined, 'object'],
  ])('opened as %s is called %s', (name, expected) => {
    expect(simpleObject().open(name === undefined ? {} : { name }).name).toBe(expected);
  });

  it('needs a symbol table', () => {
    const bytes = simpleObject().build();
    const view = new DataView(bytes.buffer);
    const table = Number(view.getBigUint64(40, true)) + 64 * (view.getUint16(60, true) - 2);
    view.setUint32(table + 4, 1, true);
    expect(() => openObject(bytes)).toThrow(expect.objectContaining({ code: 'no-symbols' }) as Error);
  });

  it('lists its sections with the number of relocations against them', () => {
    const object = new ObjectBuilder()
      .data('.bss', 8)
      .code('xdp', [{ name: 'p', insns: [{ ...setR0(0), opcode: 0x18 }, { ...setR0(0), opcode: 0 }, EXIT] }])
      .refer('xdp', 0, '.bss')
      .open();
    expect(object.sections.find((section) => section.name === 'xdp')).toMatchObject({
      index: 2,
      size: 24,
      relocations: 1,
    });
    expect(object.sections).toHaveLength(6);
  });

  it('passes over broken BTF that nothing needs, and says so', () => {
    const builder = simpleObject();
    builder.section('.BTF', { data: [1, 2, 3, 4, 5, 6, 7, 8] });
    const object = builder.open();
    expect(object.btf).toBeUndefined();
    expect(object.notes).toEqual([expect.stringContaining('type information is ignored')]);
    builder.section('.maps', { data: new Uint8Array(8) });
    expect(refusal(builder)).toBe('btf-magic');
  });
});

const FIXTURES = join(import.meta.dirname, '../../fixtures/programs');

function openFixture(path: string) {
  return openObject(readFileSync(join(FIXTURES, path)), { name: path });
}

describe('fixtures', () => {
  const paths = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.bpf.o'),
  );

  it.each(paths)('%s has programs of known types, all linked', (path) => {
    const object = openFixture(path);
    expect(object.programs.length).toBeGreaterThan(0);
    for (const program of object.programs) {
      expect(program.type).toBeGreaterThan(0);
      expect(program.linkError).toBeUndefined();
      expect(program.lineInfo.length).toBeGreaterThan(0);
    }
  });

  it.each(paths.filter((path) => path.includes('.be.')))('%s is like its little-endian twin', (path) => {
    const big = openFixture(path);
    const little = openFixture(path.replace('.be.', '.'));
    expect(big.byteOrder).toBe('big');
    expect(big.maps.map(({ initial: _, ...map }) => map)).toEqual(
      little.maps.map(({ initial: _, ...map }) => map),
    );
    expect(
      big.programs.map(({ name, section, type, subprogs }) => [name, section, type, subprogs.length]),
    ).toEqual(
      little.programs.map(({ name, section, type, subprogs }) => [name, section, type, subprogs.length]),
    );
    expect(big.programs.map((program) => program.references.map(({ kind }) => kind))).toEqual(
      little.programs.map((program) => program.references.map(({ kind }) => kind)),
    );
  });

  it('map_lookup_percpu_elem has the maps, globals and callback that its replay needs', () => {
    const object = openFixture('tracing/map_lookup_percpu_elem.bpf.o');
    expect(object.maps.map((map) => map.name)).toEqual([
      'percpu_array_map',
      'percpu_hash_map',
      'percpu_lru_hash_map',
      'map_look.rodata',
      'map_look.bss',
    ]);
    const [program] = object.programs;
    expect(program).toMatchObject({
      name: 'sysenter_getuid',
      attachTarget: 'syscalls/sys_enter_getuid',
      type: 5,
    });
    expect(program?.subprogs.length).toBeGreaterThan(1);
  });
});
