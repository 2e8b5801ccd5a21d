/** Bytes to values by type: what a map, a global variable or a ring buffer record holds, as JavaScript sees it. */
import { BtfError } from '../base/errors.ts';
import { cStringAt } from '../base/text.ts';
import { readBits } from './bits.ts';
import type { Btf } from './btf.ts';
import type { BtfArray, BtfEnum, BtfEnum64, BtfInt, BtfMember, BtfStruct } from './types.ts';
import {
  type BitField,
  type BtfValue,
  bitfieldOf,
  checkScalarSize,
  intBits,
  isCharArray,
  needBytes,
  noValue,
  toSigned,
  ValuePath,
} from './value.ts';

/** How `decodeValue` reads. */
export interface ReadOptions {
  /** Enums as names where the value has one (the default), or always as numbers. */
  readonly enums?: 'names' | 'numbers';
  /** Arrays of char as text up to the first zero (the default), or as arrays of numbers. */
  readonly chars?: 'text' | 'numbers';
  /** What error messages call the value. */
  readonly name?: string;
}

/**
 * The value that `bytes` begin with.
 * @throws BtfError `btf-value-bounds` when they are too few, `btf-no-value` when the type has no values.
 */
export function decodeValue(
  btf: Btf,
  typeId: number,
  bytes: Uint8Array,
  options: ReadOptions = {},
): BtfValue {
  return readAt(btf, typeId, bytes, 0, options);
}

/** The value at `offset`, as decodeValue. */
export function readAt(
  btf: Btf,
  typeId: number,
  bytes: Uint8Array,
  offset: number,
  options: ReadOptions = {},
): BtfValue {
  return new ValueReader(btf, bytes, options).read(typeId, offset);
}

class ValueReader {
  private readonly btf: Btf;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly little: boolean;
  private readonly options: ReadOptions;
  private readonly path: ValuePath;

  constructor(btf: Btf, bytes: Uint8Array, options: ReadOptions) {
    this.btf = btf;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = btf.byteOrder === 'little';
    this.options = options;
    this.path = new ValuePath(options.name ?? '', bytes);
  }

  read(id: number, at: number): BtfValue {
    const type = this.btf.resolve(id);
    switch (type.kind) {
      case 'int':
        return this.int(type, at);
      case 'ptr':
        return BigInt(this.number(at, this.btf.pointerSize, false));
      case 'enum':
      case 'enum64':
        checkScalarSize(type);
        return this.enumerator(type, this.number(at, type.size, type.signed));
      case 'float':
        return this.float(at, type.size);
      case 'array':
        return this.array(type, at);
      case 'struct':
      case 'union': {
        const entries: [string, BtfValue][] = [];
        this.members(type, 8 * at, entries);
        return Object.fromEntries(entries);
      }
      case 'var':
        return this.path.within('', () => this.read(type.type, at));
      case 'datasec':
        return Object.fromEntries(
          type.vars.map((variable): [string, BtfValue] => {
            const name = this.btf.nameOf(variable.type);
            return [name, this.path.within(name, () => this.read(variable.type, at + variable.offset))];
          }),
        );
      default:
        throw noValue(this.btf, id, this.path);
    }
  }

  private int(type: BtfInt, at: number): BtfValue {
    checkScalarSize(type);
    const field = intBits(type, 8 * at);
    if (field) return this.bits(type, field);
    if (type.encoding === 'bool') return Number(this.number(at, type.size, false)) !== 0;
    return this.number(at, type.size, type.encoding === 'signed');
  }

  /** An integer of whole bytes: a number up to 4 of them, else a bigint. */
  private number(at: number, size: number, signed: boolean): number | bigint {
    needBytes(this.bytes, at, size, this.path);
    switch (size) {
      case 1:
        return signed ? this.view.getInt8(at) : this.view.getUint8(at);
      case 2:
        return signed ? this.view.getInt16(at, this.little) : this.view.getUint16(at, this.little);
      case 4:
        return signed ? this.view.getInt32(at, this.little) : this.view.getUint32(at, this.little);
      case 8:
        return signed ? this.view.getBigInt64(at, this.little) : this.view.getBigUint64(at, this.little);
      default:
        return this.field({ bit: 8 * at, width: 8 * size }, signed, size);
    }
  }

  private field({ bit, width }: BitField, signed: boolean, size: number): number | bigint {
    const first = Math.floor(bit / 8);
    needBytes(this.bytes, first, Math.ceil((bit + width) / 8) - first, this.path);
    const value = toSigned(readBits(this.bytes, bit, width, this.btf.byteOrder), width, signed);
    return size <= 4 ? Number(value) : value;
  }

  /** A bitfield has its declared type's shape. */
  private bits(type: BtfInt | BtfEnum | BtfEnum64, field: BitField): BtfValue {
    checkScalarSize(type);
    if (type.kind !== 'int') return this.enumerator(type, this.field(field, type.signed, type.size));
    const value = this.field(field, type.encoding === 'signed', type.size);
    return type.encoding === 'bool' ? Number(value) !== 0 : value;
  }

  private enumerator(type: BtfEnum | BtfEnum64, value: number | bigint): BtfValue {
    if (this.options.enums === 'numbers') return value;
    const known = type.kind === 'enum' ? Number(value) : BigInt(value);
    for (const entry of type.values) if (entry.value === known) return entry.name;
    return value;
  }

  private float(at: number, size: number): BtfValue {
    needBytes(this.bytes, at, size, this.path);
    if (size === 4) return this.view.getFloat32(at, this.little);
    if (size === 8) return this.view.getFloat64(at, this.little);
    return this.bytes.slice(at, at + size);
  }

  private array(type: BtfArray, at: number): BtfValue {
    const size = this.btf.sizeOf(type.elementType);
    needBytes(this.bytes, at, type.count * size, this.path);
    if (isCharArray(this.btf, type) && this.options.chars !== 'numbers') {
      return cStringAt(this.bytes, at, at + type.count);
    }
    // Elements without a size have nothing to tell, and there may be four billion of them.
    const count = size === 0 ? 0 : type.count;
    const values: BtfValue[] = [];
    for (let i = 0; i < count; i++) {
      values.push(this.path.within(i, () => this.read(type.elementType, at + i * size)));
    }
    return values;
  }

  private members(struct: BtfStruct, structBit: number, entries: [string, BtfValue][]): void {
    for (const member of struct.members) {
      this.path.within(member.name, () => {
        this.member(member, structBit, entries);
      });
    }
  }

  private member(member: BtfMember, structBit: number, entries: [string, BtfValue][]): void {
    const bit = structBit + member.bitOffset;
    const type = this.btf.resolve(member.type);
    if (member.name === '') {
      if (type.kind === 'struct' || type.kind === 'union') this.members(type, bit, entries);
      return;
    }
    const field = bitfieldOf(this.btf, member, structBit);
    if (field && (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64')) {
      entries.push([member.name, this.bits(type, field)]);
    } else if (bit % 8 === 0) {
      entries.push([member.name, this.read(member.type, bit / 8)]);
    } else {
      throw new BtfError('btf-unaligned', `${this.path.toString()} does not begin at a byte`, {
        typeId: type.id,
      });
    }
  }
}
