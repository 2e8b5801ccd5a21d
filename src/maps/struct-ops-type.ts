/**
 * The structs of functions that programs can take the place of, in the kernel's types: `struct bpf_struct_ops_X { common; struct X data }` is
 * the value of such a map. Which there are, and what each of them wants of its members (net/bpf/bpf_dummy_struct_ops.c, net/ipv4/bpf_tcp_ca.c).
 */
import { Errno } from '../base/errno.ts';
import { findZero } from '../base/text.ts';
import type { Btf, BtfStruct } from '../btf/index.ts';
import { STRUCT_OPS_VALUE_PREFIX } from '../spec/uapi.ts';

/** TCP_CONG_NON_RESTRICTED | TCP_CONG_NEEDS_ECN. */
const TCP_CONG_MASK = 3;
/** TCP_CA_NAME_MAX. */
const NAME_BYTES = 16;

/** A member of the struct. */
export interface OpsMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** A pointer to a function, one to the module that owns the struct, or anything else. */
  readonly kind: 'function' | 'module' | 'other';
}

/** What a subsystem of the kernel does with its struct. */
export interface OpsKind {
  /** Takes a member: 1 when that is done, 0 to leave it to the map, or a negative errno. */
  initMember(member: OpsMember, bytes: Uint8Array): number;
  /** Looks at the whole: 0 or a negative errno. `has`: a program stands for a function. */
  validate(has: (member: string) => boolean): number;
  /** The name under which it is registered, from the struct's bytes; undefined for what cannot be registered (EOPNOTSUPP). */
  nameOf?(type: OpsType, bytes: Uint8Array): string;
}

/** The type of such a map's values. */
export interface OpsType {
  readonly kind: OpsKind;
  /** BTF id of the struct, which programs name as what they attach to. */
  readonly structId: number;
  readonly valueSize: number;
  /** Where in the value the struct begins. */
  readonly dataOffset: number;
  readonly members: readonly OpsMember[];
  /** Parts of the value between members, which must be zero: offset and size. */
  readonly holes: readonly (readonly [offset: number, size: number])[];
}

const KINDS: Readonly<Record<string, OpsKind>> = {
  // For the kernel's own tests: it runs programs in test runs and takes no struct.
  bpf_dummy_ops: { initMember: () => -Errno.EOPNOTSUPP, validate: () => 0 },
  tcp_congestion_ops: {
    initMember: ({ name }, bytes) => {
      if (name === 'flags')
        return (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) & ~TCP_CONG_MASK) !== 0
          ? -Errno.EINVAL
          : 1;
      if (name !== 'name') return 0;
      return isName(bytes.subarray(0, NAME_BYTES)) ? 1 : -Errno.EINVAL;
    },
    validate: (has) =>
      has('ssthresh') && has('undo_cwnd') && (has('cong_avoid') || has('cong_control')) ? 0 : -Errno.EINVAL,
    nameOf: ({ members }, bytes) => {
      const offset = members.find(({ name }) => name === 'name')?.offset ?? 0;
      return String.fromCharCode(...bytes.subarray(offset, findZero(bytes, offset)));
    },
  },
};

/** Congestion controls that the kernel has of its own (CONFIG_TCP_CONG_CUBIC and Reno). */
export const BUILTIN_OPERATIONS: readonly string[] = ['reno', 'cubic'];

/** The type of values behind an id of the kernel's types; undefined when nothing can be registered with it. */
export function findOpsType(btf: Btf, valueTypeId: number): OpsType | undefined {
  if (valueTypeId < 1 || valueTypeId >= btf.typeCount) return undefined;
  const value = btf.typeById(valueTypeId);
  if (value.kind !== 'struct' || !value.name.startsWith(STRUCT_OPS_VALUE_PREFIX)) return undefined;
  const name = value.name.slice(STRUCT_OPS_VALUE_PREFIX.length);
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  const data = value.members.find((member) => member.name === 'data');
  const struct = data === undefined ? undefined : btf.resolve(data.type);
  if (kind === undefined || data === undefined || struct?.kind !== 'struct') return undefined;
  const dataOffset = data.bitOffset / 8;
  return {
    kind,
    structId: struct.id,
    valueSize: value.size,
    dataOffset,
    members: struct.members.map((member) => ({
      name: member.name,
      offset: Math.floor(member.bitOffset / 8),
      size: btf.sizeOf(member.type),
      kind: memberKind(btf, member.type),
    })),
    holes: [
      ...holesOf(btf, value),
      ...holesOf(btf, struct).map(([offset, size]) => [dataOffset + offset, size] as const),
    ],
  };
}

function memberKind(btf: Btf, typeId: number): OpsMember['kind'] {
  const type = btf.resolve(typeId);
  if (type.kind !== 'ptr' || type.type === 0) return 'other';
  const target = btf.resolve(type.type);
  if (target.kind === 'func_proto') return 'function';
  return target.kind === 'struct' && target.name === 'module' ? 'module' : 'other';
}

/** check_zero_holes: what lies between the end of a member and the start of the next, and behind the last. */
function holesOf(btf: Btf, { members, size }: BtfStruct): (readonly [number, number])[] {
  const holes: (readonly [number, number])[] = [];
  let end = 0;
  for (const { bitOffset, type } of members) {
    const offset = Math.floor(bitOffset / 8);
    if (offset > end) holes.push([end, offset - end]);
    end = offset + btf.sizeOf(type);
  }
  if (size > end) holes.push([end, size - end]);
  return holes;
}

/** bpf_obj_name_cpy: letters, digits, `_` and `.`, and a terminating zero. */
function isName(bytes: Uint8Array): boolean {
  const end = findZero(bytes, 0);
  const text = String.fromCharCode(...bytes.subarray(0, end));
  return end > 0 && end < bytes.length && /^[A-Za-z0-9_.]+$/.test(text);
}
