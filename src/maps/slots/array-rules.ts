/** Create-time rules that array kinds share (array_map_alloc_check and fd_array_map_alloc_check in kernel/bpf/arraymap.c). */
import { ACCESS_FLAGS, MapFlag } from '../flags.ts';
import {
  flagsWithin,
  flagsWithout,
  keySizeIs,
  type Rule,
  someEntries,
  someValue,
  valueSizeIs,
} from '../rules.ts';

const {
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY_PROG,
  BPF_F_MMAPABLE,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_INNER_MAP,
} = MapFlag;

const ARRAY_FLAGS = BPF_F_NUMA_NODE | BPF_F_MMAPABLE | ACCESS_FLAGS | BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP;

/** What ARRAY and its kin must be made with. */
export const arrayRules: readonly Rule[] = [
  someEntries,
  keySizeIs(4),
  someValue,
  ...flagsWithin(ARRAY_FLAGS),
];

/** What arrays of descriptors must be made with. */
export const fdArrayRules: readonly Rule[] = [
  valueSizeIs(4),
  flagsWithout(BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG),
  ...arrayRules,
  flagsWithout(BPF_F_MMAPABLE | BPF_F_INNER_MAP),
];
