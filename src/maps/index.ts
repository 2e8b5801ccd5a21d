/** Maps: one file a kind, all behind `BpfMap`; `createMap` makes them with the kernel's create-time checks. */
export { type BatchCommand, batchCommands, runBatch } from './batch.ts';
export { acceptsTypes, createMap } from './create.ts';
export type { SpecialField } from './fields.ts';
export { describeFlags, MapFlag, permanentFlags } from './flags.ts';
export * from './map.ts';
export { fieldsOfMap } from './map-fields.ts';
export { MapObject } from './map-memory.ts';
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
export {
  RingbufQuery,
  ringbufOfRecord,
} from './ringbuf.ts';
export { SOCKET_PROGRAM_PLACES, SocketPrograms } from './socket-programs.ts';
export { isSuitable, mayRedirectTo } from './socket-rules.ts';
export { StructOpsMap } from './struct-ops.ts';
