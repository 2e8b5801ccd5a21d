/** Shorthands for tests: BTF in a few words, and .BTF.ext sections. */
import type { ByteOrder } from '../../src/base/bytes.ts';
import { type Btf, BtfBuilder, type IntEncoding, parseBtf } from '../../src/btf/index.ts';

/** A member as [name, type, first bit, bits of a bitfield]. */
export type MemberWords = readonly [name: string, type: number, bitOffset: number, bitSize?: number];

/** A `BtfBuilder` that knows the usual types by their C names. */
export class TestBtf extends BtfBuilder {
  int(name: string, size: number, encoding: IntEncoding = 'signed'): number {
    return this.add({ kind: 'int', name, size, encoding, bits: 8 * size, offset: 0 });
  }

  ref(kind: 'ptr' | 'const' | 'volatile' | 'restrict', type: number): number {
    return this.add({ kind, name: '', type });
  }

  ptr(type: number): number {
    return this.ref('ptr', type);
  }

  typedef(name: string, type: number): number {
    return this.add({ kind: 'typedef', name, type });
  }

  array(elementType: number, count: number, indexType = elementType): number {
    return this.add({ kind: 'array', name: '', elementType, indexType, count });
  }

  struct(name: string, size: number, members: readonly MemberWords[]): number {
    return this.composite('struct', name, size, members);
  }

  union(name: string, size: number, members: readonly MemberWords[]): number {
    return this.composite('union', name, size, members);
  }

  enum(name: string, values: Readonly<Record<string, number>>, size = 4, signed = false): number {
    const list = Object.entries(values).map(([key, value]) => ({ name: key, value }));
    return this.add({ kind: 'enum', name, size, signed, values: list });
  }

  enum64(name: string, values: Readonly<Record<string, bigint>>, signed = false): number {
    const list = Object.entries(values).map(([key, value]) => ({ name: key, value }));
    return this.add({ kind: 'enum64', name, size: 8, signed, values: list });
  }

  proto(returnType: number, params: readonly (readonly [name: string, type: number])[]): number {
    const list = params.map(([name, type]) => ({ name, type }));
    return this.add({ kind: 'func_proto', name: '', returnType, params: list });
  }

  func(name: string, proto: number, linkage: 'static' | 'global' | 'extern' = 'global'): number {
    return this.add({ kind: 'func', name, type: proto, linkage });
  }

  variable(name: string, type: number, linkage: 'static' | 'global' | 'extern' = 'global'): number {
    return this.add({ kind: 'var', name, type, linkage });
  }

  /** What has been added so far, parsed. */
  parse(base?: Btf): Btf {
    return parseBtf(this.bytes(), undefined, base ? { base } : {});
  }

  private composite(
    kind: 'struct' | 'union',
    name: string,
    size: number,
    words: readonly MemberWords[],
  ): number {
    const members = words.map(([member, type, bitOffset, bitSize = 0]) => ({
      name: member,
      type,
      bitOffset,
      bitSize,
    }));
    return this.add({ kind, name, size, members });
  }
}

/** Records of one table by section name; each record as its words. */
export type ExtTable = Readonly<Record<string, readonly (readonly number[])[]>>;

export interface ExtTables {
  readonly funcInfo?: ExtTable;
  readonly lineInfo?: ExtTable;
  readonly coreRelo?: ExtTable;
  /** Extra words at the end of every record, as a later format may have. */
  readonly extraWords?: number;
}

/** A .BTF.ext section; section names are added to the builder's strings. */
export function buildExt(btf: BtfBuilder, tables: ExtTables, order: ByteOrder = 'little'): Uint8Array {
  const extra = tables.extraWords ?? 0;
  const lists = [
    tableWords(btf, tables.funcInfo, 2 + extra),
    tableWords(btf, tables.lineInfo, 4 + extra),
    tableWords(btf, tables.coreRelo, 4 + extra),
  ];
  const places: number[] = [];
  let offset = 0;
  for (const list of lists) {
    places.push(offset, 4 * list.length);
    offset += 4 * list.length;
  }
  const words = [32, ...places, ...lists.flat()];
  const bytes = new Uint8Array(4 + 4 * words.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, order === 'little');
  view.setUint8(2, 1);
  words.forEach((word, i) => {
    view.setUint32(4 + 4 * i, word, order === 'little');
  });
  return bytes;
}

function tableWords(btf: BtfBuilder, table: ExtTable | undefined, recordWords: number): number[] {
  if (!table) return [];
  const words = [4 * recordWords];
  for (const [section, records] of Object.entries(table)) {
    words.push(btf.string(section), records.length);
    for (const record of records) {
      words.push(...record, ...Array<number>(recordWords - record.length).fill(0xdead));
    }
  }
  return words;
}
