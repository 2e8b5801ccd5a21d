/**
 * Special fields of map values, found in the value's BTF: locks, timers, kernel pointers, list heads … Programs may not read or write
 * them as bytes. Source: btf_parse_fields, btf_get_field_type, btf_find_struct_field in kernel/bpf/btf.c (Linux 6.12).
 */
import type { Btf, BtfType } from '../../btf/index.ts';

/** Kinds by the name of their struct; `kptr` are tagged pointers. Bytes of each. */
const SIZES = {
  bpf_spin_lock: 4,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_refcount: 4,
} as const;

/** A kind as the log names it. */
export type FieldKind = keyof typeof SIZES | 'kptr' | 'percpu_kptr';

/** A special field; `offset` and `size` in bytes of the value. */
export interface ValueField {
  readonly kind: FieldKind;
  readonly offset: number;
  readonly size: number;
  /** Kernel pointers: whether the map owns a reference. */
  readonly referenced?: boolean;
  /** Kernel pointers: type pointed to, in the value's BTF. */
  readonly pointee?: number;
}

/** The fields of one map's value, by offset. */
export type ValueFields = readonly ValueField[];

const TAGS: Readonly<Record<string, { kind: FieldKind; referenced: boolean }>> = {
  kptr_untrusted: { kind: 'kptr', referenced: false },
  kptr: { kind: 'kptr', referenced: true },
  percpu_kptr: { kind: 'percpu_kptr', referenced: true },
};

/** Nesting of structs that the kernel follows (MAX_RESOLVE_DEPTH). */
const MAX_DEPTH = 32;
/** More special fields than this are none (BTF_FIELDS_MAX). */
const MAX_FIELDS = 11;

/** The special fields of a value of this type; none for other types than structs and data sections. */
export function findValueFields(btf: Btf | undefined, typeId: number): ValueFields {
  if (btf === undefined || typeId === 0) return [];
  const found: ValueField[] = [];
  const type = btf.resolve(typeId);
  if (type.kind === 'struct' || type.kind === 'union') searchStruct(btf, type, 0, found, 0);
  else if (type.kind === 'datasec')
    for (const variable of type.vars) {
      const declared = btf.typeById(variable.type);
      if (declared.kind === 'var') searchOne(btf, declared.type, variable.offset, found, 0);
    }
  return found.length > MAX_FIELDS ? [] : found.sort((a, b) => a.offset - b.offset);
}

/** The field of one of these kinds at exactly this offset. */
export function fieldAt(
  fields: ValueFields,
  offset: number,
  kinds: readonly FieldKind[],
): ValueField | undefined {
  return fields.find((field) => field.offset === offset && kinds.includes(field.kind));
}

/** Whether there is a field of this kind. */
export function hasField(fields: ValueFields, kind: FieldKind): boolean {
  return fields.some((field) => field.kind === kind);
}

type StructType = Extract<BtfType, { kind: 'struct' | 'union' }>;

function searchStruct(btf: Btf, type: StructType, base: number, found: ValueField[], depth: number): void {
  if (depth >= MAX_DEPTH) return;
  for (const member of type.members) {
    if (member.bitOffset % 8 !== 0) continue;
    searchOne(btf, member.type, base + member.bitOffset / 8, found, depth);
  }
}

function searchOne(btf: Btf, typeId: number, offset: number, found: ValueField[], depth: number): void {
  let type = btf.resolve(typeId);
  let count = 1;
  while (type.kind === 'array') {
    count *= type.count;
    type = btf.resolve(type.elementType);
  }
  // Arrays of locks and timers are no special fields; the kernel refuses such maps.
  if (type.kind === 'ptr') {
    const pointer = pointerField(btf, type.type);
    if (pointer !== undefined)
      for (let i = 0; i < Math.min(count, MAX_FIELDS + 1); i++)
        found.push({ ...pointer, offset: offset + 8 * i });
  } else if (type.kind === 'struct' || type.kind === 'union') {
    const kind = Object.hasOwn(SIZES, type.name) ? (type.name as keyof typeof SIZES) : undefined;
    for (let i = 0; i < Math.min(count, MAX_FIELDS + 1); i++) {
      const at = offset + i * type.size;
      if (kind !== undefined) found.push({ kind, offset: at, size: SIZES[kind] });
      else searchStruct(btf, type, at, found, depth + 1);
    }
  }
}

function pointerField(btf: Btf, target: number): Omit<ValueField, 'offset'> | undefined {
  const tag = btf.typeById(target);
  const meaning = tag.kind === 'type_tag' ? TAGS[tag.name] : undefined;
  if (meaning === undefined) return undefined;
  return { ...meaning, size: 8, pointee: btf.resolve(target).id };
}
