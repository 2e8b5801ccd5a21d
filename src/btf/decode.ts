/**
 * One type record turned into a `BtfType`. The record is known to lie inside the section, and its string offsets and type ids
 * to exist: parse.ts checks both before it makes a Btf.
 */
import type { ByteReader } from '../base/bytes.ts';
import { BtfError } from '../base/errors.ts';
import { kindFlag, kindNumber, TYPE_BYTES, vlenOf } from './layout.ts';
import type { BtfStrings } from './strings.ts';
import { BTF_KINDS, type BtfKind, type BtfLinkage, type BtfType, type IntEncoding } from './types.ts';

const INT_ENCODINGS: readonly (IntEncoding | undefined)[] = ['none', 'signed', 'char', undefined, 'bool'];
const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern'];

/** Decodes the record at `at`, which is the type `id`. */
export function decodeType(reader: ByteReader, strings: BtfStrings, at: number, id: number): BtfType {
  const text = (offset: number): string => {
    const found = strings.at(offset);
    if (found === undefined) {
      throw new BtfError('btf-string', `there is no string at offset ${offset}`, {
        section: '.BTF',
        typeId: id,
      });
    }
    return found;
  };
  const info = reader.u32(at + 4);
  const word = reader.u32(at + 8);
  const name = text(reader.u32(at));
  const flag = kindFlag(info);
  const kind: BtfKind = BTF_KINDS[kindNumber(info)] ?? 'void';
  const tail = at + TYPE_BYTES;
  const parts = <T>(bytes: number, read: (part: number) => T): T[] =>
    Array.from({ length: vlenOf(info) }, (_, i) => read(tail + i * bytes));

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
    case 'array':
      return {
        kind,
        id,
        name,
        elementType: reader.u32(tail),
        indexType: reader.u32(tail + 4),
        count: reader.u32(tail + 8),
      };
    case 'struct':
    case 'union': {
      const members = parts(12, (part) => {
        const offset = reader.u32(part + 8);
        return {
          name: text(reader.u32(part)),
          type: reader.u32(part + 4),
          bitOffset: flag ? offset & 0xffffff : offset,
          bitSize: flag ? offset >>> 24 : 0,
        };
      });
      return { kind, id, name, size: word, members };
    }
    case 'enum': {
      const read = (at: number): number => (flag ? reader.i32(at) : reader.u32(at));
      const values = parts(8, (part) => ({ name: text(reader.u32(part)), value: read(part + 4) }));
      return { kind, id, name, size: word, signed: flag, values };
    }
    case 'enum64': {
      const values = parts(12, (part) => ({
        name: text(reader.u32(part)),
        value: enum64Value(reader.u32(part + 4), reader.u32(part + 8), flag),
      }));
      return { kind, id, name, size: word, signed: flag, values };
    }
    case 'fwd':
      return { kind, id, name, of: flag ? 'union' : 'struct' };
    case 'func':
      return { kind, id, name, type: word, linkage: LINKAGES[vlenOf(info)] ?? 'unknown' };
    case 'func_proto': {
      const params = parts(8, (part) => ({ name: text(reader.u32(part)), type: reader.u32(part + 4) }));
      return { kind, id, name, returnType: word, params };
    }
    case 'var':
      return { kind, id, name, type: word, linkage: LINKAGES[reader.u32(tail)] ?? 'unknown' };
    case 'datasec': {
      const vars = parts(12, (part) => ({
        type: reader.u32(part),
        offset: reader.u32(part + 4),
        size: reader.u32(part + 8),
      }));
      return { kind, id, name, size: word, vars };
    }
    case 'float':
      return { kind, id, name, size: word };
    case 'decl_tag':
      return { kind, id, name, type: word, componentIndex: reader.i32(tail) };
    case 'void':
      return { kind: 'void', id, name };
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
