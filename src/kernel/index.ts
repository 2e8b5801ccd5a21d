/** The simulated kernel and the library's live objects: open, load, attach, fire, read. */
export type { AttachOptions } from './attach.ts';
export { CgroupEvents } from './cgroup-events/events.ts';
export type { GetOptionAnswer, SetOptionAnswer, SocketOption } from './cgroup-events/options.ts';
export type { CgroupAnswer } from './cgroup-events/run.ts';
export type { AddressAnswer, AddressEvent } from './cgroup-events/socket-addresses.ts';
export type { PacketAnswer, SocketEvent } from './cgroup-events/sockets.ts';
export type { DeviceEvent, SysctlAnswer, SysctlEvent } from './cgroup-events/system.ts';
export { Cgroup, CgroupTable } from './cgroups.ts';
export { Clock, type ClockOptions } from './clock.ts';
export {
  type Device,
  DeviceTable,
  type PacketOptions,
  type PacketResult,
  type PacketVerdict,
} from './devices.ts';
export type { EventOptions, LsmOptions, LsmResult } from './events.ts';
export type { FlowAnswer } from './flow-dissector.ts';
export type { PackedPackets } from './frames.ts';
export { DataSection, type Globals } from './globals.ts';
export type { Link } from './hooks.ts';
export { Inode, InodeTable } from './inodes.ts';
export { Kernel, type KernelOptions } from './kernel.ts';
export { builtinKernelTypes } from './kernel-types.ts';
export type { Verification } from './load-program.ts';
export { MapHandle, type MapKey, type MapValue, type OwnerKey } from './map-handle.ts';
export { type MissingPart, showMissing } from './missing.ts';
export { BpfObject } from './object.ts';
export type { PerfEventTarget } from './perf-events.ts';
export { PerfReader, type PerfSample } from './perf-reader.ts';
export { Process } from './process.ts';
export { Program } from './program.ts';
export type { ProgramRun } from './program-run.ts';
export type { RunResult } from './program-runner.ts';
export { type RandomSource, seededRandom } from './random.ts';
export type { RecordOptions } from './record-queue.ts';
export { RingReader } from './ring-reader.ts';
export type { RunManyOptions } from './run-many.ts';
export { Socket, type SocketOptions } from './sockets/socket.ts';
export type { Endpoint } from './sockets/socket-image.ts';
export { type PairOptions, SocketTable } from './sockets/socket-table.ts';
export { fixedAttachType, isProgramType, mayLoadWith } from './syscall/program-kinds.ts';
export type { BpfAttr } from './syscall/typed-attr.ts';
export { syscallNames, syscallNumber } from './syscalls.ts';
export type { Task, TaskOptions } from './tasks.ts';
export { type TestRunOptions, type TestRunResult, takesPacket } from './test-run.ts';
export { formatTraceEntry, type TraceEntry, TracePipe } from './trace-pipe.ts';
export type { CallArgument } from './user-memory.ts';
export { type ObjectVerifierInput, type VerifierEnvironment, VerifierInputs } from './verifier-input.ts';
