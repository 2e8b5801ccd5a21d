/**
 * The types that BTF can describe, as a discriminated union: one interface a kind of struct btf_type and what follows it in the
 * file (include/uapi/linux/btf.h, Documentation/bpf/btf.rst). Plain data; `Btf` makes them from bytes.
 */

/** Kinds by their number in the file, BTF_KIND_*; `void` stands for type id 0, which has no bytes. */
export const BTF_KINDS = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const;

/** The name of a kind, in lower case: `struct`. */
export type BtfKind = (typeof BTF_KINDS)[number];

/** BTF_INT_SIGNED, _CHAR, _BOOL or none of them; `unknown` for other bits, which the kernel refuses. */
export type IntEncoding = 'none' | 'signed' | 'char' | 'bool' | 'unknown';

/** Where a function or variable can be seen; `unknown` for numbers that the kernel refuses. */
export type BtfLinkage = 'static' | 'global' | 'extern' | 'unknown';

interface TypeBase {
  readonly id: number;
  /** '' when the type has no name. */
  readonly name: string;
}

/** Type id 0. */
export interface BtfVoid extends TypeBase {
  readonly kind: 'void';
}

/** An integer, a character or a boolean. */
export interface BtfInt extends TypeBase {
  readonly kind: 'int';
  /** Bytes. */
  readonly size: number;
  readonly encoding: IntEncoding;
  /** Bits that hold the value; fewer than 8 * size only in bitfields written by old compilers. */
  readonly bits: number;
  /** First bit of the value, as BTF_INT_OFFSET. */
  readonly offset: number;
}

interface RefBase extends TypeBase {
  /** Id of the type referred to. */
  readonly type: number;
}

/** A pointer. */
export interface BtfPtr extends RefBase {
  readonly kind: 'ptr';
}

/** A typedef. */
export interface BtfTypedef extends RefBase {
  readonly kind: 'typedef';
}

/** A qualified type. */
export interface BtfModifier extends RefBase {
  readonly kind: 'volatile' | 'const' | 'restrict';
}

/** An attribute on the type that a pointer points to; `name` is its text. */
export interface BtfTypeTag extends RefBase {
  readonly kind: 'type_tag';
}

/** Kinds that do nothing but refer to another type. */
export type BtfRef = BtfPtr | BtfTypedef | BtfModifier | BtfTypeTag;

/** An array. */
export interface BtfArray extends TypeBase {
  readonly kind: 'array';
  readonly elementType: number;
  readonly indexType: number;
  /** Number of elements. */
  readonly count: number;
}

/** A member of a struct or union. */
export interface BtfMember {
  /** '' for an anonymous struct or union, whose members are reached through the outer one. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Width of a bitfield in bits; 0 for a member that is none. */
  readonly bitSize: number;
}

/** A struct or union. */
export interface BtfStruct extends TypeBase {
  readonly kind: 'struct' | 'union';
  /** Bytes. */
  readonly size: number;
  readonly members: readonly BtfMember[];
}

/** One enumerator. */
export interface BtfEnumerator<V> {
  readonly name: string;
  readonly value: V;
}

/** An enumeration of 32-bit values. */
export interface BtfEnum extends TypeBase {
  readonly kind: 'enum';
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumerator<number>[];
}

/** An enumeration of 64-bit values. */
export interface BtfEnum64 extends TypeBase {
  readonly kind: 'enum64';
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumerator<bigint>[];
}

/** A forward declaration. */
export interface BtfFwd extends TypeBase {
  readonly kind: 'fwd';
  readonly of: 'struct' | 'union';
}

/** A function. */
export interface BtfFunc extends TypeBase {
  readonly kind: 'func';
  /** Id of its func_proto. */
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** A parameter of a function prototype. */
export interface BtfParam {
  /** '' when the prototype does not name it. */
  readonly name: string;
  /** 0 in the last parameter stands for `...`. */
  readonly type: number;
}

/** A function's prototype. */
export interface BtfFuncProto extends TypeBase {
  readonly kind: 'func_proto';
  readonly returnType: number;
  readonly params: readonly BtfParam[];
}

/** A global variable. */
export interface BtfVar extends TypeBase {
  readonly kind: 'var';
  readonly type: number;
  readonly linkage: BtfLinkage;
}

/** A variable's place in its section. */
export interface BtfSectionVar {
  /** Id of a `var` (or of a `func`, for externs of .ksyms). */
  readonly type: number;
  /** Bytes from the start of the section; 0 in an object file that was not linked: its symbol then has it. */
  readonly offset: number;
  readonly size: number;
}

/** A data section, or `.ksyms` and `.kconfig`. */
export interface BtfDatasec extends TypeBase {
  readonly kind: 'datasec';
  /** Bytes; 0 in an object file that was not linked: its ELF section then has it. */
  readonly size: number;
  readonly vars: readonly BtfSectionVar[];
}

/** A floating-point number. */
export interface BtfFloat extends TypeBase {
  readonly kind: 'float';
  /** Bytes: 2, 4, 8, 12 or 16. */
  readonly size: number;
}

/** An attribute on a declaration; `name` is its text. */
export interface BtfDeclTag extends TypeBase {
  readonly kind: 'decl_tag';
  /** Id of the type that is tagged. */
  readonly type: number;
  /** The member or parameter that is tagged, -1 for the type itself. */
  readonly componentIndex: number;
}

/** Any type of a BTF blob. */
export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfRef
  | BtfArray
  | BtfStruct
  | BtfEnum
  | BtfEnum64
  | BtfFwd
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag;

/** The type of one kind: `BtfTypeOf<'struct'>`. */
export type BtfTypeOf<K extends BtfKind, T = BtfType> = T extends { readonly kind: infer TK }
  ? K extends TK
    ? T
    : never
  : never;
