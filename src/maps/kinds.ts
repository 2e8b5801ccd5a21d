/**
 * The map types: for each its create-time rules and its implementation. Rules in the order of each type's map_alloc_check and
 * map_alloc (kernel/bpf/arraymap.c, hashtab.c, ringbuf.c, queue_stack_maps.c, bloom_filter.c, lpm_trie.c). Types that hold objects of the
 * kernel are in kinds-objects.ts.
 */
import { Errno } from '../base/errno.ts';
import { BpfMapType } from '../spec/index.ts';
import { ACCESS_FLAGS, KMALLOC_MAX_BYTES, MapFlag } from './flags.ts';
import { bucketsFor } from './hash/hash-table.ts';
import { ArrayMap } from './kinds/array.ts';
import { ArrayOfMapsMap } from './kinds/array-of-maps.ts';
import { BloomFilterMap } from './kinds/bloom-filter.ts';
import { HashMap } from './kinds/hash.ts';
import { HashOfMapsMap } from './kinds/hash-of-maps.ts';
import { LpmTrieMap } from './kinds/lpm-trie.ts';
import { LruHashMap } from './kinds/lru-hash.ts';
import { LruPercpuHashMap } from './kinds/lru-percpu-hash.ts';
import { PercpuArrayMap } from './kinds/percpu-array.ts';
import { PercpuHashMap } from './kinds/percpu-hash.ts';
import { PerfEventArrayMap } from './kinds/perf-event-array.ts';
import { ProgArrayMap } from './kinds/prog-array.ts';
import { QueueStackMap } from './kinds/queue-stack.ts';
import { RingbufMap } from './kinds/ringbuf.ts';
import { OBJECT_KINDS } from './kinds-objects.ts';
import type { MapAttr } from './map.ts';
import type { MapKind } from './map-kind.ts';
import { ringbufRules } from './ringbuf-rules.ts';
import {
  flagsWithin,
  flagsWithout,
  keySizeIs,
  needs,
  noNumaNode,
  percpuValueFits,
  type Rule,
  rule,
  someEntries,
  someKey,
  someValue,
  valueSizeIs,
} from './rules.ts';
import { arrayRules, fdArrayRules } from './slots/array-rules.ts';
import { templateRules } from './slots/inner-maps.ts';
import { arrayTypes, bloomTypes, hashTypes, noTypes, trieTypes } from './values/btf-check.ts';

const {
  BPF_F_NO_PREALLOC,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NUMA_NODE,
  BPF_F_ZERO_SEED,
  BPF_F_MMAPABLE,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_INNER_MAP,
} = MapFlag;

const INT_MAX = 0x7fffffff;
/** sizeof(struct htab_elem) and sizeof(struct bucket): the kernel's, as they decide what is too large. */
const HTAB_ELEM_BYTES = 48;
const BUCKET_BYTES = 16;

const arrayValueFits = rule(Errno.E2BIG, (attr) =>
  attr.valueSize > INT_MAX ? `value_size may be ${INT_MAX} at most, not ${attr.valueSize}` : undefined,
);

const kmallocValue = rule(Errno.E2BIG, ({ valueSize }) =>
  valueSize > KMALLOC_MAX_BYTES
    ? `value_size may be ${KMALLOC_MAX_BYTES} at most, not ${valueSize}`
    : undefined,
);

const HASH_FLAGS = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | ACCESS_FLAGS | BPF_F_ZERO_SEED;

const zeroSeedRule = needs('CAP_SYS_ADMIN', (attr) => (attr.flags & BPF_F_ZERO_SEED) !== 0);

const preallocated = rule(Errno.ENOTSUPP, (attr) =>
  (attr.flags & BPF_F_NO_PREALLOC) === 0
    ? undefined
    : 'an LRU map is always preallocated, leave out BPF_F_NO_PREALLOC',
);

const noNumaNodePerCpu = rule(Errno.EINVAL, (attr) =>
  (attr.flags & BPF_F_NUMA_NODE) !== 0 && (attr.flags & BPF_F_NO_COMMON_LRU) !== 0
    ? 'BPF_F_NUMA_NODE and BPF_F_NO_COMMON_LRU exclude each other'
    : undefined,
);

const elementFits = rule(Errno.E2BIG, (attr) => {
  const limit = KMALLOC_MAX_BYTES - HTAB_ELEM_BYTES;
  const size = attr.keySize + attr.valueSize;
  return size < limit
    ? undefined
    : `key_size and value_size together must be less than ${limit}, not ${size}`;
});

const bucketsFit = rule(Errno.E2BIG, (attr) => {
  const limit = Math.floor(0xffffffff / BUCKET_BYTES);
  const tooMany = attr.maxEntries > 2 ** 31 || bucketsFor(attr.maxEntries) > limit;
  return tooMany ? `max_entries may be ${2 ** 27} at most, not ${attr.maxEntries}` : undefined;
});

function hashRules(...own: readonly Rule[]): readonly Rule[] {
  return [zeroSeedRule, ...flagsWithin(HASH_FLAGS), ...own, someEntries, someKey, someValue, elementFits];
}

const queueRules: readonly Rule[] = [
  someEntries,
  keySizeIs(0),
  someValue,
  ...flagsWithin(BPF_F_NUMA_NODE | ACCESS_FLAGS),
  kmallocValue,
  rule(Errno.E2BIG, ({ maxEntries, valueSize }) =>
    maxEntries >= Math.floor(0xffffffff / valueSize)
      ? `${maxEntries} values of ${valueSize} bytes are more than 4 GiB`
      : undefined,
  ),
];

const bloomRules: readonly Rule[] = [
  keySizeIs(0),
  someValue,
  someEntries,
  ...flagsWithin(BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS_FLAGS),
  rule(Errno.EINVAL, ({ mapExtra = 0n }) =>
    (mapExtra & ~0xfn) === 0n
      ? undefined
      : `map_extra, the number of hashes, must be below 16, not ${mapExtra.toString()}`,
  ),
];

/** sizeof(struct lpm_trie_node), and LPM_DATA_SIZE_MAX with the prefix length ahead of it. */
const TRIE_NODE_BYTES = 40;
const TRIE_KEY_BYTES = 256;
const TRIE_VALUE_BYTES = KMALLOC_MAX_BYTES - TRIE_KEY_BYTES - TRIE_NODE_BYTES;

const trieRules: readonly Rule[] = [
  someEntries,
  rule(Errno.EINVAL, (attr) =>
    (attr.flags & BPF_F_NO_PREALLOC) === 0 ? 'map_flags must contain BPF_F_NO_PREALLOC' : undefined,
  ),
  ...flagsWithin(BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS_FLAGS),
  rule(Errno.EINVAL, ({ keySize }) =>
    keySize < 5 || keySize > 4 + TRIE_KEY_BYTES
      ? `key_size must be 4 for the prefix length and 1 to ${TRIE_KEY_BYTES} more, not ${keySize}`
      : undefined,
  ),
  someValue,
  rule(Errno.EINVAL, ({ valueSize }) =>
    valueSize > TRIE_VALUE_BYTES
      ? `value_size may be ${TRIE_VALUE_BYTES} at most, not ${valueSize}`
      : undefined,
  ),
];

/** BPF_F_NO_COMMON_LRU: every CPU gets the same number of elements, at least one. */
function evenEntries(attr: MapAttr, cpuCount: number): number {
  if ((attr.flags & BPF_F_NO_COMMON_LRU) === 0) return attr.maxEntries;
  const up = Math.ceil(attr.maxEntries / cpuCount) * cpuCount;
  return up <= 0xffffffff ? up : Math.floor(attr.maxEntries / cpuCount) * cpuCount;
}

/** All kinds by BPF_MAP_TYPE_* number. */
export const MAP_KINDS: ReadonlyMap<number, MapKind> = new Map<number, MapKind>([
  ...OBJECT_KINDS,
  [
    BpfMapType.BPF_MAP_TYPE_ARRAY,
    {
      rules: [...arrayRules, flagsWithout(BPF_F_PRESERVE_ELEMS), arrayValueFits],
      types: arrayTypes,
      create: (context) => new ArrayMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_PERCPU_ARRAY,
    {
      rules: [
        ...arrayRules,
        noNumaNode,
        flagsWithout(BPF_F_MMAPABLE | BPF_F_INNER_MAP | BPF_F_PRESERVE_ELEMS),
        percpuValueFits,
      ],
      types: arrayTypes,
      create: (context) => new PercpuArrayMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_PROG_ARRAY,
    {
      rules: [...fdArrayRules, flagsWithout(BPF_F_PRESERVE_ELEMS)],
      create: (context) => new ProgArrayMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
    { rules: fdArrayRules, types: noTypes, create: (context) => new PerfEventArrayMap(context) },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_HASH,
    {
      rules: hashRules(flagsWithout(BPF_F_NO_COMMON_LRU)),
      lateRules: [bucketsFit],
      types: hashTypes,
      create: (context) => new HashMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_PERCPU_HASH,
    {
      rules: [...hashRules(flagsWithout(BPF_F_NO_COMMON_LRU), noNumaNode), percpuValueFits],
      lateRules: [bucketsFit],
      types: hashTypes,
      create: (context) => new PercpuHashMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_LRU_HASH,
    {
      rules: hashRules(preallocated, noNumaNodePerCpu),
      capability: 'CAP_BPF',
      lateRules: [bucketsFit],
      types: hashTypes,
      entries: evenEntries,
      create: (context) => new LruHashMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
    {
      rules: [...hashRules(preallocated, noNumaNode), percpuValueFits],
      capability: 'CAP_BPF',
      lateRules: [bucketsFit],
      types: hashTypes,
      entries: evenEntries,
      create: (context) => new LruPercpuHashMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_RINGBUF,
    {
      rules: [],
      lateRules: ringbufRules,
      create: (context) => new RingbufMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_QUEUE,
    { rules: queueRules, capability: 'CAP_BPF', create: (context) => new QueueStackMap(context) },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_STACK,
    { rules: queueRules, capability: 'CAP_BPF', create: (context) => new QueueStackMap(context) },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_BLOOM_FILTER,
    {
      rules: [kmallocValue],
      capability: 'CAP_BPF',
      lateRules: bloomRules,
      types: bloomTypes,
      create: (context) => new BloomFilterMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_LPM_TRIE,
    {
      rules: [],
      capability: 'CAP_BPF',
      lateRules: trieRules,
      types: trieTypes,
      create: (context) => new LpmTrieMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS,
    {
      rules: [...fdArrayRules, flagsWithout(BPF_F_PRESERVE_ELEMS)],
      lateRules: templateRules,
      types: noTypes,
      create: (context) => new ArrayOfMapsMap(context),
    },
  ],
  [
    BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS,
    {
      rules: [valueSizeIs(4), ...hashRules(flagsWithout(BPF_F_NO_COMMON_LRU))],
      lateRules: [...templateRules, bucketsFit],
      types: noTypes,
      create: (context) => new HashOfMapsMap(context),
    },
  ],
]);
