/**
 * The one interface behind which every map kind stands: the kernel's struct bpf_map and bpf_map_ops (include/linux/bpf.h), in
 * two views. Programs hand over addresses in linear memory and get value addresses back; user space copies bytes in
 * and out. Failures are negative errno values, never exceptions: both callers turn them into what they need.
 */
import type { Btf } from '../btf/index.ts';
import type { Memory } from '../vm/index.ts';

/** BPF_ANY and its kin: flags of update (uapi/linux/bpf.h). */
export const BPF_ANY = 0;
export const BPF_NOEXIST = 1;
export const BPF_EXIST = 2;
export const BPF_F_LOCK = 4;

/** What a map is made from: the attributes of BPF_MAP_CREATE that matter to map kinds. */
export interface MapAttr {
  /** BPF_MAP_TYPE_* number. */
  readonly type: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* creation flags. */
  readonly flags: number;
  readonly mapExtra?: bigint;
  readonly numaNode?: number;
  readonly btf?: Btf;
  readonly btfKeyTypeId?: number;
  readonly btfValueTypeId?: number;
  /** The template of a map-in-map. */
  readonly innerMap?: BpfMap;
}

/** What a map kind may use of the machine it lives in. One object per kernel, shared by all maps. */
export interface MapEnv {
  readonly memory: Memory;
  readonly cpuCount: number;
  /** The CPU that is running now. */
  currentCpu(): number;
  /** 32 random bits from the kernel's injected source (hash seeds). */
  random(): number;
}

/** A live map. All `key` and `value` parameters of the program side are addresses in linear memory. */
export interface BpfMap {
  readonly attr: MapAttr;
  /** Address of the kernel object that stands for the map: what a program's ld_imm64 map pointer holds. */
  readonly address: number;

  // ---- program side (helpers); may not allocate JavaScript objects in hot paths ----
  /** Address of the value, or 0. For per-CPU kinds that of the current CPU. */
  lookup(key: number): number;
  /** 0 or a negative errno. */
  update(key: number, value: number, flags: number): number;
  delete(key: number): number;
  push?(value: number, flags: number): number;
  pop?(value: number): number;
  peek?(value: number): number;
  /** Per-CPU kinds: address of the value of one CPU, or 0 (also when there is no such CPU). */
  lookupPercpu?(key: number, cpu: number): number;
  /** Walks the entries for bpf_for_each_map_elem: address of the `n`-th step's key and value; undefined where unsupported. */
  iterate?(): MapIterator;

  // ---- user side (bpf(2), the library, dumps) ----
  /** Size of a value as bpf(2) copies it: round_up(valueSize, 8) * cpus for per-CPU kinds. */
  readonly userValueSize: number;
  /** Copies the value out; 0 or a negative errno (ENOENT when absent). */
  readUser(key: Uint8Array, value: Uint8Array, flags: number): number;
  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number;
  deleteUser(key: Uint8Array): number;
  /** Writes the key that follows `key` (undefined: the first) to `next`; 0 or -ENOENT at the end. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number;
  lookupAndDeleteUser?(key: Uint8Array, value: Uint8Array, flags: number): number;

  /** Releases all linear memory. The map must not be used afterwards. */
  free(): void;
}

/** A walk over a map's entries that survives deletion of the current one. */
export interface MapIterator {
  /** Advances; false at the end. */
  next(): boolean;
  /** Address of the current key (map kinds with index keys own a scratch word). */
  readonly key: number;
  /** Address of the current value (of the current CPU for per-CPU kinds). */
  readonly value: number;
}
