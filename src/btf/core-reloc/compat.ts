/**
 * When a type of the program and one of the kernel count as the same: three rules of different strictness, for fields, for the existence
 * of types, and for types that must match (tools/lib/bpf/relo_core.c: bpf_core_fields_are_compat,
 * __bpf_core_types_are_compat, __bpf_core_types_match). Names of root types were compared before.
 */
import { BtfError } from '../../base/errors.ts';
import type { Btf } from '../btf.ts';
import { essentialName } from '../names.ts';
import type { BtfEnum, BtfEnum64, BtfStruct, BtfType } from '../types.ts';

/** Nesting that is followed, as in libbpf. */
const MAX_DEPTH = 32;
/** Comparisons of one question, before the types count as hostile. */
const MAX_COMPARISONS = 1_000_000;

/** A type and the BTF it is in. */
export interface TypeIn {
  readonly btf: Btf;
  readonly id: number;
}

/** Whether the kinds are the same; enum and enum64 are. */
export function sameKind(local: BtfType, target: BtfType): boolean {
  return local.kind === target.kind || (isEnum(local) && isEnum(target));
}

/** Enumerations of 32 and of 64 bits. */
export function isEnum(type: BtfType): type is BtfEnum | BtfEnum64 {
  return type.kind === 'enum' || type.kind === 'enum64';
}

/** Whether names agree up to their flavours; anonymous types agree with anonymous ones only. */
export function sameEssentialName(local: string, target: string): boolean {
  return essentialName(local) === essentialName(target);
}

/**
 * For access to a field: any two structs or unions, pointers or floats are the same; enums by name, unless one has none; ints unless old
 * bitfields; arrays by their elements.
 */
export function fieldsCompatible(local: TypeIn, target: TypeIn): boolean {
  let localType = local.btf.resolve(local.id);
  let targetType = target.btf.resolve(target.id);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (isComposite(localType) && isComposite(targetType)) return true;
    if (!sameKind(localType, targetType)) return false;
    switch (localType.kind) {
      case 'ptr':
      case 'float':
        return true;
      case 'fwd':
      case 'enum':
      case 'enum64':
        return (
          localType.name === '' ||
          targetType.name === '' ||
          sameEssentialName(localType.name, targetType.name)
        );
      case 'int':
        return hasNoBitOffset(localType) && hasNoBitOffset(targetType);
      case 'array':
        if (targetType.kind !== 'array') return false;
        localType = local.btf.resolve(localType.elementType);
        targetType = target.btf.resolve(targetType.elementType);
        break;
      default:
        return false;
    }
  }
  throw tooDeep(local);
}

/** For the existence of a type: the same shape of kinds; names, sizes and members do not matter. */
export function typesCompatible(local: TypeIn, target: TypeIn): boolean {
  if (!sameKind(local.btf.typeById(local.id), target.btf.typeById(target.id))) return false;
  return new Comparison(local.btf, target.btf).compatible(local.id, target.id, 0);
}

/** For types that must match: sizes, signs, members and enumerators count; what is behind a pointer only by name. */
export function typesMatch(local: TypeIn, target: TypeIn): boolean {
  return new Comparison(local.btf, target.btf).match(local.id, target.id, false, 0);
}

/** One question about two type graphs. */
class Comparison {
  private readonly local: Btf;
  private readonly target: Btf;
  private left = MAX_COMPARISONS;

  constructor(local: Btf, target: Btf) {
    this.local = local;
    this.target = target;
  }

  compatible(localId: number, targetId: number, depth: number): boolean {
    this.spend(localId, depth);
    const local = this.local.resolve(localId);
    const target = this.target.resolve(targetId);
    if (!sameKind(local, target)) return false;
    switch (local.kind) {
      case 'void':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'fwd':
        return true;
      case 'int':
        return hasNoBitOffset(local) && hasNoBitOffset(target);
      case 'ptr':
        return target.kind === 'ptr' && this.compatible(local.type, target.type, depth + 1);
      case 'array':
        return target.kind === 'array' && this.compatible(local.elementType, target.elementType, depth + 1);
      case 'func_proto':
        return (
          target.kind === 'func_proto' &&
          local.params.length === target.params.length &&
          local.params.every((param, i) =>
            this.compatible(param.type, target.params[i]?.type ?? 0, depth + 1),
          ) &&
          this.compatible(local.returnType, target.returnType, depth + 1)
        );
      default:
        return false;
    }
  }

  match(localId: number, targetId: number, behindPointer: boolean, depth: number): boolean {
    this.spend(localId, depth);
    const local = this.local.resolve(localId);
    const target = this.target.resolve(targetId);
    if (!sameEssentialName(nameOf(local), nameOf(target))) return false;
    switch (local.kind) {
      case 'void':
        return target.kind === 'void';
      case 'fwd':
        if (target.kind === 'fwd') return local.of === target.of;
        return behindPointer && target.kind === local.of;
      case 'enum':
      case 'enum64':
        return isEnum(target) && enumsMatch(local, target);
      case 'struct':
      case 'union':
        if (behindPointer)
          return target.kind === local.kind || (target.kind === 'fwd' && target.of === local.kind);
        return target.kind === local.kind && this.membersMatch(local, target, depth);
      case 'int':
        return (
          target.kind === 'int' &&
          local.size === target.size &&
          (local.encoding === 'signed') === (target.encoding === 'signed')
        );
      case 'ptr':
        return target.kind === 'ptr' && this.match(local.type, target.type, true, depth + 1);
      case 'array':
        return (
          target.kind === 'array' &&
          local.count === target.count &&
          this.match(local.elementType, target.elementType, behindPointer, depth + 1)
        );
      case 'func_proto':
        return (
          target.kind === 'func_proto' &&
          local.params.length === target.params.length &&
          local.params.every((param, i) =>
            this.match(param.type, target.params[i]?.type ?? 0, behindPointer, depth + 1),
          ) &&
          this.match(local.returnType, target.returnType, behindPointer, depth + 1)
        );
      default:
        return false;
    }
  }

  /** Every member of the program's struct has one of that name that matches in the kernel's. */
  private membersMatch(local: BtfStruct, target: BtfStruct, depth: number): boolean {
    if (local.members.length > target.members.length) return false;
    return local.members.every((member) =>
      target.members.some(
        (candidate) =>
          sameEssentialName(member.name, candidate.name) &&
          this.match(member.type, candidate.type, false, depth + 1),
      ),
    );
  }

  private spend(localId: number, depth: number): void {
    if (depth >= MAX_DEPTH || --this.left < 0) throw tooDeep({ btf: this.local, id: localId });
  }
}

function enumsMatch(local: BtfEnum | BtfEnum64, target: BtfEnum | BtfEnum64): boolean {
  if (local.size !== target.size || local.values.length > target.values.length) return false;
  const known = new Set(target.values.map((entry) => essentialName(entry.name)));
  return local.values.every((entry) => known.has(essentialName(entry.name)));
}

function nameOf(type: BtfType): string {
  return type.kind === 'void' ? '' : type.name;
}

function isComposite(type: BtfType): boolean {
  return type.kind === 'struct' || type.kind === 'union';
}

function hasNoBitOffset(type: BtfType): boolean {
  return type.kind === 'int' && type.offset === 0;
}

function tooDeep({ id }: TypeIn): BtfError {
  const message = `type [${id}] is nested too deeply to be compared with the kernel's`;
  return new BtfError('core-too-deep', message, { typeId: id });
}
