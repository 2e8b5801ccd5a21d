import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Btf, BtfBuilder, type BtfExt, dumpRaw, parseBtf, parseBtfExt } from '../../src/btf/index.ts';
import { findSection, readElf } from '../../src/elf/index.ts';

const FIXTURES = new URL('../../fixtures/programs/', import.meta.url);

function open(path: string): { btf: Btf; ext: BtfExt } {
  const elf = readElf(new Uint8Array(readFileSync(new URL(path, FIXTURES))));
  const section = (name: string): Uint8Array => findSection(elf, name)?.data ?? new Uint8Array(0);
  const btf = parseBtf(section('.BTF'), elf.byteOrder);
  return { btf, ext: parseBtfExt(section('.BTF.ext'), btf) };
}

const OBJECTS = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.o'),
);

describe('type information as clang writes it', () => {
  it.each(OBJECTS)('%s is rebuilt type by type', (path) => {
    const { btf } = open(path);
    const builder = new BtfBuilder({ order: btf.byteOrder });
    for (const { id, ...type } of btf) {
      if (type.kind !== 'void') expect(builder.add(type)).toBe(id);
    }
    expect([...parseBtf(builder.bytes())]).toEqual([...btf]);
  });

  it.each(OBJECTS)('%s has functions, lines and records that fit its types', (path) => {
    const { btf, ext } = open(path);
    expect(ext.size).toBeGreaterThan(0);
    for (const { funcInfo, lineInfo, coreRelocs } of ext.values()) {
      for (const info of funcInfo) expect(btf.kindOf(info.typeId)).toBe('func');
      for (const info of lineInfo) expect(info.file).toMatch(/\.[ch]$/);
      for (const reloc of coreRelocs) expect(reloc.access).toMatch(/^\d+(:\d+)*$/);
    }
  });

  it.each(OBJECTS.filter((path) => path.endsWith('.be.bpf.o')))(
    '%s says the same as its little-endian twin',
    (path) => {
      const [big, little] = [open(path), open(path.replace('.be.bpf.o', '.bpf.o'))];
      expect(big.btf.byteOrder).toBe('big');
      expect(dumpRaw(big.btf)).toBe(dumpRaw(little.btf));
      // Instructions may differ, where byte order is the program's business.
      const functions = ({ ext }: typeof big): unknown =>
        [...ext].map(([section, { funcInfo }]) => [section, funcInfo.map((info) => info.typeId)]);
      expect(functions(big)).toEqual(functions(little));
    },
  );
});
