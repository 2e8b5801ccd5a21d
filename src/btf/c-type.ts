/**
 * Single types as C text for people: one declaration without what it depends on, optionally with the place of every member and the
 * holes between them, as pahole shows them; names of types; signatures of functions.
 */
import { MAX_BTF_DEPTH } from '../base/limits.ts';
import type { Btf } from './btf.ts';
import { CWriter, sizeOrZero } from './c-declare.ts';
import type { BtfDatasec, BtfMember, BtfStruct, BtfType } from './types.ts';

/** Column at which comments start, where the text leaves room; tabs count as 8. */
const COMMENT_COLUMN = 48;

/** How `printType` writes. */
export interface PrintTypeOptions {
  /** Adds offset and size in bytes to every member (and first bit and width to bitfields), and shows holes. */
  readonly offsets?: boolean;
}

/**
 * A type as one C declaration with its semicolon: `struct point {…};`, `typedef unsigned int __u32;`, `int handler(void *ctx);`. A section
 * gives one declaration for each variable; types that are no declaration (`int`, a pointer) give their own spelling.
 */
export function printType(btf: Btf, id: number, options: PrintTypeOptions = {}): string {
  const writer = options.offsets ? new LayoutWriter(btf) : new CWriter(btf);
  const type = btf.typeById(id);
  switch (type.kind) {
    case 'struct':
    case 'union':
      return `${writer.structBody(type)};`;
    case 'enum':
    case 'enum64':
      return `${writer.enumBody(type)};`;
    case 'typedef':
      return `${writer.typedef(type)};`;
    case 'fwd':
      return `${writer.declare(id, '')};`;
    case 'func':
      return `${linkagePrefix(type)}${writer.declare(type.type, type.name)};`;
    case 'var':
      return `${linkagePrefix(type)}${writer.declare(type.type, type.name)};`;
    case 'datasec':
      return printSection(btf, type, options);
    case 'decl_tag':
      return `__attribute__((btf_decl_tag("${type.name}")))`;
    default:
      return writer.declare(id, '');
  }
}

/** How C spells the type, as in a cast: `unsigned int`, `struct pt_regs *`, `int (*)(void)`. */
export function typeName(btf: Btf, id: number): string {
  return new NameWriter(btf).declare(id, '');
}

/** `name` declared with the type: `int (*name)(void)`; without a semicolon. */
export function printDeclaration(btf: Btf, id: number, name: string): string {
  return new NameWriter(btf).declare(id, name);
}

/**
 * The signature of a `func`: `int handler(struct pt_regs *ctx)`.
 * @throws BtfError `btf-wrong-kind` for other kinds.
 */
export function printSignature(btf: Btf, id: number): string {
  const func = btf.typeOfKind(id, 'func');
  return printDeclaration(btf, func.type, func.name);
}

function linkagePrefix(type: BtfType & { linkage: string }): string {
  return type.linkage === 'static' || type.linkage === 'extern' ? `${type.linkage} ` : '';
}

function printSection(btf: Btf, section: BtfDatasec, options: PrintTypeOptions): string {
  const lines = section.vars.map((variable) => {
    const text = printType(btf, variable.type);
    return options.offsets ? withNote(text, placeNote(variable.offset, variable.size)) : text;
  });
  return [`/* section "${section.name}" */`, ...lines].join('\n');
}

/** Leaves out the bodies of anonymous structs and enums. */
class NameWriter extends CWriter {
  override structBody(type: BtfStruct): string {
    return `${type.kind} {...}`;
  }

  override enumBody(): string {
    return 'enum {...}';
  }
}

/** Writes members with their places instead of the padding that a compiler needs. */
class LayoutWriter extends CWriter {
  /** Where the struct that is being written lies in the outermost one, in bits. */
  private origin = 0;

  override structBody(type: BtfStruct, level = 0): string {
    const { origin } = this;
    const indent = '\t'.repeat(level + 1);
    const lines: string[] = [];
    let end = 0;
    for (const member of type.members) {
      lines.push(...holeNote(member.bitOffset - end, indent));
      this.origin = this.isBehindPointer(member.type) ? 0 : origin + member.bitOffset;
      const width = member.bitSize > 0 ? `:${member.bitSize}` : '';
      const text = `${indent}${this.declare(member.type, member.name, level + 1)}${width};`;
      lines.push(withNote(text, this.memberNote(member, origin)));
      if (type.kind === 'struct') end = member.bitOffset + this.bitsOf(member);
    }
    this.origin = origin;
    if (type.kind === 'struct') lines.push(...holeNote(8 * type.size - end, indent));
    if (level === 0) lines.push(`\n${indent}/* size: ${type.size}, members: ${type.members.length} */`);
    const head = type.name === '' ? type.kind : `${type.kind} ${type.name}`;
    return this.spend(`${head} {\n${lines.join('\n')}\n${indent.slice(1)}}`);
  }

  private memberNote(member: BtfMember, origin: number): string {
    const bits = origin + member.bitOffset;
    if (member.bitSize === 0) return placeNote(bits / 8, this.bitsOf(member) / 8);
    // A bitfield's place is that of the unit it is declared with.
    const size = Math.max(1, sizeOrZero(this.btf, member.type));
    const unit = Math.floor(bits / (8 * size));
    return placeNote(unit * size, size, bits - 8 * unit * size);
  }

  private bitsOf(member: BtfMember): number {
    return member.bitSize > 0 ? member.bitSize : 8 * sizeOrZero(this.btf, member.type);
  }

  private isBehindPointer(id: number): boolean {
    let at = id;
    for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
      const type = this.btf.resolve(at);
      if (type.kind === 'ptr') return true;
      if (type.kind !== 'array') return false;
      at = type.elementType;
    }
    return false;
  }
}

function placeNote(offset: number, size: number, bit?: number): string {
  const first = bit === undefined ? '   ' : `:${String(bit).padStart(2)}`;
  return `/* ${String(offset).padStart(5)}${first} ${String(size).padStart(5)} */`;
}

function holeNote(bits: number, indent: string): string[] {
  if (bits <= 0) return [];
  const size = bits % 8 === 0 ? count(bits / 8, 'byte') : count(bits, 'bit');
  return [`${indent}/* hole: ${size} */`];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** The comment behind the text's last line. */
function withNote(text: string, note: string): string {
  const lastLine = text.slice(text.lastIndexOf('\n') + 1);
  const width = lastLine.replaceAll('\t', '        ').length;
  return `${text}${' '.repeat(Math.max(1, COMMENT_COLUMN - width))}${note}`;
}
