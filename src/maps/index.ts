/** Maps: one file a kind, all behind `BpfMap`; `createMap` makes them with the kernel's create-time checks. */
export { ArrayMap } from './array.ts';
export { ArrayOfMapsMap } from './array-of-maps.ts';
export { type BatchCommand, batchCommands, runBatch } from './batch.ts';
export { BloomFilterMap } from './bloom-filter.ts';
export { acceptsTypes, createMap } from './create.ts';
export { type FieldKind, type SpecialField, specialFields } from './fields.ts';
export { describeFlags, MapFlag, permanentFlags } from './flags.ts';
export { HashMap } from './hash.ts';
export { HashOfMapsMap } from './hash-of-maps.ts';
export { LpmTrieMap } from './lpm-trie.ts';
export { LruHashMap } from './lru-hash.ts';
export { LruPercpuHashMap } from './lru-percpu-hash.ts';
export * from './map.ts';
export { fieldsOfMap } from './map-fields.ts';
export { MapObject } from './map-memory.ts';
export { PercpuArrayMap } from './percpu-array.ts';
export { PercpuHashMap } from './percpu-hash.ts';
export { PerfEventArrayMap } from './perf-event-array.ts';
export type {
  CgroupRef,
  DeviceRef,
  Held,
  MapCounts,
  PerfEventRef,
  ProgRef,
  SocketProgramPlace,
  SocketProgramSet,
  SocketRef,
  StorageOwner,
} from './ports.ts';
export { ProgArrayMap } from './prog-array.ts';
export type { ProgKind } from './program-kind.ts';
export { QueueStackMap } from './queue-stack.ts';
export { BPF_RINGBUF_HDR_SZ } from './ring-map.ts';
export {
  RingbufMap,
  RingbufQuery,
  ringbufOfRecord,
} from './ringbuf.ts';
export { SOCKET_PROGRAM_PLACES, SocketPrograms } from './socket-programs.ts';
export { isSuitable, mayRedirectTo, refuseSocket } from './socket-rules.ts';
export { StructOpsMap } from './struct-ops.ts';
