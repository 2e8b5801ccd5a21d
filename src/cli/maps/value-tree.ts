/**
 * Bytes to JSON by BTF type, each kind as bpftool shows it: enumerators by name, text in quotes, bitfields and 128-bit numbers in
 * hexadecimal, anonymous members under the name '' (tools/bpf/bpftool/btf_dumper.c).
 */
import { MAX_BTF_DEPTH, maxValueParts } from '../../base/limits.ts';
import {
  type Btf,
  type BtfArray,
  type BtfEnum,
  type BtfEnum64,
  BtfError,
  type BtfInt,
  type BtfStruct,
  type BtfType,
} from '../../index.ts';
import { type Json, jsonObject } from '../render/json-writer.ts';

/**
 * The value that `bytes` hold.
 * @param plain For people instead of machines: what JSON has no number for stands without quotes, pointers in hexadecimal.
 * @throws BtfError `btf-value-bounds` when the bytes are too few, `btf-no-value` for types without values, `btf-too-large`.
 */
export function valueTree(btf: Btf, typeId: number, bytes: Uint8Array, plain: boolean): Json {
  return new TreeBuilder(btf, bytes, plain).value(typeId, 0);
}

const QUALIFIERS: ReadonlySet<string> = new Set(['const', 'volatile', 'restrict', 'type_tag']);

class TreeBuilder {
  private readonly btf: Btf;
  private readonly bytes: Uint8Array;
  private readonly plain: boolean;
  private left: number;
  private depth = 0;

  constructor(btf: Btf, bytes: Uint8Array, plain: boolean) {
    this.btf = btf;
    this.bytes = bytes;
    this.plain = plain;
    this.left = maxValueParts(bytes.length);
  }

  /** The value of a type from bit `bit` on. */
  value(typeId: number, bit: number): Json {
    if (--this.left < 0 || this.depth > MAX_BTF_DEPTH)
      throw new BtfError('btf-too-large', 'the value has too many parts', { typeId });
    this.depth++;
    const value = this.ofKind(typeId, bit);
    this.depth--;
    return value;
  }

  private ofKind(typeId: number, bit: number): Json {
    const type = this.btf.resolve(typeId);
    switch (type.kind) {
      case 'int':
        return this.int(type, bit);
      case 'enum':
      case 'enum64':
        return this.enumerator(type, bit);
      case 'ptr':
        return this.pointer(this.read(bit, 8 * this.btf.pointerSize));
      case 'float':
        return this.float(bit, type.size);
      case 'array':
        return this.array(type, bit);
      case 'struct':
      case 'union':
        return this.struct(type, bit);
      case 'var':
        return jsonObject([type.name, this.value(type.type, bit)]);
      case 'datasec':
        return jsonObject([
          type.name,
          type.vars.map((variable) => this.value(variable.type, bit + 8 * variable.offset)),
        ]);
      default:
        throw new BtfError('btf-no-value', `there are no values of type [${typeId}], a ${type.kind}`, {
          typeId,
        });
    }
  }

  /** The unsigned number in `width` bits from bit `bit` on, little-endian. */
  private read(bit: number, width: number): bigint {
    const first = Math.floor(bit / 8);
    const end = Math.ceil((bit + width) / 8);
    if (end > this.bytes.length)
      throw new BtfError('btf-value-bounds', `${end} bytes do not fit ${this.bytes.length}`, {
        offset: first,
      });
    let value = 0n;
    for (let at = end - 1; at >= first; at--) value = (value << 8n) | BigInt(this.bytes[at] ?? 0);
    return BigInt.asUintN(width, value >> BigInt(bit % 8));
  }

  private int({ bits, offset, encoding }: BtfInt, bit: number): Json {
    const number = this.read(bit + offset, bits);
    const whole = bit % 8 === 0 && offset === 0 && [8, 16, 32, 64].includes(bits);
    if (!whole) return this.hexadecimal(number);
    switch (encoding) {
      case 'bool':
        return number !== 0n;
      case 'char':
        return this.character(Number(BigInt.asUintN(8, number)));
      case 'signed':
        return BigInt.asIntN(bits, number);
      default:
        return number;
    }
  }

  private character(code: number): Json {
    if (!this.plain || (code >= 0x20 && code < 0x7f)) return String.fromCharCode(code);
    return { verbatim: `0x${code.toString(16)}` };
  }

  private hexadecimal(number: bigint): Json {
    const text = `0x${number.toString(16)}`;
    return this.plain ? { verbatim: text } : text;
  }

  private pointer(address: bigint): Json {
    if (!this.plain) return address;
    return address === 0n ? '(nil)' : `0x${address.toString(16)}`;
  }

  /** Compared as signed numbers of the type's size, whatever the enumerators were declared as. */
  private enumerator(type: BtfEnum | BtfEnum64, bit: number): Json {
    const width = 8 * type.size;
    const value = BigInt.asIntN(width, this.read(bit, width));
    const known = type.values.find((entry) => BigInt.asIntN(width, BigInt(entry.value)) === value);
    return known?.name ?? value;
  }

  private float(bit: number, size: number): Json {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, this.read(bit, 8 * Math.min(size, 8)), true);
    if (size === 4) return view.getFloat32(0, true);
    return size === 8 ? view.getFloat64(0, true) : this.hexadecimal(this.read(bit, 8 * size));
  }

  private array(type: BtfArray, bit: number): Json {
    const size = this.btf.sizeOf(type.elementType);
    const text = this.text(type, bit);
    if (text !== undefined) return text;
    // Elements without a size have nothing to tell, and there may be four billion of them.
    const count = size === 0 ? 0 : type.count;
    if (bit / 8 + count * size > this.bytes.length)
      throw new BtfError('btf-value-bounds', `${count} elements do not fit ${this.bytes.length} bytes`, {
        typeId: type.id,
      });
    return Array.from({ length: count }, (_, index) => this.value(type.elementType, bit + 8 * size * index));
  }

  /** An array of char is text if nothing but printable characters comes before its first zero. */
  private text(type: BtfArray, bit: number): string | undefined {
    const element = this.unqualified(type.elementType);
    if (element.kind !== 'int' || element.size !== 1) return undefined;
    if (element.encoding !== 'char' && element.name !== 'char') return undefined;
    const bytes = this.bytes.subarray(bit / 8, bit / 8 + type.count);
    const end = bytes.indexOf(0);
    if (end < 0) return undefined;
    const shown = bytes.subarray(0, end);
    if (shown.some((byte) => byte < 0x20 || byte >= 0x7f)) return undefined;
    return String.fromCharCode(...shown);
  }

  /** Behind const and its like; a typedef of char is no char here. */
  private unqualified(typeId: number): BtfType {
    let type = this.btf.typeById(typeId);
    for (let steps = 0; QUALIFIERS.has(type.kind) && 'type' in type && steps < MAX_BTF_DEPTH; steps++)
      type = this.btf.typeById(type.type);
    return type;
  }

  private struct(type: BtfStruct, bit: number): Json {
    return jsonObject(
      ...type.members.map((member): [string, Json] => {
        const at = bit + member.bitOffset;
        if (member.bitSize === 0) return [member.name, this.value(member.type, at)];
        return [member.name, this.hexadecimal(this.read(at, member.bitSize))];
      }),
    );
  }
}
