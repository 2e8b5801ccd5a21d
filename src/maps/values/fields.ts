/**
 * Special fields of a map value, found by BTF: locks, timers, kernel pointers, list heads. The kernel, not the program, owns their
 * bytes, so copies of a value leave them out. Rules as btf_parse_fields of kernel/bpf/btf.c with the field mask of map_check_btf.
 */
import type { Btf, BtfStruct, BtfType } from '../../btf/index.ts';

/** What a field holds; the verifier's log names it alike, except that it says `kptr` for `kptr_untrusted` too. */
export type FieldKind =
  | 'bpf_spin_lock'
  | 'bpf_timer'
  | 'bpf_wq'
  | 'kptr_untrusted'
  | 'kptr'
  | 'percpu_kptr'
  | 'bpf_list_head'
  | 'bpf_rb_root'
  | 'bpf_refcount';

/** One special field; `offset` and `size` in bytes of the value. */
export interface SpecialField {
  readonly kind: FieldKind;
  readonly offset: number;
  readonly size: number;
}

interface FieldRule {
  readonly size: number;
  readonly align: number;
  /** How many a value may hold: one, or any number, then also in arrays. */
  readonly many: boolean;
}

const RULES: Readonly<Record<FieldKind, FieldRule>> = {
  bpf_spin_lock: { size: 4, align: 4, many: false },
  bpf_timer: { size: 16, align: 8, many: false },
  bpf_wq: { size: 16, align: 8, many: false },
  kptr_untrusted: { size: 8, align: 8, many: true },
  kptr: { size: 8, align: 8, many: true },
  percpu_kptr: { size: 8, align: 8, many: true },
  bpf_list_head: { size: 16, align: 8, many: true },
  bpf_rb_root: { size: 16, align: 8, many: true },
  bpf_refcount: { size: 4, align: 4, many: false },
};

/** Fields that are found by the name of their struct. */
const STRUCT_NAMES: ReadonlySet<string> = new Set<FieldKind>([
  'bpf_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_list_head',
  'bpf_rb_root',
  'bpf_refcount',
]);

/** Type tags of pointers that the kernel keeps. */
const POINTER_TAGS: ReadonlySet<string> = new Set<FieldKind>(['kptr_untrusted', 'kptr', 'percpu_kptr']);

/** BTF_FIELDS_MAX. */
const MAX_FIELDS = 11;
/** MAX_RESOLVE_DEPTH: nested structs, and dimensions of an array. */
const MAX_DEPTH = 32;

/**
 * The special fields of a value type, by ascending offset. Empty when there are none, and when their declaration breaks a
 * rule (two spin locks, a list without a lock): the kernel then makes the map too, and no helper accepts the fields.
 */
export function specialFields(btf: Btf, typeId: number, valueSize: number): readonly SpecialField[] {
  const search = new FieldSearch(btf);
  const type = btf.resolve(typeId);
  const valid =
    type.kind === 'struct'
      ? search.addStruct(type, 0, 0)
      : type.kind === 'datasec' && type.vars.every((v) => search.addVariable(v.type, v.offset, v.size));
  return valid ? search.result(valueSize) : [];
}

/** Collects fields; each step says false as soon as a rule is broken. */
class FieldSearch {
  private readonly btf: Btf;
  private readonly found: SpecialField[] = [];
  private readonly seen = new Set<FieldKind>();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  addStruct(struct: BtfStruct, base: number, depth: number): boolean {
    return struct.members.every((member, index) => {
      if (member.bitOffset % 8 !== 0) return false;
      const offset = base + member.bitOffset / 8;
      return this.addMember(member.type, offset, depth, () => this.hasContainsTag(struct.id, index));
    });
  }

  addVariable(varId: number, offset: number, size: number): boolean {
    const variable = this.btf.typeById(varId);
    if (variable.kind !== 'var' || this.btf.sizeOf(variable.type) !== size) return true;
    return this.addMember(variable.type, offset, 0, () => this.hasContainsTag(varId, -1));
  }

  result(valueSize: number): readonly SpecialField[] {
    let end = 0;
    for (const field of this.found) {
      if (field.offset < end || field.offset + field.size > valueSize) return [];
      end = field.offset + field.size;
    }
    const graph = this.found.some((f) => f.kind === 'bpf_list_head' || f.kind === 'bpf_rb_root');
    return graph && !this.seen.has('bpf_spin_lock') ? [] : this.found;
  }

  private addMember(typeId: number, offset: number, depth: number, tagged: () => boolean): boolean {
    let type = this.btf.typeById(typeId);
    let count = 1;
    for (let dimension = 0; type.kind === 'array'; dimension++) {
      if (dimension === MAX_DEPTH) return false;
      count *= type.count;
      type = this.btf.typeById(type.elementType);
    }
    if (count === 0) return true;
    const kind = this.kindOf(type);
    if (kind === undefined) return type.kind !== 'struct' || this.addNested(type, offset, count, depth + 1);
    if (kind === 'malformed') return false;
    return this.addField(kind, type, offset, count, tagged);
  }

  /** Fields of a struct inside the value, repeated when it is the element of an array. */
  private addNested(struct: BtfStruct, offset: number, count: number, depth: number): boolean {
    if (depth >= MAX_DEPTH) return false;
    const first = this.found.length;
    if (!this.addStruct(struct, offset, depth)) return false;
    const fields = this.found.slice(first);
    if (fields.length === 0 || count === 1) return true;
    if (fields.length * count > MAX_FIELDS || !fields.every((f) => RULES[f.kind].many)) return false;
    for (let i = 1; i < count; i++) {
      for (const f of fields) this.found.push({ ...f, offset: f.offset + i * struct.size });
    }
    return this.found.length <= MAX_FIELDS;
  }

  private addField(
    kind: FieldKind,
    type: BtfType,
    offset: number,
    count: number,
    tagged: () => boolean,
  ): boolean {
    const { size, align, many } = RULES[kind];
    if (!many && this.seen.has(kind)) return false;
    this.seen.add(kind);
    if (offset % align !== 0 || (type.kind === 'struct' && type.size !== size)) return true;
    if ((kind === 'bpf_list_head' || kind === 'bpf_rb_root') && !tagged()) return false;
    if (this.found.length + count > MAX_FIELDS || (count > 1 && !many)) return false;
    for (let i = 0; i < count; i++) this.found.push({ kind, offset: offset + i * size, size });
    return true;
  }

  private kindOf(type: BtfType): FieldKind | 'malformed' | undefined {
    if (STRUCT_NAMES.has(type.name)) return type.kind === 'struct' ? (type.name as FieldKind) : undefined;
    const pointer = type.kind === 'volatile' ? this.btf.typeById(type.type) : type;
    if (pointer.kind !== 'ptr') return undefined;
    const tag = this.btf.typeById(pointer.type);
    if (tag.kind !== 'type_tag') return undefined;
    const target = this.btf.typeById(tag.type);
    const known = POINTER_TAGS.has(tag.name) && target.kind !== 'type_tag';
    return known && this.btf.resolve(tag.type).kind === 'struct' ? (tag.name as FieldKind) : 'malformed';
  }

  /** Whether a list or tree says with a `contains:TYPE:NODE` declaration tag what it holds. */
  private hasContainsTag(typeId: number, member: number): boolean {
    for (const type of this.btf) {
      if (type.kind !== 'decl_tag' || type.type !== typeId || type.componentIndex !== member) continue;
      if (/^contains:[^:]+:./.test(type.name)) return true;
    }
    return false;
  }
}
