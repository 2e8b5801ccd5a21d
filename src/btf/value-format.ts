/**
 * Bytes to text by type, as bpftool shows map entries (tools/bpf/bpftool/btf_dumper.c, json_writer.c): JSON for programs, and
 * a form for people that differs in how it writes pointers, bitfields and unprintable characters.
 */
import { BtfError } from '../base/errors.ts';
import { decodeUtf8 } from '../base/text.ts';
import { readBits } from './bits.ts';
import type { Btf } from './btf.ts';
import type {
  BtfArray,
  BtfEnum,
  BtfEnum64,
  BtfInt,
  BtfMember,
  BtfModifier,
  BtfStruct,
  BtfType,
  BtfTypeTag,
} from './types.ts';
import {
  type BitField,
  checkScalarSize,
  intBits,
  isChar,
  needBytes,
  noValue,
  toSigned,
  ValuePath,
} from './value.ts';

/** How `formatValue` writes. */
export interface FormatOptions {
  /** `json` is valid JSON; `plain` (the default) writes bitfields and characters as people like them. */
  readonly form?: 'plain' | 'json';
  /** One member a line, indented by 4 spaces; by default in the plain form only. */
  readonly pretty?: boolean;
  /** Depth of indentation to start at. */
  readonly depth?: number;
}

/** The value that `bytes` begin with, as text. */
export function formatValue(
  btf: Btf,
  typeId: number,
  bytes: Uint8Array,
  options: FormatOptions = {},
): string {
  return new ValueFormatter(btf, bytes, options).format(typeId, 0, options.depth ?? 0);
}

class ValueFormatter {
  private readonly btf: Btf;
  private readonly bytes: Uint8Array;
  private readonly plain: boolean;
  private readonly pretty: boolean;
  private readonly path: ValuePath;

  constructor(btf: Btf, bytes: Uint8Array, options: FormatOptions) {
    this.btf = btf;
    this.bytes = bytes;
    this.plain = options.form !== 'json';
    this.pretty = options.pretty ?? this.plain;
    this.path = new ValuePath('', bytes);
  }

  /** `bit` is where the value starts. */
  format(id: number, bit: number, depth: number): string {
    const type = this.btf.resolve(id);
    switch (type.kind) {
      case 'int':
        return this.int(type, bit);
      case 'ptr':
        return this.pointer(this.bits({ bit, width: 8 * this.btf.pointerSize }));
      case 'enum':
      case 'enum64':
        return this.enumerator(type, { bit, width: 8 * type.size });
      case 'float':
        return this.float(bit / 8, type.size);
      case 'array':
        return this.array(type, bit / 8, depth);
      case 'struct':
      case 'union':
        return this.object(
          depth,
          type.members.map((member) => [member.name, () => this.member(member, type, bit, depth + 1)]),
        );
      case 'var':
        return this.object(depth, [[type.name, () => this.format(type.type, bit, depth + 1)]]);
      case 'datasec': {
        const items = type.vars.map(
          (variable) => () => this.format(variable.type, bit + 8 * variable.offset, depth + 2),
        );
        return this.object(depth, [[type.name, () => this.list(depth + 1, items)]]);
      }
      default:
        throw noValue(this.btf, id, this.path);
    }
  }

  private int(type: BtfInt, bit: number): string {
    checkScalarSize(type);
    const field = intBits(type, bit);
    if (field || ![1, 2, 4, 8].includes(type.size)) {
      return this.hex(this.bits(field ?? { bit, width: 8 * type.size }));
    }
    const value = this.bits({ bit, width: 8 * type.size });
    switch (type.encoding) {
      case 'char':
        return this.character(Number(value));
      case 'bool':
        return value === 0n ? 'false' : 'true';
      default:
        return String(toSigned(value, 8 * type.size, type.encoding === 'signed'));
    }
  }

  private member(member: BtfMember, struct: BtfStruct, structBit: number, depth: number): string {
    const bit = structBit + member.bitOffset;
    if (member.bitSize > 0) return this.hex(this.bits({ bit, width: member.bitSize }));
    const type = this.btf.resolve(member.type);
    if (bit % 8 !== 0 && type.kind !== 'int') {
      throw new BtfError('btf-unaligned', `${this.path.toString()} does not begin at a byte`, {
        typeId: struct.id,
      });
    }
    return this.format(member.type, bit, depth);
  }

  private enumerator(type: BtfEnum | BtfEnum64, field: BitField): string {
    checkScalarSize(type);
    const bits = this.bits(field);
    for (const { name, value } of type.values) {
      if (BigInt.asUintN(field.width, BigInt(value)) === bits) return quote(name);
    }
    return String(BigInt.asIntN(field.width, bits));
  }

  private float(at: number, size: number): string {
    needBytes(this.bytes, at, size, this.path);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const little = this.btf.byteOrder === 'little';
    if (size !== 4 && size !== 8) return this.hex(this.bits({ bit: 8 * at, width: 8 * size }));
    const value = size === 4 ? view.getFloat32(at, little) : view.getFloat64(at, little);
    return this.plain || Number.isFinite(value) ? String(value) : quote(String(value));
  }

  private array(type: BtfArray, at: number, depth: number): string {
    const size = this.btf.sizeOf(type.elementType);
    needBytes(this.bytes, at, type.count * size, this.path);
    const text = this.text(type, at);
    if (text !== undefined) return quote(text);
    const count = size === 0 ? 0 : type.count;
    const items = Array.from(
      { length: count },
      (_, i) => () => this.format(type.elementType, 8 * (at + i * size), depth + 1),
    );
    return this.list(depth, items);
  }

  /** The text in an array of char (typedefs of it do not count), if it is printable and ends inside. */
  private text(type: BtfArray, at: number): string | undefined {
    let element = this.btf.typeById(type.elementType);
    // Its size is known already, so the chain ends.
    while (isModifier(element)) element = this.btf.typeById(element.type);
    if (element.kind !== 'int' || !isChar(element)) return undefined;
    const chars = this.bytes.subarray(at, at + type.count);
    const end = chars.indexOf(0);
    const isText = end >= 0 && chars.subarray(0, end).every((char) => char > 0x1f && char < 0x7f);
    return isText ? decodeUtf8(chars, 0, end) : undefined;
  }

  private pointer(value: bigint): string {
    if (!this.plain) return String(value);
    return value === 0n ? '"(nil)"' : `"0x${value.toString(16)}"`;
  }

  private character(code: number): string {
    if (code > 0x1f && code < 0x7f) return quote(String.fromCharCode(code));
    const digits = code.toString(16);
    return this.plain ? `0x${digits}` : `"\\u00${digits.padStart(2, '0')}"`;
  }

  private hex(value: bigint): string {
    const text = `0x${value.toString(16)}`;
    return this.plain ? text : `"${text}"`;
  }

  private bits({ bit, width }: BitField): bigint {
    const first = Math.floor(bit / 8);
    needBytes(this.bytes, first, Math.ceil((bit + width) / 8) - first, this.path);
    return readBits(this.bytes, bit, width, this.btf.byteOrder);
  }

  private object(depth: number, members: readonly (readonly [string, () => string])[]): string {
    const start = this.pretty ? newLine(depth + 1) : '';
    const colon = this.pretty ? ': ' : ':';
    const parts = members.map(
      ([name, text]) => `${start}${quote(name)}${colon}${this.path.within(name, text)}`,
    );
    return `{${parts.join(',')}${this.end(depth, parts)}}`;
  }

  private list(depth: number, items: readonly (() => string)[]): string {
    const parts = items.map((text, i) => this.path.within(i, text));
    return `[${parts.join(',')}${this.end(depth, parts)}]`;
  }

  private end(depth: number, parts: readonly string[]): string {
    return this.pretty && parts.length > 0 ? newLine(depth) : '';
  }
}

function isModifier(type: BtfType): type is BtfModifier | BtfTypeTag {
  return ['const', 'volatile', 'restrict', 'type_tag'].includes(type.kind);
}

function newLine(depth: number): string {
  return `\n${'    '.repeat(depth)}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
