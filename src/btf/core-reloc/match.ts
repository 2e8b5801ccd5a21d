/**
 * Finds in a kernel type what a program means by a field or enumerator of its own (bpf_core_spec_match in
 * tools/lib/bpf/relo_core.c): fields by name, wherever anonymous structs have put them, indexes within bounds.
 */
import { BtfError } from '../../base/errors.ts';
import type { Btf } from '../btf.ts';
import { fieldsCompatible, isEnum, sameEssentialName, typesCompatible, typesMatch } from './compat.ts';
import { type Accessor, type CoreSpec, groupOf, isFlexible, MAX_SPEC_STEPS } from './spec.ts';

/** Members looked at for one field, before the types count as hostile. */
const MAX_VISITS = 1_000_000;

/** The same place in a candidate type of the kernel; undefined when the candidate does not have it. */
export function matchSpec(local: CoreSpec, btf: Btf, candidateId: number): CoreSpec | undefined {
  const whole: CoreSpec = {
    btf,
    rootId: candidateId,
    kind: local.kind,
    accessors: [],
    path: [],
    bitOffset: 0,
  };
  switch (groupOf(local.kind)) {
    case 'type': {
      const same = local.kind === 'type_matches' ? typesMatch : typesCompatible;
      return same({ btf: local.btf, id: local.rootId }, { btf, id: candidateId }) ? whole : undefined;
    }
    case 'enumerator':
      return matchEnumerator(local, whole);
    case 'field':
      return new FieldMatch(local, whole).run();
  }
}

function matchEnumerator(local: CoreSpec, whole: CoreSpec): CoreSpec | undefined {
  const wanted = local.accessors[0]?.name ?? '';
  const type = whole.btf.resolve(whole.rootId);
  if (!isEnum(type)) return undefined;
  const index = type.values.findIndex((entry) => sameEssentialName(wanted, entry.name));
  const entry = type.values[index];
  return entry && { ...whole, accessors: [{ typeId: type.id, index, name: entry.name }], path: [index] };
}

/** The search for one field in one candidate. */
class FieldMatch {
  private readonly local: CoreSpec;
  private readonly whole: CoreSpec;
  private readonly accessors: Accessor[] = [];
  private readonly path: number[] = [];
  private bitOffset = 0;
  private at: number;
  private left = MAX_VISITS;

  constructor(local: CoreSpec, whole: CoreSpec) {
    this.local = local;
    this.whole = whole;
    this.at = whole.rootId;
  }

  run(): CoreSpec | undefined {
    for (const [i, accessor] of this.local.accessors.entries()) {
      const found =
        accessor.name === undefined ? this.element(accessor.index, i > 0) : this.member(accessor, this.at);
      if (!found) return undefined;
    }
    return { ...this.whole, accessors: this.accessors, path: this.path, bitOffset: this.bitOffset };
  }

  /** Steps to an element; the first index counts whole root types, as C does behind a pointer. */
  private element(index: number, ofArray: boolean): boolean {
    const { btf } = this.whole;
    let type = btf.resolve(this.at);
    if (ofArray) {
      if (type.kind !== 'array') return false;
      if (index >= type.count && !isFlexible(btf, this.accessors.at(-1), type)) return false;
      type = btf.resolve(type.elementType);
    }
    this.push(index);
    this.accessors.push({ typeId: type.id, index });
    this.bitOffset += 8 * index * btf.sizeOf(type.id);
    this.at = type.id;
    return true;
  }

  /** Steps to the member of that name, in the struct or in anonymous ones inside it. */
  private member(wanted: Accessor, structId: number): boolean {
    const { btf } = this.whole;
    const struct = btf.resolve(structId);
    if (struct.kind !== 'struct' && struct.kind !== 'union') return false;
    for (const [index, member] of struct.members.entries()) {
      this.left--;
      if (member.name !== '' && member.name !== wanted.name) continue;
      this.push(index);
      this.bitOffset += member.bitOffset;
      if (member.name !== '') {
        this.accessors.push({ typeId: struct.id, index, name: member.name });
        this.at = member.type;
        return this.isCompatible(wanted, member.type);
      }
      if (this.member(wanted, member.type)) return true;
      this.bitOffset -= member.bitOffset;
      this.path.pop();
    }
    return false;
  }

  private isCompatible(wanted: Accessor, targetId: number): boolean {
    const { btf } = this.local;
    const struct = btf.typeById(wanted.typeId);
    const member =
      struct.kind === 'struct' || struct.kind === 'union' ? struct.members[wanted.index] : undefined;
    return fieldsCompatible({ btf, id: member?.type ?? 0 }, { btf: this.whole.btf, id: targetId });
  }

  private push(index: number): void {
    if (this.path.length >= MAX_SPEC_STEPS || this.left < 0) {
      const message = `candidate [${this.whole.rootId}] is nested too deeply`;
      throw new BtfError('core-too-deep', message, { typeId: this.whole.rootId });
    }
    this.path.push(index);
  }
}
