/** Builds small relocatable BPF objects in memory, for tests only: sections, symbols and SHT_REL records, either byte order. */
import type { ByteOrder } from '../../src/base/bytes.ts';
import { encodeUtf8 } from '../../src/base/text.ts';
import {
  EHDR_BYTES,
  EM_BPF,
  ET_REL,
  REL_BYTES,
  SHDR_BYTES,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_REL,
  SHT_STRTAB,
  SHT_SYMTAB,
  STB_GLOBAL,
  STT_NOTYPE,
  STV_DEFAULT,
  SYM_BYTES,
} from '../../src/elf/index.ts';

export interface SectionInput {
  readonly type?: number;
  readonly flags?: number;
  readonly data?: Uint8Array | readonly number[];
  /** Size of a SHT_NOBITS section. */
  readonly size?: number;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
}

export interface SymbolInput {
  readonly type?: number;
  readonly binding?: number;
  readonly visibility?: number;
  /** Section index; 0 is undefined. */
  readonly section?: number;
  readonly value?: number;
  readonly size?: number;
}

interface Section extends Required<SectionInput> {
  readonly name: string;
}

/** Collects the parts of an object file; indices are given out in the order of the calls, from 1. */
export class ElfWriter {
  readonly order: ByteOrder;
  machine = EM_BPF;
  private readonly sections: Section[] = [];
  private readonly symbols: (Required<SymbolInput> & { readonly name: string })[] = [];
  private readonly relocations = new Map<number, { offset: number; symbol: number; type: number }[]>();

  constructor(order: ByteOrder = 'little') {
    this.order = order;
  }

  /** Adds a section and gives its index. */
  section(name: string, input: SectionInput = {}): number {
    const data = Uint8Array.from(input.data ?? []);
    this.sections.push({
      name,
      type: input.type ?? SHT_PROGBITS,
      flags: input.flags ?? 0,
      data,
      size: input.size ?? data.length,
      link: input.link ?? 0,
      info: input.info ?? 0,
      entrySize: input.entrySize ?? 0,
    });
    return this.sections.length;
  }

  /** Adds a symbol and gives its index. */
  symbol(name: string, input: SymbolInput = {}): number {
    this.symbols.push({
      name,
      type: input.type ?? STT_NOTYPE,
      binding: input.binding ?? STB_GLOBAL,
      visibility: input.visibility ?? STV_DEFAULT,
      section: input.section ?? 0,
      value: input.value ?? 0,
      size: input.size ?? 0,
    });
    return this.symbols.length;
  }

  /** Adds a SHT_REL record for a place in a section. */
  relocate(section: number, offset: number, symbol: number, type = 1): void {
    const records = this.relocations.get(section) ?? [];
    records.push({ offset, symbol, type });
    this.relocations.set(section, records);
  }

  /** The file: header, contents, section table. Symbol table, strings and relocations follow the sections given. */
  build(): Uint8Array {
    const strings = new Strings();
    const sections = [...this.sections];
    const symbolTable = sections.length + this.relocations.size + 1;
    for (const [target, records] of this.relocations) {
      const data = new Bytes(this.order);
      for (const { offset, symbol, type } of records) {
        data.u64(offset);
        data.u64(symbol * 2 ** 32 + type);
      }
      const name = `.rel${this.sections[target - 1]?.name ?? ''}`;
      sections.push(table(name, SHT_REL, data, { link: symbolTable, info: target, entrySize: REL_BYTES }));
    }
    sections.push(
      table('.symtab', SHT_SYMTAB, this.symbolData(strings), { link: symbolTable + 1, entrySize: SYM_BYTES }),
    );
    sections.push(table('.strtab', SHT_STRTAB, strings.bytes(sections), {}));
    return this.file(sections, strings);
  }

  private symbolData(strings: Strings): Bytes {
    const data = new Bytes(this.order);
    data.zeros(SYM_BYTES);
    for (const symbol of this.symbols) {
      data.u32(strings.add(symbol.name));
      data.u8((symbol.binding << 4) | symbol.type);
      data.u8(symbol.visibility);
      data.u16(symbol.section);
      data.u64(symbol.value);
      data.u64(symbol.size);
    }
    return data;
  }

  private file(sections: readonly Section[], strings: Strings): Uint8Array {
    const contents = new Bytes(this.order);
    const headers = new Bytes(this.order);
    headers.zeros(SHDR_BYTES);
    for (const section of sections) {
      const offset = EHDR_BYTES + contents.length;
      headers.u32(strings.add(section.name));
      headers.u32(section.type);
      headers.u64(section.flags);
      headers.u64(0);
      headers.u64(offset);
      headers.u64(section.size);
      headers.u32(section.link);
      headers.u32(section.info);
      headers.u64(8);
      headers.u64(section.entrySize);
      if (section.type !== SHT_NOBITS) contents.raw(section.data);
    }
    contents.zeros((8 - (contents.length % 8)) % 8);
    const header = new Bytes(this.order);
    header.raw([0x7f, 0x45, 0x4c, 0x46, 2, this.order === 'little' ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.u16(ET_REL);
    header.u16(this.machine);
    header.u32(1);
    header.u64(0);
    header.u64(0);
    header.u64(EHDR_BYTES + contents.length);
    header.u32(0);
    for (const half of [EHDR_BYTES, 0, 0, SHDR_BYTES, sections.length + 1, sections.length]) header.u16(half);
    return Uint8Array.from([...header.list, ...contents.list, ...headers.list]);
  }
}

function table(name: string, type: number, data: Bytes | Uint8Array, input: SectionInput): Section {
  const bytes = data instanceof Bytes ? Uint8Array.from(data.list) : data;
  return {
    name,
    type,
    flags: 0,
    data: bytes,
    size: bytes.length,
    link: 0,
    info: 0,
    entrySize: 0,
    ...input,
  };
}

/** A string table that shares equal strings. */
class Strings {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly list: number[] = [0];

  add(text: string): number {
    const known = this.offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.list.length;
    this.offsets.set(text, offset);
    this.list.push(...encodeUtf8(text), 0);
    return offset;
  }

  /** The table with the names of `sections` and its own, `.strtab`, in it. */
  bytes(sections: readonly { readonly name: string }[]): Uint8Array {
    for (const { name } of sections) this.add(name);
    this.add('.strtab');
    return Uint8Array.from(this.list);
  }
}

/** Numbers appended in one byte order. */
export class Bytes {
  readonly order: ByteOrder;
  readonly list: number[] = [];

  constructor(order: ByteOrder = 'little') {
    this.order = order;
  }

  get length(): number {
    return this.list.length;
  }

  u8(value: number): void {
    this.number(BigInt(value), 1);
  }

  u16(value: number): void {
    this.number(BigInt(value), 2);
  }

  u32(value: number): void {
    this.number(BigInt(value), 4);
  }

  u64(value: number | bigint): void {
    this.number(BigInt(value), 8);
  }

  zeros(count: number): void {
    for (let i = 0; i < count; i++) this.list.push(0);
  }

  raw(bytes: Iterable<number>): void {
    for (const byte of bytes) this.list.push(byte);
  }

  private number(value: bigint, bytes: number): void {
    const little = Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
    this.list.push(...(this.order === 'little' ? little : little.reverse()));
  }
}
