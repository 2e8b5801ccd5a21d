/**
 * The one interface behind which every map kind stands: the kernel's struct bpf_map and bpf_map_ops (include/linux/bpf.h), in
 * two views. Programs hand over addresses in linear memory and get value addresses back; user space copies bytes in
 * and out. Failures are negative errno values, never exceptions: both callers turn them into what they need.
 */
import type { Btf } from '../btf/index.ts';
import type { MapLayout, Memory } from '../vm/index.ts';
import type {
  CgroupRef,
  DeviceRef,
  Held,
  MapCounts,
  PerfEventRef,
  ProgRef,
  SocketRef,
  StorageOwner,
} from './ports.ts';
import type { SocketPrograms } from './slots/socket-programs.ts';
import type { SpecialField } from './values/fields.ts';

export { BPF_ANY, BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST } from './flags.ts';

/**
 * What a map is made from: the attributes of BPF_MAP_CREATE that matter to map kinds. On a live map, `maxEntries` is what
 * the kernel made of it (BPF_F_NO_COMMON_LRU rounds it up to a multiple of the CPUs); all else is as it was given.
 */
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
  /** STRUCT_OPS: the kernel's type of the value. */
  readonly btfVmlinuxValueTypeId?: number;
}

/** What a map kind may use of the machine it lives in. One object per kernel, shared by all maps. */
export interface MapEnv {
  readonly memory: Memory;
  readonly cpuCount: number;
  /** The CPU that is running now. */
  currentCpu(): number;
  /** 32 random bits from the kernel's injected source (hash seeds). */
  random(): number;
  /** Whether the caller of map creation has a capability; absent: it has all. */
  capable?(capability: MapCapability): boolean;
  /** True when the sysctl kernel.unprivileged_bpf_disabled is 0: kinds that need no capability can be made without CAP_BPF. */
  readonly unprivilegedBpf?: boolean;
  /** The program, perf event or map behind a file descriptor of the current process, or a negative errno; absent: EBADF. */
  programByFd?(fd: number): ProgRef | number;
  perfEventByFd?(fd: number): PerfEventRef | number;
  mapByFd?(fd: number): MapRef | number;
  /** The kernel's types. */
  readonly kernelBtf?: Btf | undefined;
  /** Names of operations that STRUCT_OPS maps have registered. */
  readonly operations?: Set<string>;
  /** The network device with an index. */
  deviceByIndex?(ifindex: number): DeviceRef | undefined;
  /** The socket whose struct bpf_sock stands at an address: what programs put in maps. */
  socketAt?(address: number): SocketRef | undefined;
  /** The socket behind a descriptor: EBADF when there is no file, ENOTSOCK when it is something else. */
  socketByFd?(fd: number): SocketRef | number;
  /** The cgroup behind a descriptor of its directory, or EBADF. */
  cgroupByFd?(fd: number): CgroupRef | number;
  /** The task behind a pidfd: EBADF when it is no such descriptor, ENOENT when the task has ended. */
  taskByPidFd?(fd: number): StorageOwner | number;
  /** The inode of an open file, or EBADF. */
  inodeByFd?(fd: number): StorageOwner | number;
  /**
   * Does something when no program runs any more that may hold what it disposes of (call_rcu): at once, unless a program is running.
   * Absent: at once.
   */
  afterRun?(action: () => void): void;
  /**
   * Releases what a special field of a value holds (a timer, a kptr, a list) before the map clears the field: the value was
   * deleted, replaced or its map freed (bpf_obj_free_fields). Called for fields that are not all zero.
   */
  freeField?(field: SpecialField, address: number): void;
}

/** Capabilities that map creation asks for. */
export type MapCapability = 'CAP_BPF' | 'CAP_NET_ADMIN' | 'CAP_SYS_ADMIN';

/** A live map. All `key` and `value` parameters of the program side are addresses in linear memory. */
export interface BpfMap {
  readonly attr: MapAttr;
  /** Address of the kernel object that stands for the map: what a program's ld_imm64 map pointer holds. */
  readonly address: number;

  // ---- program side (helpers); may not allocate JavaScript objects in hot paths ----
  /**
   * Address of the value, or 0. For per-CPU kinds that of the current CPU. Kinds that programs cannot look up give a negative
   * errno, the kernel's ERR_PTR.
   */
  lookup(key: number): number;
  /** 0 or a negative errno. `flags` is the whole unsigned number: what does not fit 32 bits is unknown, so EINVAL. */
  update(key: number, value: number, flags: number): number;
  delete(key: number): number;
  push?(value: number, flags: number): number;
  pop?(value: number): number;
  peek?(value: number): number;
  /** Per-CPU kinds: address of the value of one CPU, or 0 (also when there is no such CPU). */
  lookupPercpu?(key: number, cpu: number): number;
  /** Walks the entries for bpf_for_each_map_elem; undefined where unsupported. */
  iterate?(): MapIterator;
  /** Hash kinds: its elements by bucket, for iterators that stop and go on. */
  readonly buckets?: HashBuckets;
  /** Address of byte `offset` of the value for a `map-value` ld_imm64, or a negative errno; undefined where unsupported (ENOTSUPP). */
  directValue?(offset: number): number;
  /** Where values lie, for maps that compiled programs may look up in without a call; as `lookup` does it. */
  readonly placement?: MapLayout | undefined;
  /** PROG_ARRAY: the program in a slot, undefined when it is empty or there is none. */
  programAt?(index: number): ProgRef | undefined;
  /** PERF_EVENT_ARRAY: the event in a slot, undefined when it is empty or there is none. */
  eventAt?(index: number): PerfEventRef | undefined;
  /** RINGBUF: its records. */
  readonly ring?: RingBuffer;
  /** USER_RINGBUF: what user space wrote for programs. */
  readonly userRing?: UserRingBuffer;
  /** STACK_TRACE: the traces. */
  readonly stacks?: StackTraces;
  /** DEVMAP, CPUMAP, XSKMAP: where packets can be sent. */
  readonly targets?: RedirectTargets;
  /** SOCKMAP, SOCKHASH, REUSEPORT_SOCKARRAY: its sockets. */
  readonly sockets?: SocketSlots;
  /** SOCKMAP, SOCKHASH: the programs of its sockets. */
  readonly socketPrograms?: SocketPrograms;
  /** Kinds of local storage: their values by owner. */
  readonly storage?: LocalStorage;
  /** CGROUP_STORAGE: the values of cgroups at which programs are attached. */
  readonly cgroupValues?: CgroupValues;
  /** STRUCT_OPS: told how it is counted, before it is used. */
  setCounts?(counts: MapCounts): void;
  /** CGROUP_ARRAY: the cgroup in a slot, undefined when it is empty or there is none. */
  cgroupAt?(index: number): CgroupRef | undefined;

  // ---- user side (bpf(2), the library, dumps) ----
  /** Size of a value as bpf(2) copies it: round_up(valueSize, 8) * cpus for per-CPU kinds. */
  readonly userValueSize: number;
  /**
   * Kinds with keys of 4 bytes and one value for all CPUs, without special fields: finds values by the key as a number. Like `readUser`,
   * that is no use of the entry.
   */
  readonly byWord?: WordFinder | undefined;
  /**
   * Copies the value out; 0 or a negative errno (ENOENT when absent). `flags` as of BPF_MAP_LOOKUP_ELEM. Here and below a
   * buffer shorter than the key or `userValueSize` gives EFAULT.
   */
  readUser(key: Uint8Array, value: Uint8Array, flags: number): number;
  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number;
  deleteUser(key: Uint8Array): number;
  /** Writes the key that follows `key` (undefined: the first) to `next`; 0 or -ENOENT at the end. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number;
  /** Takes a value out; queues and stacks pop. Undefined where unsupported (ENOTSUPP). */
  lookupAndDeleteUser?(key: Uint8Array, value: Uint8Array, flags: number): number;
  /**
   * Hash kinds: reads whole buckets for the batch commands, deleting them with `remove`; a batch's position is the number of the next
   * bucket (4 bytes). The general rules of batches are `runBatch`'s.
   */
  readBuckets?(request: BatchRequest, remove: boolean): BatchOutcome;
  /**
   * Maps of maps: puts an inner map in without counting a reference; whoever calls sees to it that it is not freed before. 0 or
   * a negative errno (EINVAL when it is not like the template).
   */
  setInner?(key: Uint8Array, inner: BpfMap): number;

  /** Releases all linear memory. The map must not be used afterwards. */
  free(): void;
}

/** Finds values by keys of 4 bytes. */
export interface WordFinder {
  /** Address of the value of a key, an unsigned number; 0 when there is none. */
  findWord(key: number): number;
}

/** The elements of a hash, by the addresses of their (first CPU's) values. */
export interface HashBuckets {
  readonly count: number;
  /** The first element of a bucket, 0 when it is empty. */
  first(bucket: number): number;
  /** The next one of the same bucket, or 0. Also of an element that was deleted, as long as it was not used again. */
  next(element: number): number;
  /** Address of an element's key. */
  keyOf(element: number): number;
}

/** A batch command's attributes, its user memory as arrays; one that is too short gives EFAULT where the kernel would meet its end. */
export interface BatchRequest {
  /** Keys one behind the other, read or written. */
  readonly keys: Uint8Array;
  /** Values of `userValueSize` bytes each, read or written; empty for deletion. */
  readonly values: Uint8Array;
  /** Elements at most; an unsigned 32-bit number. */
  readonly count: number;
  /** Where to begin: what `outBatch` got before; undefined: at the start. */
  readonly inBatch: Uint8Array | undefined;
  /** Takes where to go on: a key, or a bucket's number of 4 bytes; a user needs to reserve the larger of both. */
  readonly outBatch: Uint8Array;
  /** BPF_F_LOCK or 0; other 64-bit numbers are refused. */
  readonly elemFlags: number;
  /** Flags of the batch; hashes want 0 when they are read. */
  readonly flags: number;
}

/** What became of a batch. */
export interface BatchOutcome {
  /** 0 or a negative errno. */
  readonly error: number;
  /** Elements that were done: what the user's `count` becomes. */
  readonly count: number;
}

/** A map as a map of maps holds it. */
export interface MapRef extends Held {
  readonly map: BpfMap;
}

/**
 * The records of a ring buffer, for programs and for consumers. A program that ends a record names only the record: `ringbufOfRecord` finds
 * the map's address.
 */
export interface RingBuffer {
  /** Address of a new record of `size` (an unsigned number) bytes, 0 when there is no room. Programs may write it until it is committed. */
  reserve(size: number): number;
  /**
   * Ends a reserved record: consumers get it, or skip it when `discard`. `flags`: BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP; unknown
   * ones are ignored. 0, or -EINVAL (the kernel's verifier rules it out) when no record is reserved at this address.
   */
  commit(record: number, flags: number, discard: boolean): number;
  /** Adds a record with `size` bytes at address `data`; 0, -EINVAL (unknown flags) or -EAGAIN (no room). */
  output(data: number, size: number, flags: number): number;
  /** What BPF_RB_AVAIL_DATA and its kin ask for; 0 for what is unknown. A position is an integer that may exceed 32 bits. */
  query(what: number): number;
  /**
   * Shows committed records in order, as ring_buffer__consume of libbpf: stops at one that is still reserved, after
   * `limit` records, or when `reader` says false (that record counts as read).
   * @returns the number of records shown
   */
  consume(reader: RecordReader, limit?: number): number;
  /** Has `listener` called whenever the kernel would wake a consumer that waits in epoll; returns what ends that. */
  onWakeup(listener: () => void): () => void;
}

/** The records that user space writes and a program drains. Positions are as in the kernel: bytes since the map was made. */
export interface UserRingBuffer {
  /**
   * User space: puts a record in (user_ring_buffer__reserve and __submit of libbpf). 0, or a negative errno: E2BIG when it can never fit,
   * ENOSPC when there is no room now.
   */
  write(record: Uint8Array): number;
  /** Claims the buffer for one program: false when another drains it already. */
  claim(): boolean;
  /**
   * The next record: its size, address in `sample`; -ENODATA when there is none, -EAGAIN when it was discarded and is skipped, -EINVAL or
   * -E2BIG when what user space wrote is no record.
   */
  peek(): number;
  readonly sample: number;
  /** Gives the record of `size` bytes that was peeked at back to user space. */
  release(size: number): void;
  /** Ends a claim; `wake` tells a waiting writer that there is room. */
  unclaim(wake: boolean): void;
  /** Has `listener` called when a writer that waits in epoll would be woken; returns what ends that. */
  onRoom(listener: () => void): () => void;
}

/** Stack traces by id. */
export interface StackTraces {
  /**
   * Keeps a trace. `words` holds it as pairs of 32-bit halves, innermost frame first; `flags` as of bpf_get_stackid, checked already.
   * @returns its id; -EFAULT (nothing left after skipping), -EEXIST (another has its place), -ENOMEM.
   */
  record(words: Uint32Array, flags: number): number;
}

/** What bpf_redirect_map finds in a slot. */
export type RedirectTarget =
  | { readonly kind: 'device'; readonly ifindex: number; readonly program: ProgRef | undefined }
  | { readonly kind: 'cpu'; readonly cpu: number; readonly program: ProgRef | undefined }
  | { readonly kind: 'socket'; readonly socket: SocketRef };

/** The targets of redirection in a map. */
export interface RedirectTargets {
  /** Flags beyond those of the return value: BPF_F_BROADCAST and BPF_F_EXCLUDE_INGRESS, or none. */
  readonly knownFlags: number;
  /** What is in a slot; undefined when it is empty or there is none. */
  targetAt(index: number): RedirectTarget | undefined;
  /** All targets, in the order in which a broadcast serves them. */
  allTargets(): RedirectTarget[];
}

/** The sockets of a map, for helpers. Keys are addresses. */
export interface SocketSlots {
  /** The socket of a key, or undefined. */
  socketAt(key: number): SocketRef | undefined;
  /** SOCKMAP: the same by index. */
  socketIn?(index: number): SocketRef | undefined;
  /** SOCKMAP and SOCKHASH: puts a socket in, as bpf_sock_map_update; 0 or a negative errno. */
  put?(key: number, socket: SocketRef, flags: number): number;
}

/** Values that hang on objects of the kernel and go with them. */
export interface LocalStorage {
  /**
   * The address of an owner's value. When there is none and `create`, a new one: a copy of the value at `initial`, or zeros when that is 0.
   * 0 when there is none, or no memory.
   */
  get(owner: StorageOwner, create: boolean, initial: number): number;
  /** 0 or -ENOENT. */
  remove(owner: StorageOwner): number;
  /** Those who have a value, and its address. */
  values(): Iterable<readonly [owner: StorageOwner, value: number]>;
  /**
   * An owner was made as a copy of another: has it inherit that one's value, if there is one and the map was made with BPF_F_CLONE. 0 or
   * -ENOMEM.
   */
  inherit(from: StorageOwner, to: StorageOwner): number;
}

/** The values of a cgroup storage map: one for each cgroup, and attach type where keys have one. */
export interface CgroupValues {
  /** Makes the value of a cgroup for a program attached there, unless there is one: 0 or -ENOMEM. */
  attach(cgroup: CgroupRef, attachType: number): number;
  /** Address of a value (of the current CPU) that is zero at first and lives while programs run: what test runs get; 0 without memory. */
  scratch(): number;
  /** Address of the value (of the current CPU) for a program attached at a cgroup, 0 when `attach` made none. */
  valueFor(cgroup: CgroupRef, attachType: number): number;
}

/** Gets the address and the size of a record's data, valid for the time of the call; false ends the consumption. */
export type RecordReader = (address: number, size: number) => boolean | undefined;

/** A walk over a map's entries that survives deletion of the current one. */
export interface MapIterator {
  /** Advances; false at the end. */
  next(): boolean;
  /** Address of the current key (map kinds with index keys own a scratch word). */
  readonly key: number;
  /** Address of the current value (of the current CPU for per-CPU kinds). */
  readonly value: number;
  /** Ends a walk before `next` gave false; afterwards `key` may point to another walk's key. */
  close(): void;
}
