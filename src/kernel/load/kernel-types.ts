/**
 * The kernel types that bpflab brings along, as BTF: what programs are verified and relocated against when no kernel's BTF is given, and
 * where tasks write their members.
 */
import { type Btf, parseBtf } from '../../btf/index.ts';
import { kernelTypesBytes } from './kernel-types-bytes.ts';

let builtin: Btf | undefined;

/** The types, made at the first call; immutable, so that all kernels can share them. */
export function builtinKernelTypes(): Btf {
  builtin ??= parseBtf(kernelTypesBytes());
  return builtin;
}

/** Byte offset of a member of a struct, looked for inside anonymous members too; undefined when there is none. */
export function memberOffset(btf: Btf, struct: string, member: string): number | undefined {
  const type = btf.findByName(struct, 'struct');
  return type === undefined ? undefined : offsetIn(btf, type.id, member, 0);
}

function offsetIn(btf: Btf, typeId: number, name: string, base: number): number | undefined {
  const type = btf.resolve(typeId);
  if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
  for (const member of type.members) {
    const offset = base + Math.floor(member.bitOffset / 8);
    const found =
      member.name === name
        ? offset
        : member.name === ''
          ? offsetIn(btf, member.type, name, offset)
          : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
