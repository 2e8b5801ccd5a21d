/**
 * Types as C declarations: declarators (`int (*fn)(void *, int)`), bodies of structs, unions and enums with the padding that keeps
 * their layout. The text is that of bpftool's `btf dump … format c` (tools/lib/bpf/btf_dump.c), down to the spaces.
 */
import { BtfError } from '../base/errors.ts';
import { MAX_BTF_DEPTH } from '../base/limits.ts';
import type { Btf } from './btf.ts';
import { memberPadding } from './c-padding.ts';
import type {
  BtfArray,
  BtfEnum,
  BtfEnum64,
  BtfFuncProto,
  BtfFwd,
  BtfModifier,
  BtfPtr,
  BtfStruct,
  BtfType,
  BtfTypedef,
  BtfTypeTag,
} from './types.ts';

/**
 * Work that one writer may do, in characters written plus a share for each piece of text. The header of a distribution's
 * kernel needs a tenth.
 */
const BUDGET = 128 * 1024 * 1024;
const PIECE_COST = 64;

/** A type that needs no declarator: where the walk through pointers, arrays and functions ends. */
type BaseType = Exclude<BtfType, BtfPtr | BtfModifier | BtfTypeTag | BtfArray | BtfFuncProto>;

/** How a writer names things; a whole header has to tell types of one name apart. */
export interface CNames {
  /** Tag of a struct, union or enum; '' for an anonymous one. */
  tag(type: BtfStruct | BtfEnum | BtfEnum64 | BtfFwd): string;
  /** Name of a typedef. */
  typedef(type: BtfTypedef): string;
  /** Name of an enumerator. */
  enumerator(name: string): string;
}

/** Names as they stand in BTF. */
const PLAIN_NAMES: CNames = {
  tag: (type) => type.name,
  typedef: (type) => type.name,
  enumerator: (name) => name,
};

/** Writes declarations; one object for one output, whose length it bounds. */
export class CWriter {
  readonly btf: Btf;
  readonly names: CNames;
  private left = BUDGET;
  private depth = 0;

  constructor(btf: Btf, names: CNames = PLAIN_NAMES) {
    this.btf = btf;
    this.names = names;
  }

  /** `name` declared with this type, without a semicolon; '' gives the type's own spelling, as in a cast. */
  declare(id: number, name: string, level = 0): string {
    if (this.depth > MAX_BTF_DEPTH) throw tooDeep(id);
    this.depth++;
    const text = this.declarator(id, name, level);
    this.depth--;
    return text;
  }

  private declarator(id: number, name: string, level: number): string {
    let declarator = name;
    let qualifiers: string[] = [];
    let tags: string[] = [];
    let at = id;
    for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
      const type = this.btf.typeById(at);
      switch (type.kind) {
        case 'const':
        case 'volatile':
        case 'restrict':
          qualifiers.unshift(type.kind);
          at = type.type;
          break;
        case 'type_tag':
          tags.unshift(`__attribute__((btf_type_tag("${type.name}")))`);
          at = type.type;
          break;
        case 'ptr':
          declarator = `*${qualify(declarator, [...qualifiers, ...tags])}`;
          qualifiers = [];
          tags = [];
          at = type.type;
          break;
        case 'array':
          // C has no qualified arrays, and no qualified functions: compilers that write such BTF mean the elements.
          qualifiers = [];
          declarator = this.arrayDeclarator(declarator, type.count);
          at = type.elementType;
          break;
        case 'func_proto':
          qualifiers = [];
          declarator = this.functionDeclarator(declarator, type, level);
          at = type.returnType;
          break;
        default: {
          const base = [...qualifiers, this.base(type, level), ...tags].join(' ');
          return this.spend(join(base, declarator, name !== ''));
        }
      }
    }
    throw tooDeep(id);
  }

  /** A struct or union with its members, without a semicolon. */
  structBody(type: BtfStruct, level = 0): string {
    const { btf } = this;
    const indent = '\n'.padEnd(level + 2, '\t');
    const packed = type.kind === 'struct' && isPacked(btf, type);
    const lines: string[] = [];
    let end = 0;
    let afterBitfield = false;
    for (const member of type.members) {
      const align = packed ? 1 : alignOrZero(btf, member.type);
      const isBitfield = member.bitSize > 0;
      const gap = { from: end, to: member.bitOffset, align, inBitfield: afterBitfield && isBitfield };
      this.pad(lines, gap, indent);
      const width = isBitfield ? `: ${member.bitSize}` : '';
      lines.push(this.spend(`${indent}${this.declare(member.type, member.name, level + 1)}${width};`));
      end = member.bitOffset + (isBitfield ? member.bitSize : 8 * sizeOrZero(btf, member.type));
      afterBitfield = isBitfield;
    }
    if (type.kind === 'struct') {
      const align = packed ? 1 : alignOrZero(btf, type.id);
      this.pad(lines, { from: end, to: 8 * type.size, align, inBitfield: false }, indent);
    }
    const close = type.members.length > 0 || type.size > 0 ? indent.slice(0, -1) : '';
    const attribute = packed ? ' __attribute__((packed))' : '';
    return `${spaced(type.kind, this.names.tag(type))} {${lines.join('')}${close}}${attribute}`;
  }

  /** An enum with its enumerators, without a semicolon. */
  enumBody(type: BtfEnum | BtfEnum64, level = 0): string {
    const head = spaced('enum', this.names.tag(type));
    if (type.values.length === 0) return head;
    const indent = '\n'.padEnd(level + 2, '\t');
    const suffix = type.kind === 'enum' ? '' : type.signed ? 'LL' : 'ULL';
    const lines = type.values.map(({ name, value }) =>
      this.spend(`${indent}${this.names.enumerator(name)} = ${value}${suffix},`),
    );
    return `${head} {${lines.join('')}${indent.slice(0, -1)}}${enumMode(this.btf, type)}`;
  }

  /** A typedef, without a semicolon. */
  typedef(type: BtfTypedef, level = 0): string {
    const name = this.names.typedef(type);
    // Old GCC describes its built-in type as one of void, which does not compile.
    if (type.type === 0 && name === '__gnuc_va_list') return 'typedef __builtin_va_list __gnuc_va_list';
    return `typedef ${this.declare(type.type, name, level)}`;
  }

  private pad(lines: string[], gap: Parameters<typeof memberPadding>[0], indent: string): void {
    for (const { type, bits } of memberPadding(gap, 8 * this.btf.pointerSize)) {
      lines.push(this.spend(`${indent}${type}: ${bits};`));
    }
  }

  private base(type: BaseType, level: number): string {
    switch (type.kind) {
      case 'struct':
      case 'union':
        return type.name === '' ? this.structBody(type, level) : `${type.kind} ${this.names.tag(type)}`;
      case 'enum':
      case 'enum64':
        return type.name === '' ? this.enumBody(type, level) : `enum ${this.names.tag(type)}`;
      case 'fwd':
        return spaced(type.of, this.names.tag(type));
      case 'typedef':
        return this.names.typedef(type);
      case 'void':
      case 'int':
      case 'float':
        return type.name;
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag': {
        const message = `${type.kind} '${type.name}' is not a type that something can have`;
        throw new BtfError('btf-wrong-kind', message, { typeId: type.id });
      }
    }
  }

  private arrayDeclarator(declarator: string, count: number): string {
    return `${declarator.startsWith('*') ? `(${declarator})` : declarator}[${count}]`;
  }

  private functionDeclarator(declarator: string, proto: BtfFuncProto, level: number): string {
    const head = declarator.startsWith('*') ? ` (${declarator})` : declarator;
    const { params } = proto;
    if (params.length === 0 || (params.length === 1 && params[0]?.type === 0)) return `${head}(void)`;
    const texts = params.map((param, i) =>
      param.type === 0 && i === params.length - 1 ? '...' : this.declare(param.type, param.name, level),
    );
    return `${head}(${texts.join(', ')})`;
  }

  /** Counts text against the budget. */
  protected spend(text: string): string {
    this.left -= text.length + PIECE_COST;
    if (this.left < 0) {
      throw new BtfError(
        'btf-too-large',
        'these types make too much text: they contain each other many times over',
        {},
      );
    }
    return text;
  }
}

/** Whether only __attribute__((packed)) explains where the members of a struct lie. */
function isPacked(btf: Btf, type: BtfStruct): boolean {
  let largest = 1;
  for (const member of type.members) {
    const align = alignOrZero(btf, member.type);
    if (align > 0 && member.bitSize === 0 && member.bitOffset % (8 * align) !== 0) return true;
    largest = Math.max(largest, align);
  }
  return type.size % largest !== 0;
}

/** How an enum gets a size that its values do not ask for. */
function enumMode(btf: Btf, type: BtfEnum | BtfEnum64): string {
  if (type.size === 1) return ' __attribute__((mode(byte)))';
  if (type.size !== 8 || btf.pointerSize !== 8) return '';
  const wide =
    type.kind === 'enum64' && type.values.some(({ value }) => BigInt.asUintN(64, value) >> 32n !== 0n);
  return wide ? '' : ' __attribute__((mode(word)))';
}

/** As Btf.sizeOf; 0 for members without a size, which are errors in C but whose text is still worth having. */
export function sizeOrZero(btf: Btf, id: number): number {
  return orZero(() => btf.sizeOf(id));
}

function alignOrZero(btf: Btf, id: number): number {
  return orZero(() => btf.alignOf(id));
}

function orZero(measure: () => number): number {
  try {
    return measure();
  } catch (error) {
    if (error instanceof BtfError && error.code === 'btf-no-size') return 0;
    throw error;
  }
}

/** Qualifiers of a pointer stand between its star and what is declared. */
function qualify(declarator: string, qualifiers: readonly string[]): string {
  if (qualifiers.length === 0) return declarator;
  return ` ${spaced(qualifiers.join(' '), declarator)}`;
}

/** A space stands between them, but not before the brackets of what has no name: `int[3]`, `int(*)[3]`. */
function join(base: string, declarator: string, named: boolean): string {
  const tight = declarator.startsWith(' ') || (!named && /^[[(]/.test(declarator));
  return tight ? `${base}${declarator}` : spaced(base, declarator);
}

function spaced(first: string, second: string): string {
  return second === '' ? first : `${first} ${second}`;
}

function tooDeep(id: number): BtfError {
  return new BtfError('btf-cycle', `type [${id}] is nested too deeply for C`, { typeId: id });
}
