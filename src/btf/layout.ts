/**
 * The bytes of one type record: a struct btf_type of 12 bytes, and per kind what follows it (include/uapi/linux/btf.h). Only
 * numbers: how long a record is and where it refers to other types and to strings. Its meaning is decode.ts's.
 */
import type { ByteReader } from '../base/bytes.ts';
import { BTF_KINDS, type BtfKind } from './types.ts';

/** Bytes of struct btf_type. */
export const TYPE_BYTES = 12;

/** What follows the struct btf_type of a kind: `once` bytes, then `each` bytes for every one of its vlen parts. */
interface Tail {
  readonly once: number;
  readonly each: number;
  /** Whether the third word is a type id (rather than a size or unused). */
  readonly refers: boolean;
  /** Words of each part (or of the `once` bytes) that hold a string offset, and that hold a type id. */
  readonly names: readonly number[];
  readonly ids: readonly number[];
}

function tail(refers: boolean, shape: Partial<Tail> = {}): Tail {
  return { once: 0, each: 0, names: [], ids: [], refers, ...shape };
}

const TAILS: Readonly<Record<BtfKind, Tail>> = {
  void: tail(false),
  int: tail(false, { once: 4 }),
  ptr: tail(true),
  array: tail(false, { once: 12, ids: [0, 1] }),
  struct: tail(false, { each: 12, names: [0], ids: [1] }),
  union: tail(false, { each: 12, names: [0], ids: [1] }),
  enum: tail(false, { each: 8, names: [0] }),
  fwd: tail(false),
  typedef: tail(true),
  volatile: tail(true),
  const: tail(true),
  restrict: tail(true),
  func: tail(true),
  func_proto: tail(true, { each: 8, names: [0], ids: [1] }),
  var: tail(true, { once: 4 }),
  datasec: tail(false, { each: 12, ids: [0] }),
  float: tail(false),
  decl_tag: tail(true, { once: 4 }),
  type_tag: tail(true),
  enum64: tail(false, { each: 12, names: [0] }),
};

/** The tails by kind number. */
const TAIL_OF_NUMBER: readonly Tail[] = BTF_KINDS.map((kind) => TAILS[kind]);

/** The number of the kind, from the info word. */
export function kindNumber(info: number): number {
  return (info >>> 24) & 0x1f;
}

/** The number of members, enumerators, parameters or variables, from the info word. */
export function vlenOf(info: number): number {
  return info & 0xffff;
}

/** The kind_flag, from the info word. */
export function kindFlag(info: number): boolean {
  return info >>> 31 !== 0;
}

/** Bytes of a whole record; undefined for kinds that are not known. The kind `void` never stands in a file. */
export function recordBytes(info: number): number | undefined {
  const kind = kindNumber(info);
  const shape = TAIL_OF_NUMBER[kind];
  if (!shape || kind === 0) return undefined;
  return TYPE_BYTES + shape.once + shape.each * vlenOf(info);
}

/** Where a record refers to. Calls `name` with each string offset and `id` with each type id, and with where it stands. */
export function eachReference(
  reader: ByteReader,
  at: number,
  name: (offset: number, at: number) => void,
  id: (id: number, at: number) => void,
): void {
  const info = reader.u32(at + 4);
  const shape = TAIL_OF_NUMBER[kindNumber(info)];
  if (!shape) return;
  name(reader.u32(at), at);
  if (shape.refers) id(reader.u32(at + 8), at + 8);
  const parts = shape.each === 0 ? 1 : vlenOf(info);
  for (let i = 0; i < parts; i++) {
    const part = at + TYPE_BYTES + i * shape.each;
    for (const word of shape.names) name(reader.u32(part + 4 * word), part + 4 * word);
    for (const word of shape.ids) id(reader.u32(part + 4 * word), part + 4 * word);
  }
}
