/** The simulated kernel and the library's live objects: open, load, attach, fire, read. */
export type { AttachOptions } from './attach/attach.ts';
export type { Link } from './attach/hooks.ts';
export { CgroupEvents } from './cgroup-events/events.ts';
export type { GetOptionAnswer, SetOptionAnswer, SocketOption } from './cgroup-events/options.ts';
export type { CgroupAnswer } from './cgroup-events/run.ts';
export type { AddressAnswer, AddressEvent } from './cgroup-events/socket-addresses.ts';
export type { PacketAnswer, SocketEvent } from './cgroup-events/sockets.ts';
export type { DeviceEvent, SysctlAnswer, SysctlEvent } from './cgroup-events/system.ts';
export type { EventOptions, LsmOptions, LsmResult } from './events/events.ts';
export type { ProgramRun } from './events/program-run.ts';
export { syscallNames, syscallNumber } from './events/syscalls.ts';
export { DataSection, type Globals } from './globals.ts';
export { Kernel, type KernelOptions } from './kernel.ts';
export { builtinKernelTypes } from './load/kernel-types.ts';
export type { Verification } from './load/load-program.ts';
export { type MissingPart, showMissing } from './load/missing.ts';
export { type ObjectVerifierInput, type VerifierEnvironment, VerifierInputs } from './load/verifier-input.ts';
export { Clock, type ClockOptions } from './machine/clock.ts';
export type { RunResult } from './machine/program-runner.ts';
export { type RandomSource, seededRandom } from './machine/random.ts';
export type { Task, TaskOptions } from './machine/tasks.ts';
export { formatTraceEntry, type TraceEntry, TracePipe } from './machine/trace-pipe.ts';
export type { CallArgument } from './machine/user-memory.ts';
export { MapHandle, type MapKey, type MapValue, type OwnerKey } from './map-handle.ts';
export { BpfObject } from './object.ts';
export { Cgroup, CgroupTable } from './objects/cgroups.ts';
export { Inode, InodeTable } from './objects/inodes.ts';
export type { PerfEventTarget } from './objects/perf-events.ts';
export {
  type Device,
  DeviceTable,
  type PacketOptions,
  type PacketResult,
  type PacketVerdict,
} from './packets/devices.ts';
export type { FlowAnswer } from './packets/flow-dissector.ts';
export type { PackedPackets } from './packets/frames.ts';
export type { RunManyOptions } from './packets/run-many.ts';
export { type TestRunOptions, type TestRunResult, takesPacket } from './packets/test-run.ts';
export { PerfReader, type PerfSample } from './perf-reader.ts';
export { Process } from './process.ts';
export { Program } from './program.ts';
export type { RecordOptions } from './record-queue.ts';
export { RingReader } from './ring-reader.ts';
export { Socket, type SocketOptions } from './sockets/socket.ts';
export type { Endpoint } from './sockets/socket-image.ts';
export { type PairOptions, SocketTable } from './sockets/socket-table.ts';
export { fixedAttachType, isProgramType, mayLoadWith } from './syscall/program-kinds.ts';
export type { BpfAttr } from './syscall/typed-attr.ts';
