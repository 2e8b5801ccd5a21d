/**
 * The numbers that CO-RE records ask for: where a field lies, how large it is, whether it exists (bpf_core_calc_relo in
 * tools/lib/bpf/relo_core.c). Computed once for the program's own types, to check what stands in the instruction, and once for the
 * kernel's.
 */
import { BtfError } from '../../base/errors.ts';
import type { BtfMember, BtfType } from '../types.ts';
import { type CoreSpec, groupOf } from './spec.ts';

/** What one side of a record comes to; undefined stands for "the kernel does not have it", which poisons the instruction. */
export interface CoreValue {
  /** As an unsigned 64-bit number. */
  readonly value: bigint;
  /** Whether the instruction must hold the local value: not where compilers may disagree. */
  readonly validate: boolean;
  /** The field that a load or store accesses, when the value is its offset. */
  readonly access?: { readonly size: number; readonly type: BtfType };
}

/** Where a field's bits lie and in what unit they are loaded. */
interface FieldPlace {
  readonly type: BtfType;
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitOffset: number;
  readonly bitSize: number;
  readonly isBitfield: boolean;
}

/** The value of a place that exists. */
export function coreValue(spec: CoreSpec): CoreValue {
  switch (groupOf(spec.kind)) {
    case 'field':
      return fieldValue(spec);
    case 'type':
      return typeValue(spec);
    case 'enumerator':
      return enumeratorValue(spec);
  }
}

/** The value of a place that the kernel does not have; undefined when there can be none. */
export function missingValue(spec: CoreSpec): CoreValue | undefined {
  const { kind } = spec;
  const hasAnswer = groupOf(kind) === 'type' || kind === 'field_exists' || kind === 'enumval_exists';
  return hasAnswer ? { value: 0n, validate: true } : undefined;
}

function fieldValue(spec: CoreSpec): CoreValue {
  if (spec.kind === 'field_exists') return { value: 1n, validate: true };
  const accessor = spec.accessors.at(-1);
  if (accessor?.name === undefined) return elementValue(spec, accessor?.typeId ?? 0);
  const struct = spec.btf.typeById(accessor.typeId);
  const member =
    struct.kind === 'struct' || struct.kind === 'union' ? struct.members[accessor.index] : undefined;
  if (!member) throw unfit(spec, 'it is no member');
  const place = placeOf(spec, member);
  const validate = !place.isBitfield;
  switch (spec.kind) {
    case 'byte_off': {
      const value = BigInt(place.byteOffset);
      if (place.isBitfield) return { value, validate };
      return { value, validate, access: { size: place.byteSize, type: place.type } };
    }
    case 'byte_sz':
      return { value: BigInt(place.byteSize), validate };
    case 'signed':
      return { value: isSigned(place.type) ? 1n : 0n, validate: true };
    case 'lshift_u64': {
      const before = place.bitOffset - 8 * place.byteOffset;
      const little = spec.btf.byteOrder === 'little';
      const shift = little ? 64 - (before + place.bitSize) : 8 * (8 - place.byteSize) + before;
      return { value: BigInt.asUintN(64, BigInt(shift)), validate };
    }
    case 'rshift_u64':
      return { value: BigInt.asUintN(64, BigInt(64 - place.bitSize)), validate: true };
    default:
      throw unfit(spec, 'it is no field');
  }
}

/** An element of an array has an offset and a size, and no more. */
function elementValue(spec: CoreSpec, typeId: number): CoreValue {
  const size = spec.btf.sizeOf(typeId);
  if (spec.kind === 'byte_sz') return { value: BigInt(size), validate: true };
  if (spec.kind !== 'byte_off') throw unfit(spec, `'${spec.kind}' cannot be asked of an array's element`);
  return {
    value: BigInt(Math.floor(spec.bitOffset / 8)),
    validate: true,
    access: { size, type: spec.btf.typeById(typeId) },
  };
}

function placeOf(spec: CoreSpec, member: BtfMember): FieldPlace {
  const { btf, bitOffset } = spec;
  const type = btf.resolve(member.type);
  const size = btf.sizeOf(type.id);
  if (member.bitSize === 0) {
    const byteOffset = Math.floor(bitOffset / 8);
    return { type, byteOffset, byteSize: size, bitOffset, bitSize: 8 * size, isBitfield: false };
  }
  // The smallest aligned unit of at least the declared type's size that holds all the bits.
  for (let byteSize = Math.max(1, size); ; byteSize *= 2) {
    const byteOffset = Math.floor(bitOffset / 8 / byteSize) * byteSize;
    if (bitOffset + member.bitSize - 8 * byteOffset <= 8 * byteSize) {
      return { type, byteOffset, byteSize, bitOffset, bitSize: member.bitSize, isBitfield: true };
    }
    if (byteSize >= 8) throw unfit(spec, 'no 64-bit load reads the whole bitfield');
  }
}

function typeValue(spec: CoreSpec): CoreValue {
  switch (spec.kind) {
    case 'target_type_id':
      return { value: BigInt(spec.rootId), validate: false };
    case 'type_size':
      return { value: BigInt(spec.btf.sizeOf(spec.rootId)), validate: true };
    default:
      return { value: 1n, validate: true };
  }
}

function enumeratorValue(spec: CoreSpec): CoreValue {
  if (spec.kind === 'enumval_exists') return { value: 1n, validate: true };
  const accessor = spec.accessors[0];
  const type = spec.btf.typeById(accessor?.typeId ?? 0);
  const entry =
    type.kind === 'enum' || type.kind === 'enum64' ? type.values[accessor?.index ?? 0] : undefined;
  // Values of a 32-bit enum are sign-extended even when the enum is unsigned: the instruction's immediate is.
  const value = typeof entry?.value === 'number' ? BigInt(entry.value | 0) : (entry?.value ?? 0n);
  return { value: BigInt.asUintN(64, value), validate: true };
}

function isSigned(type: BtfType): boolean {
  if (type.kind === 'enum' || type.kind === 'enum64') return type.signed;
  return type.kind === 'int' && type.encoding === 'signed';
}

function unfit(spec: CoreSpec, why: string): BtfError {
  const message = `CO-RE record '${spec.kind}' cannot be applied: ${why}`;
  return new BtfError('core-unfit', message, { typeId: spec.rootId });
}
