/**
 * The map types that hold objects of the kernel (devices, sockets, cgroups, tasks, inodes) or pages, with their create-time rules
 * (kernel/bpf/stackmap.c, devmap.c, cpumap.c, local_storage.c, bpf_local_storage.c, arena.c, net/core/sock_map.c, net/xdp/xskmap.c).
 */
import { Errno } from '../base/errno.ts';
import { BpfMapType } from '../spec/index.ts';
import { PAGE_BYTES, StackBuildId } from '../spec/uapi.ts';
import { ACCESS_FLAGS, MapFlag, PERCPU_MAX_BYTES } from './flags.ts';
import { bucketsFor } from './hash/hash-table.ts';
import { ArenaMap } from './kinds/arena.ts';
import { CgroupArrayMap } from './kinds/cgroup-array.ts';
import { CgroupStorageMap } from './kinds/cgroup-storage.ts';
import { CgrpStorageMap } from './kinds/cgrp-storage.ts';
import { CpuMap } from './kinds/cpumap.ts';
import { DevMap } from './kinds/devmap.ts';
import { DevHashMap } from './kinds/devmap-hash.ts';
import { InodeStorageMap } from './kinds/inode-storage.ts';
import { ReuseportSockArrayMap } from './kinds/reuseport-sockarray.ts';
import { SkStorageMap } from './kinds/sk-storage.ts';
import { SockHashMap } from './kinds/sockhash.ts';
import { SockMap } from './kinds/sockmap.ts';
import { PERF_MAX_STACK_DEPTH, StackTraceMap } from './kinds/stack-trace.ts';
import { StructOpsMap } from './kinds/struct-ops.ts';
import { TaskStorageMap } from './kinds/task-storage.ts';
import { UserRingbufMap } from './kinds/user-ringbuf.ts';
import { XskMap } from './kinds/xskmap.ts';
import type { BpfMap, MapAttr, MapCapability } from './map.ts';
import type { MapContext } from './map-context.ts';
import type { MapKind } from './map-kind.ts';
import { ringbufRules } from './ringbuf-rules.ts';
import {
  flagsWithin,
  flagsWithout,
  keySizeIs,
  type Rule,
  rule,
  someEntries,
  someKey,
  someValue,
  valueSizeIs,
} from './rules.ts';
import { arrayRules, fdArrayRules } from './slots/array-rules.ts';
import { anyTypes, cgroupStorageTypes, noTypes, storageTypes } from './values/btf-check.ts';

const {
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  BPF_F_STACK_BUILD_ID,
  BPF_F_CLONE,
  BPF_F_MMAPABLE,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_LINK,
  BPF_F_VTYPE_BTF_OBJ_FD,
  BPF_F_SEGV_ON_FAULT,
  BPF_F_NO_USER_CONV,
} = MapFlag;

const FILE_FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

const T = BpfMapType;

/** A value of one of two sizes. */
const valueSizeIn = (...sizes: readonly number[]): Rule =>
  rule(Errno.EINVAL, ({ valueSize }) =>
    sizes.includes(valueSize) ? undefined : `value_size must be ${sizes.join(' or ')}, not ${valueSize}`,
  );

const noEntries = rule(Errno.EINVAL, ({ maxEntries }) =>
  maxEntries === 0 ? undefined : `max_entries must be 0, not ${maxEntries}`,
);

const stackRules: readonly Rule[] = [
  ...flagsWithin(FILE_FLAGS | BPF_F_STACK_BUILD_ID),
  someEntries,
  keySizeIs(4),
  rule(Errno.EINVAL, ({ valueSize, flags }) => {
    const frame = (flags & BPF_F_STACK_BUILD_ID) === 0 ? 8 : StackBuildId.bytes;
    const frames = valueSize / frame;
    return Number.isInteger(frames) && frames >= 1 && frames <= PERF_MAX_STACK_DEPTH
      ? undefined
      : `value_size must hold 1 to ${PERF_MAX_STACK_DEPTH} frames of ${frame} bytes, not ${valueSize} bytes`;
  }),
  rule(Errno.E2BIG, ({ maxEntries }) =>
    maxEntries > 2 ** 31 ? `max_entries may be ${2 ** 31} at most, not ${maxEntries}` : undefined,
  ),
];

const deviceRules: readonly Rule[] = [
  someEntries,
  keySizeIs(4),
  valueSizeIn(4, 8),
  ...flagsWithin(FILE_FLAGS),
];

/** CONFIG_NR_CPUS of the reference kernel. */
const NR_CPUS = 8192;

const cpuRules: readonly Rule[] = [
  someEntries,
  keySizeIs(4),
  valueSizeIn(4, 8),
  ...flagsWithin(BPF_F_NUMA_NODE),
  rule(Errno.E2BIG, ({ maxEntries }) =>
    maxEntries > NR_CPUS ? `max_entries may be ${NR_CPUS} at most, not ${maxEntries}` : undefined,
  ),
];

/** MAX_BPF_STACK: keys of socket hashes are looked up from a program's stack. */
const MAX_KEY_BYTES = 512;
/** sizeof(struct bpf_shtab_bucket). */
const SOCKET_BUCKET_BYTES = 16;

const sockhashRules: readonly Rule[] = [
  someEntries,
  someKey,
  valueSizeIn(4, 8),
  ...flagsWithin(FILE_FLAGS),
  rule(Errno.E2BIG, ({ keySize }) =>
    keySize > MAX_KEY_BYTES ? `key_size may be ${MAX_KEY_BYTES} at most, not ${keySize}` : undefined,
  ),
  rule(Errno.EINVAL, ({ maxEntries }) => {
    const tooMany = bucketsFor(maxEntries) > Math.floor(0xffffffff / SOCKET_BUCKET_BYTES);
    return tooMany ? `max_entries may be ${2 ** 27} at most, not ${maxEntries}` : undefined;
  }),
];

/** BPF_LOCAL_STORAGE_MAX_VALUE_SIZE: what a 16-bit size can hold beside the kernel's own part of a value. */
const STORAGE_VALUE_BYTES = 0xffff - 128;

function storageValueFits(limit: number): Rule {
  return rule(Errno.E2BIG, ({ valueSize }) =>
    valueSize > limit ? `value_size may be ${limit} at most, not ${valueSize}` : undefined,
  );
}

const storageRules: readonly Rule[] = [
  ...flagsWithin(BPF_F_NO_PREALLOC | BPF_F_CLONE),
  rule(Errno.EINVAL, ({ flags }) =>
    (flags & BPF_F_NO_PREALLOC) === 0 ? 'map_flags must contain BPF_F_NO_PREALLOC' : undefined,
  ),
  noEntries,
  keySizeIs(4),
  someValue,
  rule(Errno.EINVAL, ({ btfKeyTypeId = 0, btfValueTypeId = 0 }) =>
    btfKeyTypeId === 0 || btfValueTypeId === 0 ? 'key and value need BTF types' : undefined,
  ),
  storageValueFits(STORAGE_VALUE_BYTES),
];

function cgroupStorageRules(limit: number): readonly Rule[] {
  return [
    rule(Errno.EINVAL, ({ keySize }) =>
      keySize === 16 || keySize === 8
        ? undefined
        : `key_size must be 16 (struct bpf_cgroup_storage_key) or 8 (a cgroup's id), not ${keySize}`,
    ),
    someValue,
    storageValueFits(limit),
    ...flagsWithin(BPF_F_NUMA_NODE | ACCESS_FLAGS),
    noEntries,
  ];
}

const MAX_ARENA_PAGES = 2 ** 32 / PAGE_BYTES;

const arenaRules: readonly Rule[] = [
  keySizeIs(0),
  valueSizeIs(0),
  someEntries,
  rule(Errno.EINVAL, ({ flags }) =>
    (flags & BPF_F_MMAPABLE) === 0 ? 'map_flags must contain BPF_F_MMAPABLE' : undefined,
  ),
  ...flagsWithin(BPF_F_SEGV_ON_FAULT | BPF_F_MMAPABLE | BPF_F_NO_USER_CONV),
  rule(Errno.EINVAL, ({ mapExtra = 0n }) =>
    mapExtra % BigInt(PAGE_BYTES) === 0n ? undefined : 'map_extra must be the address of a page',
  ),
  rule(Errno.E2BIG, ({ maxEntries }) =>
    maxEntries > MAX_ARENA_PAGES
      ? `an arena has at most ${MAX_ARENA_PAGES} pages, not ${maxEntries}`
      : undefined,
  ),
  rule(Errno.ERANGE, ({ mapExtra = 0n, maxEntries }) => {
    const last = mapExtra + BigInt(maxEntries) * BigInt(PAGE_BYTES) - 1n;
    return mapExtra >> 32n === last >> 32n ? undefined : 'an arena may not cross a multiple of 4 GiB';
  }),
];

const structOpsRules: readonly Rule[] = [
  keySizeIs(4),
  rule(Errno.EINVAL, ({ maxEntries }) =>
    maxEntries === 1 ? undefined : `max_entries must be 1, not ${maxEntries}`,
  ),
  ...flagsWithin(BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD),
  rule(Errno.EINVAL, ({ btfVmlinuxValueTypeId = 0 }) =>
    btfVmlinuxValueTypeId === 0
      ? 'btf_vmlinux_value_type_id must name the type of the operations'
      : undefined,
  ),
];

/** A kind of socket maps: the capability that all of them need. */
const NET_ADMIN: MapCapability = 'CAP_NET_ADMIN';

type StorageMap = new (context: MapContext) => BpfMap;

function storageKind(map: StorageMap): MapKind {
  return {
    rules: storageRules,
    capability: 'CAP_BPF',
    types: storageTypes,
    create: (context) => new map(context),
  };
}

const INT_MAX = 0x7fffffff;

const sockmapEntries = rule(Errno.EINVAL, ({ maxEntries }: MapAttr) =>
  maxEntries > INT_MAX ? `max_entries may be ${INT_MAX} at most, not ${maxEntries}` : undefined,
);

/** Kinds by BPF_MAP_TYPE_* number. */
export const OBJECT_KINDS: ReadonlyMap<number, MapKind> = new Map<number, MapKind>([
  [
    T.BPF_MAP_TYPE_STACK_TRACE,
    {
      rules: [],
      capability: 'CAP_BPF',
      lateRules: stackRules,
      types: noTypes,
      create: (context) => new StackTraceMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_CGROUP_ARRAY,
    {
      rules: [...fdArrayRules, flagsWithout(BPF_F_PRESERVE_ELEMS)],
      types: noTypes,
      create: (context) => new CgroupArrayMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_DEVMAP,
    {
      rules: deviceRules,
      capability: NET_ADMIN,
      types: noTypes,
      create: (context) => new DevMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_DEVMAP_HASH,
    {
      rules: [
        ...deviceRules,
        rule(Errno.EINVAL, ({ maxEntries }) =>
          maxEntries > 2 ** 31 ? `max_entries may be ${2 ** 31} at most, not ${maxEntries}` : undefined,
        ),
      ],
      capability: NET_ADMIN,
      types: noTypes,
      create: (context) => new DevHashMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_CPUMAP,
    {
      rules: [],
      capability: 'CAP_BPF',
      lateRules: cpuRules,
      types: noTypes,
      create: (context) => new CpuMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_XSKMAP,
    {
      rules: [],
      capability: NET_ADMIN,
      lateRules: [someEntries, keySizeIs(4), valueSizeIs(4), ...flagsWithin(FILE_FLAGS)],
      types: noTypes,
      create: (context) => new XskMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_SOCKMAP,
    {
      rules: [],
      capability: NET_ADMIN,
      lateRules: [someEntries, sockmapEntries, keySizeIs(4), valueSizeIn(4, 8), ...flagsWithin(FILE_FLAGS)],
      types: noTypes,
      create: (context) => new SockMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_SOCKHASH,
    {
      rules: [],
      capability: NET_ADMIN,
      lateRules: sockhashRules,
      types: noTypes,
      create: (context) => new SockHashMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
    {
      rules: [
        valueSizeIn(4, 8),
        ...arrayRules,
        flagsWithout(BPF_F_MMAPABLE | MapFlag.BPF_F_INNER_MAP | BPF_F_PRESERVE_ELEMS),
      ],
      capability: 'CAP_BPF',
      create: (context) => new ReuseportSockArrayMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_CGROUP_STORAGE,
    {
      rules: [],
      lateRules: cgroupStorageRules(STORAGE_VALUE_BYTES),
      types: cgroupStorageTypes,
      create: (context) => new CgroupStorageMap(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
    {
      rules: [],
      lateRules: cgroupStorageRules(PERCPU_MAX_BYTES),
      types: cgroupStorageTypes,
      create: (context) => new CgroupStorageMap(context),
    },
  ],
  [T.BPF_MAP_TYPE_SK_STORAGE, storageKind(SkStorageMap)],
  [T.BPF_MAP_TYPE_INODE_STORAGE, storageKind(InodeStorageMap)],
  [T.BPF_MAP_TYPE_TASK_STORAGE, storageKind(TaskStorageMap)],
  [T.BPF_MAP_TYPE_CGRP_STORAGE, storageKind(CgrpStorageMap)],
  [
    T.BPF_MAP_TYPE_STRUCT_OPS,
    {
      rules: structOpsRules,
      capability: 'CAP_BPF',
      types: noTypes,
      create: (context) => StructOpsMap.create(context),
    },
  ],
  [
    T.BPF_MAP_TYPE_USER_RINGBUF,
    { rules: [], lateRules: ringbufRules, create: (context) => new UserRingbufMap(context) },
  ],
  [
    T.BPF_MAP_TYPE_ARENA,
    {
      rules: [],
      capability: 'CAP_BPF',
      lateRules: arenaRules,
      types: anyTypes,
      create: (context) => new ArenaMap(context),
    },
  ],
]);
