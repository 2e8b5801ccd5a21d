/** readElf: what a well-formed object says, in both byte orders, and the error for every way in which a file is broken. */
import { describe, expect, it } from 'vitest';
import { ElfError } from '../../src/base/errors.ts';
import {
  EM_NONE,
  findSection,
  readElf,
  readRelocations,
  SHF_EXECINSTR,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_SYMTAB,
  STB_WEAK,
  STT_FUNC,
  STT_SECTION,
  STV_HIDDEN,
} from '../../src/elf/index.ts';
import { ElfWriter } from './elf-writer.ts';

/** An object with code, a .bss before its data, symbols and two relocations. */
function sample(order: 'little' | 'big' = 'little'): ElfWriter {
  const writer = new ElfWriter(order);
  const code = writer.section('xdp', { flags: SHF_EXECINSTR, data: new Array<number>(16).fill(0x95) });
  writer.section('.bss', { type: SHT_NOBITS, size: 32 });
  const data = writer.section('.data', { data: [1, 2, 3, 4] });
  writer.symbol('', { type: STT_SECTION, binding: 0, section: data });
  writer.symbol('drop', {
    type: STT_FUNC,
    section: code,
    value: 8,
    size: 8,
    binding: STB_WEAK,
    visibility: STV_HIDDEN,
  });
  writer.relocate(code, 0, 1, 1);
  writer.relocate(code, 8, 2, 10);
  return writer;
}

/** The error that reading `bytes` ends in. */
function failure(bytes: Uint8Array): ElfError {
  try {
    readElf(bytes);
  } catch (error) {
    if (error instanceof ElfError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

/** A copy of `bytes` with some of them replaced. */
function patched(bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
}

/** Offset of a section's header in a little-endian file. */
function headerOf(bytes: Uint8Array, name: string): number {
  const section = findSection(readElf(bytes), name);
  if (section === undefined) throw new Error(`no section ${name}`);
  return Number(new DataView(bytes.buffer).getBigUint64(40, true)) + 64 * section.index;
}

describe.each(['little', 'big'] as const)('a %s-endian object', (order) => {
  const file = readElf(sample(order).build());

  it('has its byte order, machine and sections', () => {
    expect(file.byteOrder).toBe(order);
    expect(file.machine).toBe(247);
    expect(file.sections.map((section) => section.name)).toEqual([
      '',
      'xdp',
      '.bss',
      '.data',
      '.relxdp',
      '.symtab',
      '.strtab',
    ]);
  });

  it('has types, flags, sizes, alignment, entry sizes and content as written', () => {
    expect(findSection(file, 'xdp')).toMatchObject({ type: SHT_PROGBITS, flags: SHF_EXECINSTR, size: 16 });
    expect(findSection(file, '.symtab')).toMatchObject({
      type: SHT_SYMTAB,
      entrySize: 24,
      alignment: 8,
      size: 72,
    });
    expect([...(findSection(file, '.data')?.data ?? [])]).toEqual([1, 2, 3, 4]);
  });

  it('gives a section without content its size and no bytes', () => {
    expect(findSection(file, '.bss')).toMatchObject({ type: SHT_NOBITS, size: 32, data: new Uint8Array(0) });
  });

  it('has its symbols; a section symbol takes the name of its section', () => {
    expect(file.symbols).toHaveLength(3);
    expect(file.symbols[1]).toMatchObject({ name: '.data', type: STT_SECTION, binding: 0, section: 3 });
    expect(file.symbols[2]).toEqual({
      index: 2,
      name: 'drop',
      type: STT_FUNC,
      binding: STB_WEAK,
      visibility: STV_HIDDEN,
      section: 1,
      value: 8,
      size: 8,
    });
  });

  it('has its relocations', () => {
    const section = findSection(file, '.relxdp');
    expect(section?.info).toBe(1);
    expect(section && readRelocations(file, section)).toEqual([
      { offset: 0, symbol: 1, type: 1 },
      { offset: 8, symbol: 2, type: 10 },
    ]);
  });
});

describe('readElf', () => {
  const good = sample().build();

  it('accepts machine 0, which compilers wrote before BPF had a number', () => {
    const writer = sample();
    writer.machine = EM_NONE;
    expect(readElf(writer.build()).machine).toBe(0);
  });

  it('reads a view in the middle of a larger buffer', () => {
    const framed = new Uint8Array(good.length + 20);
    framed.set(good, 10);
    expect(readElf(framed.subarray(10, 10 + good.length))).toEqual(readElf(good));
  });

  it('gives views into the file, not copies', () => {
    expect(findSection(readElf(good), '.data')?.data.buffer).toBe(good.buffer);
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'elf-not-elf', 0],
    ['text', Uint8Array.from('#!/bin/sh', (c) => c.charCodeAt(0)), 'elf-not-elf', 0],
    ['only the magic number', good.slice(0, 16), 'elf-truncated', 16],
    ['a 32-bit file', patched(good, 4, 1), 'elf-not-64-bit', 4],
    ['an unknown byte order', patched(good, 5, 3), 'elf-byte-order', 5],
    ['an unknown version', patched(good, 6, 2), 'elf-version', 6],
    ['an x86-64 object', patched(good, 18, 62), 'elf-not-bpf', 18],
    ['an executable', patched(good, 16, 2), 'elf-not-relocatable', 16],
    ['program headers that are not there', patched(good, 54, 56, 0, 0xff, 0xff), 'elf-truncated', 0],
    ['no section table', patched(good, 40, 0, 0, 0, 0, 0, 0, 0, 0), 'elf-no-sections', 40],
    ['a section table past the end', patched(good, 40, 0, 0, 0, 1), 'elf-truncated', 1 << 24],
    ['a 64-bit table offset', patched(good, 40, 0, 0, 0, 0, 0, 0, 0, 0xff), 'elf-truncated', 40],
    ['section headers of another size', patched(good, 58, 40), 'elf-section-table', 58],
    ['more sections than are read', patched(good, 60, 0xff, 0xff), 'elf-section-table', 60],
    ['names in a section that is no string table', patched(good, 62, 1), 'elf-section-names', 62],
    ['names in a section that does not exist', patched(good, 62, 0xff, 0xff), 'elf-section-names', 62],
  ])('refuses %s', (_, bytes, code, offset) => {
    const error = failure(bytes);
    expect([error.code, error.place.offset]).toEqual([code, offset]);
  });

  it('refuses a file cut anywhere', () => {
    for (let length = 0; length < good.length; length++)
      expect(failure(good.slice(0, length))).toBeInstanceOf(ElfError);
  });

  it('refuses a section name outside the string table', () => {
    const error = failure(patched(good, headerOf(good, 'xdp'), 0xff, 0xff, 0xff, 0x7f));
    expect(error.code).toBe('elf-string');
    expect(error.message).toContain('section 1');
  });

  it('refuses a section that leaves the file, but not one without content', () => {
    expect(failure(patched(good, headerOf(good, '.data') + 32, 0, 0, 1)).code).toBe('elf-truncated');
    expect(readElf(patched(good, headerOf(good, '.bss') + 24, 0, 0, 0, 1)).sections).toHaveLength(7);
  });

  it('refuses sections without content that claim more memory than a program can use', () => {
    expect(failure(patched(good, headerOf(good, '.bss') + 32, 0, 0, 0, 5)).code).toBe('elf-nobits-size');
  });

  it('refuses sections that overlap, which would make much work and memory out of few bytes', () => {
    const bytes = good.slice();
    for (const name of ['xdp', '.data']) {
      const offset = findSection(readElf(good), name)?.offset ?? 0;
      new DataView(bytes.buffer).setBigUint64(headerOf(good, name) + 32, BigInt(good.length - offset), true);
    }
    expect(failure(bytes).code).toBe('elf-overlap');
  });

  it('refuses a second symbol table', () => {
    const error = failure(patched(good, headerOf(good, '.data') + 4, SHT_SYMTAB));
    expect([error.code, error.message]).toEqual([
      'elf-symbols',
      'the file has several symbol tables; an object has one',
    ]);
  });

  it.each([
    ['records of another size', 56, [16]],
    ['a size that is no number of records', 32, [25]],
    ['names in section 0', 40, [0]],
    ['names in a section that is no string table', 40, [1]],
  ])('refuses a symbol table with %s', (_, field, values) => {
    expect(failure(patched(good, headerOf(good, '.symtab') + field, ...values)).code).toBe('elf-symbols');
  });

  it('refuses a relocation of a symbol that does not exist, and names the record', () => {
    const writer = sample();
    writer.relocate(1, 0, 99);
    const file = readElf(writer.build());
    const section = findSection(file, '.relxdp');
    expect(() => section && readRelocations(file, section)).toThrow(
      'relocation 2 names symbol 99, but there are 3',
    );
  });

  it('refuses names that overlap so that they would fill the memory', () => {
    const writer = new ElfWriter();
    writer.symbol('a'.repeat(4000));
    for (let i = 0; i < 100; i++) writer.symbol('');
    const bytes = writer.build();
    const table = findSection(readElf(bytes), '.symtab');
    const records = table?.offset ?? 0;
    const view = new DataView(bytes.buffer);
    const name = view.getUint32(records + 24, true);
    // Each symbol's name becomes the same long text, from one byte further on.
    for (let i = 0; i < 100; i++) view.setUint32(records + 24 * (i + 2), name + i, true);
    expect(failure(bytes)).toMatchObject({ code: 'elf-symbols', place: { section: '.strtab' } });
  });
});
