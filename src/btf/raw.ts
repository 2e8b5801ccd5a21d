/** Types as a list, one entry an id, as `bpftool btf dump file X format raw` prints them (tools/bpf/bpftool/btf.c). */
import type { Btf } from './btf.ts';
import type { BtfEnum, BtfEnum64, BtfType, IntEncoding } from './types.ts';

const ENCODINGS: Readonly<Record<IntEncoding, string>> = {
  none: '(none)',
  signed: 'SIGNED',
  char: 'CHAR',
  bool: 'BOOL',
  unknown: 'UNKN',
};

/** All types of this blob (not of its base), a line and what belongs to it each. */
export function dumpRaw(btf: Btf): string {
  const lines: string[] = [];
  for (const type of btf) lines.push(rawType(btf, type), '\n');
  return lines.join('');
}

/** One type, e.g. `[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED`; parts on lines of their own. */
export function rawType(btf: Btf, type: BtfType): string {
  return `[${type.id}] ${type.kind.toUpperCase()} '${nameOrAnon(type.name)}'${details(btf, type)}`;
}

function details(btf: Btf, type: BtfType): string {
  switch (type.kind) {
    case 'void':
      return '';
    case 'int':
      return ` size=${type.size} bits_offset=${type.offset} nr_bits=${type.bits} encoding=${ENCODINGS[type.encoding]}`;
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return ` type_id=${type.type}`;
    case 'array':
      return ` type_id=${type.elementType} index_type_id=${type.indexType} nr_elems=${type.count}`;
    case 'struct':
    case 'union':
      return withParts(` size=${type.size}`, type.members, (member) => {
        const bitfield = member.bitSize > 0 ? ` bitfield_size=${member.bitSize}` : '';
        return `'${nameOrAnon(member.name)}' type_id=${member.type} bits_offset=${member.bitOffset}${bitfield}`;
      });
    case 'enum':
      return enumDetails(type, '');
    case 'enum64':
      return enumDetails(type, type.signed ? 'LL' : 'ULL');
    case 'fwd':
      return ` fwd_kind=${type.of}`;
    case 'func':
      return ` type_id=${type.type} linkage=${linkage(type.linkage)}`;
    case 'func_proto':
      return withParts(
        ` ret_type_id=${type.returnType}`,
        type.params,
        (param) => `'${nameOrAnon(param.name)}' type_id=${param.type}`,
      );
    case 'var':
      return ` type_id=${type.type}, linkage=${linkage(type.linkage)}`;
    case 'datasec':
      return withParts(` size=${type.size}`, type.vars, (variable) => {
        const what = btf.typeById(variable.type);
        const name = `(${what.kind.toUpperCase()} '${nameOrAnon(what.name)}')`;
        return `type_id=${variable.type} offset=${variable.offset} size=${variable.size} ${name}`;
      });
    case 'float':
      return ` size=${type.size}`;
    case 'decl_tag':
      return ` type_id=${type.type} component_idx=${type.componentIndex}`;
  }
}

function enumDetails(type: BtfEnum | BtfEnum64, suffix: string): string {
  const head = ` encoding=${type.signed ? 'SIGNED' : 'UNSIGNED'} size=${type.size}`;
  return withParts<{ name: string; value: number | bigint }>(
    head,
    type.values,
    ({ name, value }) => `'${nameOrAnon(name)}' val=${value}${suffix}`,
  );
}

function withParts<T>(head: string, parts: readonly T[], text: (part: T) => string): string {
  return `${head} vlen=${parts.length}${parts.map((part) => `\n\t${text(part)}`).join('')}`;
}

function nameOrAnon(name: string): string {
  return name === '' ? '(anon)' : name;
}

function linkage(name: string): string {
  return name === 'unknown' ? '(unknown)' : name;
}
