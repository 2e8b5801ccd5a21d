/**
 * What a CO-RE record points at, taken apart: the access string `0:1:2` becomes steps by name and index. Steps through anonymous structs
 * are forgotten, so that the same field can be found elsewhere in another kernel (bpf_core_parse_spec in
 * tools/lib/bpf/relo_core.c).
 */
import { BtfError } from '../../base/errors.ts';
import type { Btf } from '../btf.ts';
import type { CoreReloc, CoreRelocKind } from '../ext-types.ts';
import type { BtfArray } from '../types.ts';

/** Longest access string, in steps; as BPF_CORE_SPEC_MAX_LEN. */
export const MAX_SPEC_STEPS = 64;

/** What a kind of record is about. */
export type CoreGroup = 'field' | 'type' | 'enumerator';

const GROUPS: Readonly<Record<CoreRelocKind, CoreGroup>> = {
  byte_off: 'field',
  byte_sz: 'field',
  field_exists: 'field',
  signed: 'field',
  lshift_u64: 'field',
  rshift_u64: 'field',
  local_type_id: 'type',
  target_type_id: 'type',
  type_exists: 'type',
  type_size: 'type',
  type_matches: 'type',
  enumval_exists: 'enumerator',
  enumval_value: 'enumerator',
};

/** One step that has a meaning in C: `.name`, or `[index]`. */
export interface Accessor {
  /** The struct that has the member; of an index the element's type; of an enumerator its enum. */
  readonly typeId: number;
  readonly index: number;
  /** Name of the member or enumerator; undefined for an index. */
  readonly name?: string;
}

/** A place in a type: of the program's own types, or of the kernel's. */
export interface CoreSpec {
  readonly btf: Btf;
  readonly rootId: number;
  readonly kind: CoreRelocKind;
  readonly accessors: readonly Accessor[];
  /** All steps, those through anonymous structs too. */
  readonly path: readonly number[];
  /** Bits from the start of the root type; fields only. */
  readonly bitOffset: number;
}

/** Whether a record is about a field, a type or an enumerator. */
export function groupOf(kind: CoreRelocKind): CoreGroup {
  return GROUPS[kind];
}

/**
 * The place that a record names in the program's own types.
 * @throws BtfError `core-access` when the access string does not fit the type.
 */
export function parseSpec(btf: Btf, reloc: CoreReloc): CoreSpec {
  const { kind, typeId: rootId } = reloc;
  const group = groupOf(kind);
  const path = parseAccess(reloc);
  const empty = { btf, rootId, kind, accessors: [], path: [], bitOffset: 0 };
  if (group === 'type') {
    if (reloc.access !== '0') throw badAccess(reloc, "a whole type's access string is 0");
    return empty;
  }
  const first = path[0] ?? 0;
  const root = btf.resolve(rootId);
  if (group === 'enumerator') {
    const entry = root.kind === 'enum' || root.kind === 'enum64' ? root.values[first] : undefined;
    if (!entry || path.length > 1) throw badAccess(reloc, `a ${root.kind} has no such enumerator`);
    return { ...empty, accessors: [{ typeId: root.id, index: first, name: entry.name }], path };
  }
  const walk = new FieldWalk(btf, root.id, first);
  for (const step of path.slice(1)) {
    const problem = walk.step(step);
    if (problem !== undefined) throw badAccess(reloc, problem);
  }
  return { ...empty, accessors: walk.accessors, path, bitOffset: walk.bitOffset };
}

/** Whether an array may be indexed beyond its count: it has none, and is the last member of a struct. */
export function isFlexible(btf: Btf, holder: Accessor | undefined, array: BtfArray): boolean {
  if (holder?.name === undefined || array.count > 0) return false;
  const struct = btf.typeById(holder.typeId);
  return (struct.kind === 'struct' || struct.kind === 'union') && holder.index === struct.members.length - 1;
}

/** The place as libbpf logs it: `<byte_off> [5] struct task_struct.pid (0:3 @ offset 8)`. */
export function formatSpec(spec: CoreSpec): string {
  const { btf, accessors } = spec;
  const root = btf.typeById(spec.rootId);
  const head = `<${spec.kind}> [${spec.rootId}] ${root.kind} ${root.name === '' ? '<anon>' : root.name}`;
  switch (groupOf(spec.kind)) {
    case 'type':
      return head;
    case 'enumerator': {
      const type = btf.resolve(spec.rootId);
      const entry =
        type.kind === 'enum' || type.kind === 'enum64' ? type.values[spec.path[0] ?? 0] : undefined;
      return `${head}::${entry?.name ?? ''} = ${entry?.value ?? ''}`;
    }
    case 'field': {
      const steps = accessors.map(({ name, index }, i) =>
        name !== undefined ? `.${name}` : i > 0 || index > 0 ? `[${index}]` : '',
      );
      const bit = spec.bitOffset % 8;
      const offset = `${Math.floor(spec.bitOffset / 8)}${bit === 0 ? '' : `.${bit}`}`;
      return `${head}${steps.join('')} (${spec.path.join(':')} @ offset ${offset})`;
    }
  }
}

/** Follows an access string through a type. */
class FieldWalk {
  readonly accessors: Accessor[] = [];
  bitOffset: number;
  private readonly btf: Btf;
  private at: number;

  constructor(btf: Btf, rootId: number, index: number) {
    this.btf = btf;
    this.at = rootId;
    this.accessors.push({ typeId: rootId, index });
    this.bitOffset = 8 * index * btf.sizeOf(rootId);
  }

  /** One step further; what is wrong with it, if something is. */
  step(index: number): string | undefined {
    const type = this.btf.resolve(this.at);
    switch (type.kind) {
      case 'struct':
      case 'union': {
        const member = type.members[index];
        if (!member) return `${type.kind} '${type.name}' has no member ${index}`;
        if (member.name !== '') this.accessors.push({ typeId: type.id, index, name: member.name });
        this.bitOffset += member.bitOffset;
        this.at = member.type;
        return undefined;
      }
      case 'array': {
        if (index >= type.count && !isFlexible(this.btf, this.accessors.at(-1), type)) {
          return `an array of ${type.count} has no element ${index}`;
        }
        const element = this.btf.resolve(type.elementType);
        this.accessors.push({ typeId: element.id, index });
        this.bitOffset += 8 * index * this.btf.sizeOf(element.id);
        this.at = element.id;
        return undefined;
      }
      default:
        return `a ${type.kind} has no parts`;
    }
  }
}

function parseAccess(reloc: CoreReloc): number[] {
  if (!/^\d{1,9}(:\d{1,9})*$/.test(reloc.access))
    throw badAccess(reloc, 'numbers with colons between are expected');
  const path = reloc.access.split(':').map(Number);
  if (path.length > MAX_SPEC_STEPS) throw badAccess(reloc, `it has more than ${MAX_SPEC_STEPS} steps`);
  return path;
}

function badAccess(reloc: CoreReloc, why: string): BtfError {
  const message = `CO-RE record '${reloc.kind}' with access string '${reloc.access}': ${why}`;
  return new BtfError('core-access', message, { insn: reloc.insn, typeId: reloc.typeId });
}
