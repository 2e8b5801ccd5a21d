/**
 * .BTF.ext: what belongs to the instructions of each code section. Layout and refusals are libbpf's (btf_ext_setup_info in
 * tools/lib/bpf/btf.c); records longer than those known here are accepted, their unknown ends skipped.
 */
import type { ByteReader } from '../base/bytes.ts';
import { BtfError } from '../base/errors.ts';
import type { Btf } from './btf.ts';
import { CORE_RELOC_KINDS, type CoreReloc, type FuncInfo, type LineInfo } from './ext-types.ts';
import { checkVersion, readCommonHeader } from './header.ts';

const SECTION = '.BTF.ext';
/** Bytes of an instruction slot; positions in the file are in bytes. */
const SLOT_BYTES = 8;
/** Bytes of the header up to the end of line_info_len, and of core_relo_len. */
const MIN_HEADER_BYTES = 24;
const CORE_HEADER_BYTES = 32;
/** Bytes of a block's header: section name and number of records. */
const BLOCK_BYTES = 8;

/** The records of one code section, in file order (ascending by instruction as compilers write them). */
export interface BtfExtSection {
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
  readonly coreRelocs: readonly CoreReloc[];
}

/** The records of .BTF.ext by the name of the code section. */
export type BtfExt = ReadonlyMap<string, BtfExtSection>;

/** One of the three tables of the section. */
interface Table<T> {
  readonly name: string;
  /** Where the header says the table's place. */
  readonly at: number;
  /** Bytes of the part of a record that is read. */
  readonly recordBytes: number;
  readonly read: (record: ByteReader, btf: Btf) => T;
}

interface MutableSection {
  readonly funcInfo: FuncInfo[];
  readonly lineInfo: LineInfo[];
  readonly coreRelocs: CoreReloc[];
}

const FUNC_INFO: Table<FuncInfo> = {
  name: 'func_info',
  at: 8,
  recordBytes: 8,
  read: (record, btf) => ({ insn: readSlot(record), typeId: readTypeId(record, btf) }),
};

const LINE_INFO: Table<LineInfo> = {
  name: 'line_info',
  at: 16,
  recordBytes: 16,
  read: (record, btf) => ({
    insn: readSlot(record),
    file: readString(record, 4, btf, 'file name'),
    text: readString(record, 8, btf, 'source line'),
    line: record.u32(12) >>> 10,
    column: record.u32(12) & 0x3ff,
  }),
};

const CORE_RELOC: Table<CoreReloc> = {
  name: 'core_relo',
  at: 24,
  recordBytes: 16,
  read: (record, btf) => {
    const number = record.u32(12);
    const kind = CORE_RELOC_KINDS[number];
    if (!kind) throw fail('btf-core-kind', `CO-RE relocation kind ${number} is not known`, record.base + 12);
    return {
      insn: readSlot(record),
      typeId: readTypeId(record, btf),
      access: readString(record, 8, btf, 'access string'),
      kind,
    };
  },
};

/**
 * Reads .BTF.ext.
 * @param bytes Content of the section.
 * @param btf The object's .BTF, which has the strings and types that records name.
 * @throws BtfError with the offset in the section.
 */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const header = readCommonHeader(bytes, btf.byteOrder, SECTION);
  checkVersion(header, SECTION);
  const { reader, length } = header;
  if (length < MIN_HEADER_BYTES) {
    throw fail('btf-header', `header length ${length} is too small, ${MIN_HEADER_BYTES} bytes are needed`, 4);
  }
  if (length === bytes.length) throw fail('btf-header', 'no data follows the header', length);
  const sections = new Map<string, MutableSection>();
  const load = <T>(table: Table<T>, pick: (section: MutableSection) => T[]): void => {
    readTable(reader, length, table, btf, (name, record) => {
      let section = sections.get(name);
      if (!section) {
        section = { funcInfo: [], lineInfo: [], coreRelocs: [] };
        sections.set(name, section);
      }
      pick(section).push(record);
    });
  };
  load(FUNC_INFO, (section) => section.funcInfo);
  load(LINE_INFO, (section) => section.lineInfo);
  if (length >= CORE_HEADER_BYTES) load(CORE_RELOC, (section) => section.coreRelocs);
  return sections;
}

function readTable<T>(
  reader: ByteReader,
  headerBytes: number,
  table: Table<T>,
  btf: Btf,
  add: (section: string, record: T) => void,
): void {
  const start = headerBytes + reader.u32(table.at);
  const length = reader.u32(table.at + 4);
  if (length === 0) return;
  if (start % 4 !== 0 || headerBytes % 4 !== 0) {
    throw fail('btf-ext-layout', `${table.name} is not aligned to 4 bytes`, table.at);
  }
  const body = reader.window(start, length, table.name);
  const recordBytes = body.u32(0);
  if (recordBytes < table.recordBytes || recordBytes % 4 !== 0) {
    const message = `${table.name} has records of ${recordBytes} bytes; ${table.recordBytes} or a larger multiple of 4 is valid`;
    throw fail('btf-ext-layout', message, start);
  }
  if (length === 4) throw fail('btf-ext-layout', `${table.name} has no records`, start);
  for (let at = 4; at < length; ) {
    const block = body.window(at, BLOCK_BYTES, `a ${table.name} block header`);
    const section = readString(block, 0, btf, 'section name');
    const count = block.u32(4);
    const blockBytes = BLOCK_BYTES + count * recordBytes;
    if (count === 0 || blockBytes > length - at) {
      const message = `${table.name} of section '${section}' has ${count} records; it has room for 1 to ${Math.floor((length - at - BLOCK_BYTES) / recordBytes)}`;
      throw fail('btf-ext-layout', message, block.base + 4);
    }
    for (let i = 0; i < count; i++) {
      const record = body.window(at + BLOCK_BYTES + i * recordBytes, table.recordBytes);
      add(section, table.read(record, btf));
    }
    at += blockBytes;
  }
}

function readSlot(record: ByteReader): number {
  const bytes = record.u32(0);
  if (bytes % SLOT_BYTES !== 0) {
    throw fail('btf-ext-insn', `byte ${bytes} is not the start of an instruction`, record.base);
  }
  return bytes / SLOT_BYTES;
}

function readTypeId(record: ByteReader, btf: Btf): number {
  const id = record.u32(4);
  if (id < btf.typeCount) return id;
  throw fail(
    'btf-type-id',
    `type id ${id} does not exist, the last one is ${btf.typeCount - 1}`,
    record.base + 4,
  );
}

function readString(record: ByteReader, at: number, btf: Btf, what: string): string {
  const offset = record.u32(at);
  const text = btf.strings.at(offset);
  if (text !== undefined) return text;
  throw fail(
    'btf-string',
    `${what}: string offset ${offset} is outside the string section`,
    record.base + at,
  );
}

function fail(code: string, message: string, offset: number): BtfError {
  return new BtfError(code, message, { section: SECTION, offset });
}
