/**
 * BPF_MAP_CREATE: the checks that all types share, in the kernel's order, around those of the type's row in `MAP_KINDS`
 * (map_create in kernel/bpf/syscall.c).
 */
import { Errno, SyscallError } from '../base/errno.ts';
import { BtfError } from '../base/errors.ts';
import { BpfMapType } from '../spec/index.ts';
import { MapFlag } from './flags.ts';
import { MAP_KINDS } from './kinds.ts';
import type { BpfMap, MapAttr, MapCapability, MapEnv } from './map.ts';
import type { MapKind } from './map-kind.ts';
import { MapMemory } from './map-memory.ts';
import { applyRules, creationError, needs, type Rule, rule } from './rules.ts';
import { checkTypes } from './values/btf-check.ts';

/** Types that `map_extra` means something to. */
const EXTRA_TYPES: readonly number[] = [BpfMapType.BPF_MAP_TYPE_BLOOM_FILTER, BpfMapType.BPF_MAP_TYPE_ARENA];

const STRUCT_OPS = BpfMapType.BPF_MAP_TYPE_STRUCT_OPS;

function hasTypes(attr: MapAttr): boolean {
  return (attr.btfKeyTypeId ?? 0) !== 0 || (attr.btfValueTypeId ?? 0) !== 0;
}

const commonRules: readonly Rule[] = [
  rule(Errno.EINVAL, (attr) => {
    const sizes = [attr.keySize, attr.valueSize, attr.maxEntries];
    return sizes.every((n) => Number.isInteger(n) && n >= 0 && n <= 0xffffffff)
      ? undefined
      : 'key_size, value_size and max_entries are unsigned 32-bit numbers';
  }),
  rule(Errno.EINVAL, (attr) =>
    (attr.btfVmlinuxValueTypeId ?? 0) !== 0 && (attr.type !== STRUCT_OPS || hasTypes(attr))
      ? 'btf_vmlinux_value_type_id is for struct_ops maps, without other types'
      : undefined,
  ),
  rule(Errno.EINVAL, (attr) =>
    (attr.btfKeyTypeId ?? 0) !== 0 && (attr.btfValueTypeId ?? 0) === 0
      ? 'btf_key_type_id needs a btf_value_type_id'
      : undefined,
  ),
  rule(Errno.EINVAL, (attr) =>
    (attr.mapExtra ?? 0n) !== 0n && !EXTRA_TYPES.includes(attr.type)
      ? 'map_extra must be 0 for this map type'
      : undefined,
  ),
  rule(Errno.EINVAL, (attr) => {
    const both = MapFlag.BPF_F_RDONLY | MapFlag.BPF_F_WRONLY;
    return (attr.flags & both) === both ? 'BPF_F_RDONLY and BPF_F_WRONLY exclude each other' : undefined;
  }),
  // The simulated machine has one NUMA node.
  rule(Errno.EINVAL, (attr) =>
    (attr.flags & MapFlag.BPF_F_NUMA_NODE) !== 0 && (attr.numaNode ?? 0) !== 0
      ? `there is no NUMA node ${attr.numaNode ?? 0}`
      : undefined,
  ),
];

// Who has BPF tokens clears the flag of a valid one; what comes here names none.
const tokenRule = rule(Errno.EINVAL, (attr) =>
  (attr.flags & MapFlag.BPF_F_TOKEN_FD) === 0
    ? undefined
    : 'BPF_F_TOKEN_FD needs the file descriptor of a BPF token',
);

const nameRule = rule(Errno.EINVAL, (attr) =>
  /^[A-Za-z0-9_.]*$/.test(attr.name)
    ? undefined
    : 'its name may have letters, digits, underscores and dots only',
);

/**
 * Makes a map.
 * @throws SyscallError with the kernel's errno when the attributes are wrong, a capability is missing or memory is not enough.
 */
export function createMap(env: MapEnv, given: MapAttr): BpfMap {
  applyRules(commonRules, given, env);
  const attr = { ...given, flags: given.flags & ~MapFlag.BPF_F_TOKEN_FD };
  const kind = kindOf(attr);
  applyRules(kind.rules, attr, env);
  applyRules([tokenRule], given, env);
  checkCapability(env, attr, kind);
  const live = { ...attr, maxEntries: kind.entries?.(attr, env.cpuCount) ?? attr.maxEntries };
  applyRules(kind.lateRules ?? [], live, env);
  applyRules([nameRule], attr, env);
  const fields = checkTypes(env, live, kind.types);
  const owner = new MapMemory(env.memory, attr.name);
  try {
    return kind.create({ env, attr: live, fields, owner });
  } catch (error) {
    owner.freeAll();
    throw error;
  }
}

/** Whether a map with these attributes may have the types that they give, for kinds that are known here. */
export function acceptsTypes(attr: MapAttr): boolean {
  const kind = MAP_KINDS.get(attr.type);
  if (kind === undefined) return true;
  try {
    checkTypes({}, attr, kind.types);
    return true;
  } catch (error) {
    if (error instanceof SyscallError || error instanceof BtfError) return false;
    throw error;
  }
}

function kindOf(attr: MapAttr): MapKind {
  const kind = MAP_KINDS.get(attr.type);
  if (kind !== undefined) return kind;
  throw creationError(Errno.EINVAL, attr, 'there is no such map type');
}

function checkCapability(env: MapEnv, attr: MapAttr, kind: MapKind): void {
  const general: readonly MapCapability[] = env.unprivilegedBpf === true ? [] : ['CAP_BPF'];
  const own = kind.capability === undefined ? [] : [kind.capability];
  for (const capability of [...general, ...own]) applyRules([needs(capability)], attr, env);
}
