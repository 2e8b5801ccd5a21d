/**
 * The BTF part of map creation: key and value types must have the sizes that the map was given, and special fields are only
 * for kinds that know how to keep them (map_check_btf in kernel/bpf/syscall.c).
 */
import { Errno } from '../../base/errno.ts';
import type { Btf, BtfType } from '../../btf/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import { MapFlag } from '../flags.ts';
import type { MapAttr, MapEnv } from '../map.ts';
import { creationError } from '../rules.ts';
import { type FieldKind, type SpecialField, specialFields } from './fields.ts';

/** A kind's own rules for its types: an errno and what is wrong, or undefined. `key` is undefined when none was given. */
export type TypeRule = (
  attr: MapAttr,
  key: BtfType | undefined,
  value: BtfType,
) => { readonly errno: number; readonly problem: string } | undefined;

const HASH = BpfMapType.BPF_MAP_TYPE_HASH;
const ARRAY = BpfMapType.BPF_MAP_TYPE_ARRAY;
const LRU_HASH = BpfMapType.BPF_MAP_TYPE_LRU_HASH;
const PERCPU = [
  BpfMapType.BPF_MAP_TYPE_PERCPU_HASH,
  BpfMapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BpfMapType.BPF_MAP_TYPE_PERCPU_ARRAY,
];
const LOCAL_STORAGE = [
  BpfMapType.BPF_MAP_TYPE_SK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_INODE_STORAGE,
  BpfMapType.BPF_MAP_TYPE_TASK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_CGRP_STORAGE,
];
const LOCKABLE = [HASH, ARRAY, BpfMapType.BPF_MAP_TYPE_CGROUP_STORAGE, ...LOCAL_STORAGE];
const SHARED_VALUE = [HASH, LRU_HASH, ARRAY];
const ANY_VALUE = [...SHARED_VALUE, ...PERCPU, ...LOCAL_STORAGE];

/** Map types whose values may hold a field. */
const FIELD_MAP_TYPES: Readonly<Record<FieldKind, readonly number[]>> = {
  bpf_spin_lock: LOCKABLE,
  bpf_timer: SHARED_VALUE,
  bpf_wq: SHARED_VALUE,
  kptr_untrusted: ANY_VALUE,
  kptr: ANY_VALUE,
  percpu_kptr: ANY_VALUE,
  bpf_refcount: ANY_VALUE,
  bpf_list_head: SHARED_VALUE,
  bpf_rb_root: SHARED_VALUE,
};

/**
 * The special fields of a map's value, after all checks.
 * @throws SyscallError as map_check_btf; BtfError when the BTF itself is broken.
 */
export function checkTypes(
  env: Pick<MapEnv, 'capable'>,
  attr: MapAttr,
  typeRule: TypeRule | undefined,
): readonly SpecialField[] {
  const { btf, btfKeyTypeId = 0, btfValueTypeId = 0 } = attr;
  if (btfValueTypeId === 0) return [];
  const fail = (errno: number, problem: string): Error => creationError(errno, attr, problem);
  if (btf === undefined) throw fail(Errno.EBADF, 'btf_value_type_id was given without BTF');
  const key = btfKeyTypeId === 0 ? undefined : sizedType(btf, btfKeyTypeId);
  if (key === undefined ? btfKeyTypeId !== 0 || typeRule === undefined : key.size !== attr.keySize) {
    throw fail(Errno.EINVAL, `the key's BTF type [${btfKeyTypeId}] has not key_size ${attr.keySize}`);
  }
  const value = sizedType(btf, btfValueTypeId);
  if (value === undefined || (value.size !== attr.valueSize && !isUnlinkedSection(value))) {
    throw fail(Errno.EINVAL, `the value's BTF type [${btfValueTypeId}] has not value_size ${attr.valueSize}`);
  }
  const fields = isUnlinkedSection(value) ? [] : specialFields(btf, btfValueTypeId, attr.valueSize);
  checkFields(env, attr, fields);
  const broken = typeRule?.(attr, key?.type, value.type);
  if (broken !== undefined) throw fail(broken.errno, broken.problem);
  return fields;
}

function checkFields(env: Pick<MapEnv, 'capable'>, attr: MapAttr, fields: readonly SpecialField[]): void {
  if (fields.length === 0) return;
  if (env.capable?.('CAP_BPF') === false) {
    throw creationError(Errno.EPERM, attr, 'special fields in values need CAP_BPF');
  }
  if ((attr.flags & (MapFlag.BPF_F_RDONLY_PROG | MapFlag.BPF_F_WRONLY_PROG)) !== 0) {
    throw creationError(Errno.EACCES, attr, 'values with special fields must be readable and writable');
  }
  const misplaced = fields.find((field) => !FIELD_MAP_TYPES[field.kind].includes(attr.type));
  if (misplaced !== undefined) {
    throw creationError(Errno.EOPNOTSUPP, attr, `this map type cannot hold a ${misplaced.kind}`);
  }
}

interface SizedType {
  readonly type: BtfType;
  readonly size: number;
}

/** The type behind modifiers and its size, or undefined for types without one (btf_type_id_size). */
function sizedType(btf: Btf, id: number): SizedType | undefined {
  if (id < 0 || id >= btf.typeCount) return undefined;
  const direct = btf.resolve(id);
  const type = direct.kind === 'var' ? btf.resolve(direct.type) : direct;
  switch (type.kind) {
    case 'int':
    case 'ptr':
    case 'array':
    case 'struct':
    case 'union':
    case 'enum':
    case 'enum64':
    case 'datasec':
    case 'float':
      return { type, size: btf.sizeOf(type.id) };
    default:
      return undefined;
  }
}

/** In an object file that no one has linked, sections have no size in BTF yet: libbpf would have filled it in. */
function isUnlinkedSection(value: SizedType): boolean {
  return value.type.kind === 'datasec' && value.size === 0;
}

/** Array kinds: a 32-bit integer as key; none only for the one value of a data section (array_map_check_btf). */
export const arrayTypes: TypeRule = (attr, key, value) => {
  if (key === undefined) {
    const section = attr.type === ARRAY && attr.maxEntries === 1 && value.kind === 'datasec';
    return section
      ? undefined
      : { errno: Errno.EINVAL, problem: 'only a data section with one value has no key type' };
  }
  if (key.kind === 'int' && key.bits === 32 && key.offset === 0) return undefined;
  return { errno: Errno.EINVAL, problem: `the key's BTF type must be a 32-bit integer, not ${key.kind}` };
};

/** Hash kinds: any key, but one (htab_map_check_btf). */
export const hashTypes: TypeRule = (_attr, key) =>
  key === undefined ? { errno: Errno.EINVAL, problem: 'the key needs a BTF type, too' } : undefined;

/** Bloom filters: no key (bloom_map_check_btf). */
export const bloomTypes: TypeRule = (_attr, key) =>
  key === undefined ? undefined : { errno: Errno.EINVAL, problem: 'a bloom filter has no key type' };

/** Tries: a struct as key (trie_check_btf). */
export const trieTypes: TypeRule = (_attr, key) =>
  key?.kind === 'struct'
    ? undefined
    : {
        errno: Errno.EINVAL,
        problem: "the key's BTF type must be a struct, its first member the prefix length",
      };

/** Kinds that take no BTF (map_check_no_btf). */
export const noTypes: TypeRule = () => ({ errno: Errno.ENOTSUPP, problem: 'this map type takes no BTF' });

/** Arenas: any types (arena_map_check_btf). */
export const anyTypes: TypeRule = () => undefined;

/** Kinds of local storage: a 32-bit integer, the descriptor, as key (bpf_local_storage_map_check_btf). */
export const storageTypes: TypeRule = (_attr, key) =>
  key?.kind === 'int' && key.bits === 32 && key.offset === 0
    ? undefined
    : { errno: Errno.EINVAL, problem: "the key's BTF type must be a 32-bit integer" };

/** Cgroup storage: a 64-bit integer, or a struct like bpf_cgroup_storage_key (cgroup_storage_check_btf). */
export const cgroupStorageTypes: TypeRule = (attr, key) => {
  const fits =
    attr.keySize === 8
      ? key?.kind === 'int' && key.bits === 64 && key.offset === 0
      : key?.kind === 'struct' && isStorageKey(attr.btf, key);
  return fits
    ? undefined
    : { errno: Errno.EINVAL, problem: "the key's BTF type must be that of a cgroup storage key" };
};

/** Bits of the members of struct bpf_cgroup_storage_key: a cgroup's id, an attach type. */
const STORAGE_KEY_BITS = [64, 32];

function isStorageKey(btf: Btf | undefined, key: BtfType): boolean {
  if (btf === undefined || key.kind !== 'struct' || key.members.length !== 2) return false;
  return key.members.every((member, i) => {
    const type = btf.resolve(member.type);
    return type.kind === 'int' && type.bits === STORAGE_KEY_BITS[i] && member.bitOffset === 64 * i;
  });
}
