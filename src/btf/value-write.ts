/**
 * Values to bytes by type, the reverse of value-read.ts, with every mistake named by its path: `event.comm[3]: 300 does not fit char`.
 * What a struct, array or union is not given becomes zero.
 */
import { BtfError, UsageError } from '../base/errors.ts';
import { encodeUtf8 } from '../base/text.ts';
import { writeBits } from './bits.ts';
import type { Btf } from './btf.ts';
import { typeName } from './c-type.ts';
import type { BtfArray, BtfDatasec, BtfEnum, BtfEnum64, BtfInt, BtfMember, BtfStruct } from './types.ts';
import {
  type BitField,
  type BtfValue,
  bitfieldOf,
  checkScalarSize,
  intBits,
  isChar,
  needBytes,
  noValue,
  ValuePath,
} from './value.ts';

/** How `encodeValue` reports errors. */
export interface WriteOptions {
  /** What error messages call the value. */
  readonly name?: string;
}

/** Largest value that is made; far beyond what a map may hold. */
const MAX_VALUE_BYTES = 256 * 1024 * 1024;

/** Names listed in an error message before it stops. */
const LISTED_NAMES = 12;

/**
 * The bytes of a value. Integers may be numbers, bigints or text (`"42"`, `"0x2a"`), enums also their names, arrays of char
 * strings; any value may be given as its raw bytes.
 * @throws UsageError `value-type`, `value-range`, `unknown-member` or `unknown-enumerator`, with the path of the part that is wrong.
 */
export function encodeValue(
  btf: Btf,
  typeId: number,
  value: BtfValue,
  options: WriteOptions = {},
): Uint8Array {
  const size = btf.sizeOf(typeId);
  if (size > MAX_VALUE_BYTES) {
    throw new BtfError('btf-too-large', `a value of type [${typeId}] takes ${size} bytes`, { typeId });
  }
  const bytes = new Uint8Array(size);
  writeAt(btf, typeId, bytes, 0, value, options);
  return bytes;
}

/** Writes a value in place at `offset`, as encodeValue. A value that is refused may have been written in part. */
export function writeAt(
  btf: Btf,
  typeId: number,
  bytes: Uint8Array,
  offset: number,
  value: BtfValue,
  options: WriteOptions = {},
): void {
  new ValueWriter(btf, bytes, options).write(typeId, offset, value);
}

class ValueWriter {
  private readonly btf: Btf;
  private readonly bytes: Uint8Array;
  private readonly path: ValuePath;

  constructor(btf: Btf, bytes: Uint8Array, options: WriteOptions) {
    this.btf = btf;
    this.bytes = bytes;
    this.path = new ValuePath(options.name ?? '', bytes);
  }

  write(id: number, at: number, value: BtfValue): void {
    const type = this.btf.resolve(id);
    if (value instanceof Uint8Array && type.kind !== 'array') {
      this.raw(at, this.btf.sizeOf(id), value, id);
      return;
    }
    switch (type.kind) {
      case 'int':
        this.int(type, intBits(type, 8 * at) ?? { bit: 8 * at, width: 8 * type.size }, value);
        return;
      case 'ptr': {
        const width = 8 * this.btf.pointerSize;
        this.bits({ bit: 8 * at, width }, this.inRange(this.integer(value, id), 0n, 1n << BigInt(width), id));
        return;
      }
      case 'enum':
      case 'enum64':
        this.enumerator(type, { bit: 8 * at, width: 8 * type.size }, value);
        return;
      case 'float':
        this.float(at, type.size, value, id);
        return;
      case 'array':
        this.array(type, at, value);
        return;
      case 'struct':
      case 'union':
        this.clear(at, type.size);
        this.struct(type, at, value);
        return;
      case 'var':
        this.path.within('', () => {
          this.write(type.type, at, value);
        });
        return;
      case 'datasec':
        this.section(type, at, value);
        return;
      default:
        throw noValue(this.btf, id, this.path);
    }
  }

  private int(type: BtfInt, field: BitField, value: BtfValue): void {
    checkScalarSize(type);
    if (type.encoding === 'bool') {
      const given = typeof value === 'boolean' ? BigInt(value) : this.integer(value, type.id);
      this.bits(field, this.inRange(given, 0n, 2n, type.id));
      return;
    }
    const half = 1n << BigInt(field.width - 1);
    // Whether a plain char is signed depends on the machine, so both readings are welcome.
    const min = type.encoding === 'signed' || isChar(type) ? -half : 0n;
    const max = type.encoding === 'signed' && !isChar(type) ? half : 2n * half;
    this.bits(field, this.inRange(this.integer(value, type.id), min, max, type.id));
  }

  private enumerator(type: BtfEnum | BtfEnum64, field: BitField, value: BtfValue): void {
    checkScalarSize(type);
    const known = type.values.find((entry) => entry.name === value);
    if (!known && typeof value === 'string' && parseInteger(value) === undefined) {
      const names = listNames(type.values.map((entry) => entry.name));
      throw this.wrong(
        'unknown-enumerator',
        `'${value}' is none of ${typeName(this.btf, type.id)}: ${names}`,
      );
    }
    const number = known ? BigInt(known.value) : this.integer(value, type.id);
    const whole = 1n << BigInt(field.width);
    this.bits(field, this.inRange(number, -whole / 2n, whole, type.id));
  }

  private float(at: number, size: number, value: BtfValue, id: number): void {
    needBytes(this.bytes, at, size, this.path);
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    const isText = typeof value === 'string';
    const isNumber = typeof number === 'bigint' || typeof number === 'number';
    if (!isNumber || (isText && Number.isNaN(number))) throw this.wrongType(id, value);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const little = this.btf.byteOrder === 'little';
    if (size === 4) view.setFloat32(at, Number(number), little);
    else if (size === 8) view.setFloat64(at, Number(number), little);
    else throw this.wrong('value-type', `a float of ${size} bytes can only be given as bytes`);
  }

  private array(type: BtfArray, at: number, value: BtfValue): void {
    const size = this.btf.sizeOf(type.elementType);
    const element = this.btf.resolve(type.elementType);
    const isBytes = element.kind === 'int' && element.size === 1;
    needBytes(this.bytes, at, type.count * size, this.path);
    const bytes = value instanceof Uint8Array ? value : undefined;
    const text = isBytes && typeof value === 'string' ? encodeUtf8(value) : undefined;
    const raw = bytes ?? text;
    if (raw) {
      if (raw.length > type.count * size || (bytes && !isBytes && bytes.length !== type.count * size)) {
        throw this.wrong('value-range', `${raw.length} bytes do not fit ${typeName(this.btf, type.id)}`);
      }
      this.clear(at, type.count * size);
      this.bytes.set(raw, at);
      return;
    }
    if (!isList(value)) throw this.wrongType(type.id, value);
    if (value.length > type.count) {
      throw this.wrong('value-range', `${value.length} elements do not fit ${typeName(this.btf, type.id)}`);
    }
    this.clear(at, type.count * size);
    value.forEach((item, i) => {
      this.path.within(i, () => {
        this.write(type.elementType, at + i * size, item);
      });
    });
  }

  private struct(type: BtfStruct, at: number, value: BtfValue): void {
    if (!isRecord(value)) throw this.wrongType(type.id, value);
    const places = new Map<string, { member: BtfMember; structBit: number }>();
    collectMembers(this.btf, type, 8 * at, places, this.path);
    for (const [name, item] of Object.entries(value)) {
      const place = places.get(name);
      if (!place) {
        const names = listNames([...places.keys()]);
        throw this.wrong(
          'unknown-member',
          `${typeName(this.btf, type.id)} has no member '${name}', but ${names}`,
        );
      }
      this.path.within(name, () => {
        this.member(place.member, place.structBit, item);
      });
    }
  }

  private member(member: BtfMember, structBit: number, value: BtfValue): void {
    const field = bitfieldOf(this.btf, member, structBit);
    const type = this.btf.resolve(member.type);
    if (field && type.kind === 'int') this.int(type, field, value);
    else if (field && (type.kind === 'enum' || type.kind === 'enum64')) this.enumerator(type, field, value);
    else this.write(member.type, (structBit + member.bitOffset) / 8, value);
  }

  private section(type: BtfDatasec, at: number, value: BtfValue): void {
    if (!isRecord(value)) throw this.wrongType(type.id, value);
    for (const [name, item] of Object.entries(value)) {
      const variable = type.vars.find((candidate) => this.btf.nameOf(candidate.type) === name);
      if (!variable) {
        const names = listNames(type.vars.map((candidate) => this.btf.nameOf(candidate.type)));
        throw this.wrong('unknown-member', `section ${type.name} has no variable '${name}', but ${names}`);
      }
      this.path.within(name, () => {
        this.write(variable.type, at + variable.offset, item);
      });
    }
  }

  private raw(at: number, size: number, value: Uint8Array, id: number): void {
    needBytes(this.bytes, at, size, this.path);
    if (value.length !== size) {
      throw this.wrong('value-range', `${value.length} bytes given, ${typeName(this.btf, id)} takes ${size}`);
    }
    this.bytes.set(value, at);
  }

  private clear(at: number, size: number): void {
    needBytes(this.bytes, at, size, this.path);
    this.bytes.fill(0, at, at + size);
  }

  private bits(field: BitField, value: bigint): void {
    const first = Math.floor(field.bit / 8);
    needBytes(this.bytes, first, Math.ceil((field.bit + field.width) / 8) - first, this.path);
    if (!Number.isInteger(field.bit))
      throw new BtfError('btf-unaligned', `${this.path.toString()} has no place`);
    writeBits(this.bytes, field.bit, field.width, this.btf.byteOrder, value);
  }

  private integer(value: BtfValue, id: number): bigint {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
    const parsed = typeof value === 'string' ? parseInteger(value) : undefined;
    if (parsed === undefined) throw this.wrongType(id, value);
    return parsed;
  }

  private inRange(value: bigint, min: bigint, end: bigint, id: number): bigint {
    if (min <= value && value < end) return value;
    const message = `${value} does not fit ${typeName(this.btf, id)} (${min} to ${end - 1n})`;
    throw this.wrong('value-range', message);
  }

  private wrongType(id: number, value: BtfValue): UsageError {
    return this.wrong('value-type', `${describe(value)} given, ${typeName(this.btf, id)} needed`);
  }

  private wrong(code: string, message: string): UsageError {
    return new UsageError(code, `${this.path.toString()}: ${message}`);
  }
}

/** Members by name, those of anonymous structs and unions among them. */
function collectMembers(
  btf: Btf,
  struct: BtfStruct,
  structBit: number,
  places: Map<string, { member: BtfMember; structBit: number }>,
  path: ValuePath,
): void {
  for (const member of struct.members) {
    if (member.name !== '') {
      places.set(member.name, { member, structBit });
      continue;
    }
    const inner = btf.resolve(member.type);
    if (inner.kind !== 'struct' && inner.kind !== 'union') continue;
    path.within('', () => {
      collectMembers(btf, inner, structBit + member.bitOffset, places, path);
    });
  }
}

function parseInteger(text: string): bigint | undefined {
  const match = /^\s*(-?)(0x[0-9a-f]+|\d+)\s*$/i.exec(text);
  if (!match?.[2]) return undefined;
  return match[1] === '-' ? -BigInt(match[2]) : BigInt(match[2]);
}

function isList(value: BtfValue): value is readonly BtfValue[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is { readonly [member: string]: BtfValue } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return 'none at all';
  const rest = names.length > LISTED_NAMES ? ', …' : '';
  return `${names.slice(0, LISTED_NAMES).join(', ')}${rest}`;
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
