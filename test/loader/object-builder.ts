/** BPF objects in memory, for tests: code, maps and data with their symbols, relocations and BTF, as a compiler makes them. */
import type { ByteOrder } from '../../src/base/bytes.ts';
import { encodeUtf8 } from '../../src/base/text.ts';
import {
  SHF_EXECINSTR,
  SHT_NOBITS,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  STT_OBJECT,
  STT_SECTION,
} from '../../src/elf/index.ts';
import { type RawInsn, rawToBytes } from '../../src/isa/index.ts';
import { type ObjectSpec, type OpenOptions, openObject } from '../../src/loader/index.ts';
import { buildExt, type ExtTables, TestBtf } from '../btf/btf-builder.ts';
import { ElfWriter, type SymbolInput } from '../elf/elf-writer.ts';

function raw(opcode: number, fields: Partial<RawInsn> = {}): RawInsn {
  return { opcode, dst: 0, src: 0, offset: 0, imm: 0, ...fields };
}

/** `exit` */
export const EXIT: RawInsn = raw(0x95);
/** `r0 = value` */
export const setR0 = (value: number): RawInsn => raw(0xb7, { imm: value });
/** A bpf-to-bpf call; -1 is what compilers write when a relocation names a global function. */
export const call = (imm = -1): RawInsn => raw(0x85, { src: 1, imm });
/** Both slots of `r1 = imm ll`, with a relocation the load of an address. */
export const load = (imm = 0): RawInsn[] => [raw(0x18, { dst: 1, imm }), raw(0)];

/** One function of a code section. */
export interface FunctionInput extends SymbolInput {
  readonly name: string;
  readonly insns: readonly RawInsn[];
}

/** A variable of a data section. */
export interface VariableInput {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  /** Default: an unsigned integer of that size. */
  readonly typeId?: number;
  readonly linkage?: 'static' | 'global';
  readonly symbol?: SymbolInput;
}

/** The members of a map definition: numbers for __uint, type ids (of key and value) for __type. */
export interface MapInput {
  readonly uints?: Readonly<Record<string, number>>;
  readonly types?: Readonly<Record<string, number>>;
  /** More members, as type ids, after those. */
  readonly members?: Readonly<Record<string, number>>;
  /** Bytes of the variable; default those of the definition. */
  readonly size?: number;
}

export class ObjectBuilder {
  readonly elf: ElfWriter;
  readonly btf: TestBtf;
  /** Index of each section by name. */
  readonly sections = new Map<string, number>();
  /** Index of each symbol by name; of sections' symbols by the section's name. */
  readonly symbols = new Map<string, number>();
  private readonly order: ByteOrder;
  private ext: ExtTables | undefined;
  private readonly maps: { name: string; typeId: number; size: number }[] = [];
  private readonly ints = new Map<string, number>();

  constructor(order: ByteOrder = 'little') {
    this.order = order;
    this.elf = new ElfWriter(order);
    this.btf = new TestBtf({ order });
  }

  /** Adds a code section with its functions, one after the other, and a symbol for each and for the section. */
  code(section: string, functions: readonly FunctionInput[]): this {
    const insns = functions.flatMap((input) => input.insns);
    const index = this.section(section, { flags: SHF_EXECINSTR, data: rawToBytes(insns, this.order) });
    let value = 0;
    for (const { name, insns: body, ...symbol } of functions) {
      this.symbol(name, { type: STT_FUNC, section: index, value, size: 8 * body.length, ...symbol });
      value += 8 * body.length;
    }
    return this;
  }

  /** Adds a relocation for a slot of a code section. */
  refer(section: string, slot: number, symbol: string, type = 1): this {
    this.elf.relocate(this.indexOf(section), 8 * slot, this.symbolOf(symbol), type);
    return this;
  }

  /** Adds a relocation for a byte of a data section. */
  pointer(section: string, offset: number, symbol: string): this {
    this.elf.relocate(this.indexOf(section), offset, this.symbolOf(symbol), 2);
    return this;
  }

  /** Adds a map to `.maps`, which `build` writes. */
  map(name: string, { uints = {}, types = {}, members = {}, size }: MapInput): this {
    const fields = [
      ...Object.entries(uints).map(([key, value]) => [key, this.uint(value)] as const),
      ...Object.entries(types).map(([key, value]) => [key, this.btf.ptr(value)] as const),
      ...Object.entries(members),
    ];
    const places = fields.map(([key, type], i) => [key, type, 64 * i] as const);
    const typeId = this.btf.struct('', 8 * fields.length, places);
    return this.mapOfType(name, typeId, size ?? 8 * fields.length);
  }

  /** Adds a map to `.maps` whose definition is of any type. */
  mapOfType(name: string, typeId: number, size: number): this {
    this.maps.push({ name, typeId, size });
    return this;
  }

  /** The type that stands for a number in a map definition. */
  uint(value: number): number {
    return this.btf.ptr(this.btf.array(this.int('int', 4), value));
  }

  /** An integer type, made once. */
  int(name: string, size: number): number {
    const known = this.ints.get(name);
    if (known !== undefined) return known;
    const id = this.btf.int(name, size, name.startsWith('u') ? 'none' : 'signed');
    this.ints.set(name, id);
    return id;
  }

  /** Adds a data section, and BTF for the variables in it. A number stands for so many bytes without content. */
  data(section: string, content: Uint8Array | number, variables: readonly VariableInput[] = []): this {
    const index =
      typeof content === 'number'
        ? this.section(section, { type: SHT_NOBITS, size: content })
        : this.section(section, { data: content });
    const vars = variables.map(({ name, size, offset, typeId, linkage = 'global', symbol }) => {
      const binding = linkage === 'static' ? STB_LOCAL : STB_GLOBAL;
      this.symbol(name, { type: STT_OBJECT, section: index, value: offset, size, binding, ...symbol });
      const type = this.btf.variable(name, typeId ?? this.int(`u${8 * size}`, size), linkage);
      // Compilers give places to static variables only; those of global ones stand in their symbols.
      return { type, offset: linkage === 'static' ? offset : 0, size };
    });
    if (vars.length > 0) this.btf.add({ kind: 'datasec', name: section, size: 0, vars });
    return this;
  }

  /** Declares externs in `.kconfig` or `.ksyms`, with an undefined symbol for each. */
  externs(section: string, ids: Readonly<Record<string, number>>, symbol: SymbolInput = {}): this {
    const vars = Object.entries(ids).map(([name, type]) => {
      this.symbol(name, symbol);
      return { type, offset: 0, size: 0 };
    });
    this.btf.add({ kind: 'datasec', name: section, size: 0, vars });
    return this;
  }

  /** Adds a section of text, with its terminating zero. */
  text(section: string, content: string): this {
    this.section(section, { data: encodeUtf8(`${content}\0`) });
    return this;
  }

  /** Adds .BTF.ext. */
  records(tables: ExtTables): this {
    this.ext = tables;
    return this;
  }

  section(name: string, input: Parameters<ElfWriter['section']>[1] = {}): number {
    const index = this.elf.section(name, input);
    this.sections.set(name, index);
    this.symbols.set(name, this.elf.symbol('', { type: STT_SECTION, binding: STB_LOCAL, section: index }));
    return index;
  }

  symbol(name: string, input: SymbolInput = {}): number {
    const index = this.elf.symbol(name, input);
    this.symbols.set(name, index);
    return index;
  }

  /** Writes `.maps` now, so that relocations can name it; `build` does so otherwise. */
  finishMaps(): this {
    if (this.maps.length === 0) return this;
    const size = this.maps.reduce((sum, map) => sum + map.size, 0);
    const index = this.section('.maps', { data: new Uint8Array(size) });
    let offset = 0;
    const vars = this.maps.map(({ name, typeId, size: bytes }) => {
      this.symbol(name, { type: STT_OBJECT, section: index, value: offset, size: bytes });
      offset += bytes;
      return { type: this.btf.variable(name, typeId), offset: 0, size: bytes };
    });
    this.btf.add({ kind: 'datasec', name: '.maps', size: 0, vars });
    this.maps.length = 0;
    return this;
  }

  build(): Uint8Array {
    this.finishMaps();
    const ext = this.ext && buildExt(this.btf, this.ext, this.order);
    if (this.btf.nextId > 1) this.elf.section('.BTF', { data: this.btf.bytes() });
    if (ext) this.elf.section('.BTF.ext', { data: ext });
    return this.elf.build();
  }

  /** The object, opened. */
  open(options: OpenOptions = { name: 'test.bpf.o' }): ObjectSpec {
    return openObject(this.build(), options);
  }

  private indexOf(section: string): number {
    const index = this.sections.get(section);
    if (index === undefined) throw new Error(`no section ${section}`);
    return index;
  }

  private symbolOf(name: string): number {
    const index = this.symbols.get(name);
    if (index === undefined) throw new Error(`no symbol ${name}`);
    return index;
  }
}

/** An object with one program that does nothing, to add to. */
export function simpleObject(order?: ByteOrder): ObjectBuilder {
  return new ObjectBuilder(order).code('xdp', [{ name: 'drop', insns: [setR0(1), EXIT] }]);
}

/** The code of the error that opening ends in; the error itself when it is none of bpflab's own. */
export function refusal(builder: ObjectBuilder, options?: OpenOptions): string {
  try {
    builder.open(options);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
  return 'opened';
}
