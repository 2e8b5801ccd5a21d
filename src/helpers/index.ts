/** Helper functions: one file a family, bound to a kernel through the ports of `HelperRuntime`. */
export { type CallingConvention, callingConvention } from './convention.ts';
export { HelperFault, type HelperFaultCode } from './fault.ts';
export type {
  CgroupRun,
  ClockName,
  ClockPort,
  CurrentTask,
  EventSocket,
  Halves,
  HelperRuntime,
  MessagePort,
  PacketPort,
  PacketSocket,
  RedirectRequest,
  RunningProgram,
  RuntimeWords,
  SeqFilePort,
  SocketChoice,
  SymbolPort,
  SysctlAccess,
  TimerClock,
  TimerPort,
  TracedEvent,
} from './runtime.ts';
export { createHelpers, type HelperOptions } from './table.ts';
