/**
 * One type record turned into a `BtfType`. The record is known to lie inside the section, and its string offsets and type ids
 * to exist: parse.ts checks both before it makes a Btf.
 */
import type { ByteReader } from '../base/bytes.ts';
import { BtfError } from '../base/errors.ts';
import { kindFlag, kindNumber, TYPE_BYTES, vlenOf } from './layout.ts';
import type { BtfStrings } from './strings.ts';
import {
  BTF_KINDS,
  type BtfEnumerator,
  type BtfKind,
  type BtfLinkage,
  type BtfMember,
  type BtfParam,
  type BtfSectionVar,
  type BtfType,
  type IntEncoding,
} from './types.ts';

const INT_ENCODINGS: readonly (IntEncoding | undefined)[] = ['none', 'signed', 'char', undefined, 'bool'];
const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern'];

/** Decodes the record at `at`, which is the type `id`. */
export function decodeType(reader: ByteReader, strings: BtfStrings, at: number, id: number): BtfType {
  const record = new TypeRecord(reader, strings, at, id);
  const { kind, name, flag, vlen, word, tail } = record;
  switch (kind) {
    case 'int':
      return { kind, id, name, size: word, ...intLayout(reader.u32(tail)) };
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { kind, id, name, type: word };
    case 'array': {
      const [elementType, indexType, count] = [reader.u32(tail), reader.u32(tail + 4), reader.u32(tail + 8)];
      return { kind, id, name, elementType, indexType, count };
    }
    case 'struct':
    case 'union':
      return { kind, id, name, size: word, members: record.members() };
    case 'enum':
      return { kind, id, name, size: word, signed: flag, values: record.enumerators() };
    case 'enum64':
      return { kind, id, name, size: word, signed: flag, values: record.enumerators64() };
    case 'fwd':
      return { kind, id, name, of: flag ? 'union' : 'struct' };
    case 'func':
      return { kind, id, name, type: word, linkage: LINKAGES[vlen] ?? 'unknown' };
    case 'func_proto':
      return { kind, id, name, returnType: word, params: record.params() };
    case 'var':
      return { kind, id, name, type: word, linkage: LINKAGES[reader.u32(tail)] ?? 'unknown' };
    case 'datasec':
      return { kind, id, name, size: word, vars: record.vars() };
    case 'float':
      return { kind, id, name, size: word };
    case 'decl_tag':
      return { kind, id, name, type: word, componentIndex: reader.i32(tail) };
    case 'void':
      return { kind, id, name };
  }
}

/** A `struct btf_type`, and the parts that stand behind it: members, enumerators, parameters or variables. */
class TypeRecord {
  readonly id: number;
  readonly name: string;
  readonly kind: BtfKind;
  /** kind_flag: means something else for each kind. */
  readonly flag: boolean;
  /** vlen: the number of parts, or a linkage. */
  readonly vlen: number;
  /** The union of `size` and `type`. */
  readonly word: number;
  /** Offset of the first part. */
  readonly tail: number;
  private readonly reader: ByteReader;
  private readonly strings: BtfStrings;

  constructor(reader: ByteReader, strings: BtfStrings, at: number, id: number) {
    this.reader = reader;
    this.strings = strings;
    const info = reader.u32(at + 4);
    this.id = id;
    this.kind = BTF_KINDS[kindNumber(info)] ?? 'void';
    this.flag = kindFlag(info);
    this.vlen = vlenOf(info);
    this.word = reader.u32(at + 8);
    this.tail = at + TYPE_BYTES;
    this.name = this.textAt(at);
  }

  members(): BtfMember[] {
    return this.parts(12, (at) => {
      const offset = this.reader.u32(at + 8);
      return {
        name: this.textAt(at),
        type: this.reader.u32(at + 4),
        bitOffset: this.flag ? offset & 0xffffff : offset,
        bitSize: this.flag ? offset >>> 24 : 0,
      };
    });
  }

  enumerators(): BtfEnumerator<number>[] {
    return this.parts(8, (at) => ({
      name: this.textAt(at),
      value: this.flag ? this.reader.i32(at + 4) : this.reader.u32(at + 4),
    }));
  }

  enumerators64(): BtfEnumerator<bigint>[] {
    return this.parts(12, (at) => ({
      name: this.textAt(at),
      value: enum64Value(this.reader.u32(at + 4), this.reader.u32(at + 8), this.flag),
    }));
  }

  params(): BtfParam[] {
    return this.parts(8, (at) => ({ name: this.textAt(at), type: this.reader.u32(at + 4) }));
  }

  vars(): BtfSectionVar[] {
    return this.parts(12, (at) => ({
      type: this.reader.u32(at),
      offset: this.reader.u32(at + 4),
      size: this.reader.u32(at + 8),
    }));
  }

  /** The string whose offset lies at `at`. */
  private textAt(at: number): string {
    const offset = this.reader.u32(at);
    const found = this.strings.at(offset);
    if (found !== undefined) return found;
    throw new BtfError('btf-string', `there is no string at offset ${offset}`, {
      section: '.BTF',
      typeId: this.id,
    });
  }

  /** The parts, of `bytes` bytes each, which `read` makes of their offsets. */
  private parts<T>(bytes: number, read: (at: number) => T): T[] {
    return Array.from({ length: this.vlen }, (_, i) => read(this.tail + i * bytes));
  }
}

function intLayout(word: number): { encoding: IntEncoding; bits: number; offset: number } {
  return {
    encoding: INT_ENCODINGS[(word >>> 24) & 0xf] ?? 'unknown',
    bits: word & 0xff,
    offset: (word >>> 16) & 0xff,
  };
}

function enum64Value(lo: number, hi: number, signed: boolean): bigint {
  const value = (BigInt(hi) << 32n) | BigInt(lo);
  return signed ? BigInt.asIntN(64, value) : value;
}
