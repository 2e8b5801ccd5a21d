/** Type information of BPF objects and kernels: types by id and name, source lines, C text, values by type. */
export { Btf } from './btf.ts';
export { BtfBuilder, type BtfBuilderOptions, type BtfTypeSpec } from './build.ts';
export { type DumpCOptions, dumpC } from './c-dump.ts';
export { readC } from './c-read.ts';
export { type PrintTypeOptions, printDeclaration, printSignature, printType, typeName } from './c-type.ts';
export * from './core-reloc/index.ts';
export { type BtfExt, type BtfExtSection, parseBtfExt } from './ext.ts';
export * from './ext-types.ts';
export { essentialName } from './names.ts';
export { type ParseBtfOptions, parseBtf } from './parse.ts';
export { dumpRaw, rawType } from './raw.ts';
export { BtfStrings } from './strings.ts';
export * from './types.ts';
export type { BtfValue } from './value.ts';
export { type FormatOptions, formatValue } from './value-format.ts';
export { decodeValue, type ReadOptions, readAt } from './value-read.ts';
export { encodeValue, type WriteOptions, writeAt } from './value-write.ts';
