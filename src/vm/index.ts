/** Linear memory and the engines that run programs in it. */
export * from './abi.ts';
export {
  type Engine,
  MAX_CALL_FRAMES,
  MAX_LOOPS,
  MAX_TAIL_CALLS,
  STACK_BYTES,
} from './engine.ts';
export { type FaultAccess, type FaultCode, type FaultFrame, VmFault } from './fault.ts';
export { functionProgram, functionSlot, slotsAhead } from './function-call.ts';
export { Interpreter, type InterpreterOptions, type RunStatus } from './interpreter.ts';
export { InterpreterEngine, type InterpreterEngineOptions } from './interpreter-engine.ts';
export { JitEngine, type JitEngineOptions, TieredEngine } from './jit/index.ts';
export {
  type AllocateOptions,
  DEFAULT_RED_ZONE,
  FIRST_ADDRESS,
  Memory,
  type MemoryOptions,
} from './memory.ts';
export {
  type Access,
  describeRegion,
  describeRelation,
  type Region,
  type RegionElements,
  type RegionKind,
} from './regions.ts';
