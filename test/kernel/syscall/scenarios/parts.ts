/** Pieces that many scenarios begin with. */
import { type CallOptions, code, type Late, type Scenario } from '../scenario.ts';

export const PASS = code('r0 = 1\nexit');

/** Loads a program of a type that returns 1. */
export function program(
  s: Scenario,
  type: number,
  as: string,
  attachType = 0,
  more: Readonly<Record<string, number | string | Uint8Array | Late>> = {},
  options: CallOptions = {},
): Late {
  return s.call(
    'BPF_PROG_LOAD',
    {
      prog_type: type,
      insn_cnt: 2,
      insns: PASS,
      license: 'GPL',
      expected_attach_type: attachType,
      prog_name: as,
      ...more,
    },
    { as, ...options },
  );
}

export function map(
  s: Scenario,
  as: string,
  type: number,
  keySize: number,
  valueSize: number,
  maxEntries: number,
  flags = 0,
): Late {
  return s.call(
    'BPF_MAP_CREATE',
    {
      map_type: type,
      key_size: keySize,
      value_size: valueSize,
      max_entries: maxEntries,
      map_flags: flags,
      map_name: as,
    },
    { as },
  );
}

export const HASH = 1;
export const ARRAY = 2;
export const PROG_ARRAY = 3;
export const PERCPU_ARRAY = 6;
export const LRU_HASH = 9;
export const LPM_TRIE = 11;
export const ARRAY_OF_MAPS = 12;
export const QUEUE = 22;
export const RINGBUF = 27;
export const BLOOM = 30;
export const NO_PREALLOC = 1;
export const RDONLY = 8;
export const WRONLY = 16;
export const ZERO_SEED = 64;

export const SOCKET_FILTER = 1;
export const KPROBE = 2;
export const SCHED_CLS = 3;
export const TRACEPOINT = 5;
export const XDP = 6;
export const CGROUP_SKB = 8;
export const CGROUP_SOCK = 9;
export const RAW_TRACEPOINT = 17;
export const FLOW_DISSECTOR = 22;
export const SK_LOOKUP = 30;
export const SYSCALL = 31;
