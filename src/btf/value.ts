/**
 * What reading, writing and formatting of values have in common: their shape in JavaScript, the path for error messages, and
 * questions about types that only values ask.
 */
import { BtfError } from '../base/errors.ts';
import { MAX_BTF_DEPTH, maxValueParts } from '../base/limits.ts';
import type { Btf } from './btf.ts';
import type { BtfArray, BtfEnum, BtfEnum64, BtfInt, BtfMember } from './types.ts';

/**
 * A value in JavaScript. Integers and enums of up to 4 bytes are numbers, larger ones bigints; pointers are bigints; bool is a
 * boolean; arrays of char are strings; structs and unions are objects by member name, in which the members of anonymous ones
 * stand beside the others. Floats that JavaScript has no number for (2, 12, 16 bytes) stay bytes.
 */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly BtfValue[]
  | { readonly [member: string]: BtfValue };

/** The way from the outermost value to the part in hand, as C would write it: `event.comm[3]`. */
export class ValuePath {
  private readonly steps: (string | number)[] = [];
  private readonly root: string;
  private left: number;

  constructor(root: string, bytes: Uint8Array) {
    this.root = root;
    this.left = maxValueParts(bytes.length);
  }

  /** Runs `visit` one step further in; '' is a step that C does not write (into an anonymous struct). */
  within<T>(step: string | number, visit: () => T): T {
    if (--this.left < 0 || this.steps.length > MAX_BTF_DEPTH) {
      throw new BtfError('btf-too-large', `${this.toString()}: the value has too many parts`);
    }
    this.steps.push(step);
    const result = visit();
    this.steps.pop();
    return result;
  }

  toString(): string {
    let text = this.root;
    for (const step of this.steps) {
      if (typeof step === 'number') text += `[${step}]`;
      else if (step !== '') text += text === '' ? step : `.${step}`;
    }
    return text === '' ? 'value' : text;
  }
}

/** Throws unless bytes[offset, offset + size) exist. */
export function needBytes(bytes: Uint8Array, offset: number, size: number, path: ValuePath): void {
  if (offset >= 0 && offset + size <= bytes.length) return;
  const message = `${path.toString()}: ${size} bytes at offset ${offset} do not fit ${bytes.length} bytes`;
  throw new BtfError('btf-value-bounds', message, { offset });
}

/** An error for types of which there are no values. */
export function noValue(btf: Btf, id: number, path: ValuePath): BtfError {
  const type = btf.typeById(id);
  const message = `${path.toString()}: there are no values of type [${id}], a ${type.kind}`;
  return new BtfError('btf-no-value', message, { typeId: id });
}

/** Whether an array holds text: its elements are `char`, under whatever typedefs. */
export function isCharArray(btf: Btf, array: BtfArray): boolean {
  const element = btf.resolve(array.elementType);
  return element.kind === 'int' && isChar(element);
}

/** Whether an int is C's char; clang marks it as a signed number. */
export function isChar(type: BtfInt): boolean {
  return type.size === 1 && (type.encoding === 'char' || type.name === 'char');
}

/** Where the bits of an integer lie when they are not whole bytes of the type's size; undefined when they are. */
export interface BitField {
  readonly bit: number;
  readonly width: number;
}

/** The bits of a struct's member at `structBit` bits, if it is a bitfield: by its own width, or (old compilers) by its int's. */
export function bitfieldOf(btf: Btf, member: BtfMember, structBit: number): BitField | undefined {
  const bit = structBit + member.bitOffset;
  if (member.bitSize > 0) return { bit, width: member.bitSize };
  const type = btf.resolve(member.type);
  return type.kind === 'int' ? intBits(type, bit) : undefined;
}

/** The bits of an int whose type starts at `bit`, unless they are whole bytes that can be read at once. */
export function intBits(type: BtfInt, bit: number): BitField | undefined {
  const whole = type.offset === 0 && type.bits === 8 * type.size && bit % 8 === 0;
  return whole ? undefined : { bit: bit + type.offset, width: type.bits };
}

/**
 * Throws unless the type has a size that numbers of its kind can have. Objects are opened without this check, as libbpf opens
 * them; the kernel refuses such types.
 */
export function checkScalarSize(type: BtfInt | BtfEnum | BtfEnum64): void {
  const { kind, size } = type;
  const valid = kind === 'int' ? size >= 1 && size <= 16 && type.bits >= 1 : [1, 2, 4, 8].includes(size);
  if (valid) return;
  throw new BtfError('btf-scalar-size', `type [${type.id}], a ${kind}, cannot have ${size} bytes`, {
    typeId: type.id,
  });
}

/** The number that `width` bits stand for. */
export function toSigned(bits: bigint, width: number, signed: boolean): bigint {
  return signed ? BigInt.asIntN(width, bits) : bits;
}
