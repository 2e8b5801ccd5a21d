/** Maps: one file a kind, all behind `BpfMap`; `createMap` makes them with the kernel's create-time checks. */
export { type BatchCommand, batchCommands, runBatch } from './batch.ts';
export { acceptsTypes, createMap } from './create.ts';
export { describeFlags, MapFlag, permanentFlags } from './flags.ts';
export { PerfEventArrayMap } from './kinds/perf-event-array.ts';
export { ProgArrayMap } from './kinds/prog-array.ts';
export {
  RingbufQuery,
  ringbufOfRecord,
} from './kinds/ringbuf.ts';
export { StructOpsMap } from './kinds/struct-ops.ts';
export * from './map.ts';
export { MapObject } from './map-memory.ts';
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
export { SOCKET_PROGRAM_PLACES, SocketPrograms } from './slots/socket-programs.ts';
export { isSuitable, mayRedirectTo } from './slots/socket-rules.ts';
export type { SpecialField } from './values/fields.ts';
export { fieldsOfMap } from './values/map-fields.ts';
