/**
 * The kernel types that the simulated kernel has content for, as BTF of its own making: what CO-RE relocates against when no
 * kernel's BTF is given, and where tasks write their members.
 */
import { type Btf, BtfBuilder, type BtfMember, parseBtf } from '../btf/index.ts';

/** Makes the BTF; small, so that every kernel can have its own. */
export function builtinKernelTypes(): Btf {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: 'int', name: 'int', size: 4, encoding: 'signed', bits: 32, offset: 0 });
  const char = builder.add({ kind: 'int', name: 'char', size: 1, encoding: 'signed', bits: 8, offset: 0 });
  const index = builder.add({
    kind: 'int',
    name: '__ARRAY_SIZE_TYPE__',
    size: 4,
    encoding: 'none',
    bits: 32,
    offset: 0,
  });
  const pid = builder.add({ kind: 'typedef', name: 'pid_t', type: int });
  const comm = builder.add({ kind: 'array', name: '', elementType: char, indexType: index, count: 16 });
  const taskPointer = builder.nextId;
  builder.add({ kind: 'ptr', name: '', type: taskPointer + 1 });
  const member = (name: string, type: number, offset: number): BtfMember => ({
    name,
    type,
    bitOffset: 8 * offset,
    bitSize: 0,
  });
  builder.add({
    kind: 'struct',
    name: 'task_struct',
    size: 128,
    members: [
      member('pid', pid, 64),
      member('tgid', pid, 68),
      member('real_parent', taskPointer, 72),
      member('parent', taskPointer, 80),
      member('group_leader', taskPointer, 88),
      member('comm', comm, 96),
    ],
  });
  return parseBtf(builder.bytes());
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
