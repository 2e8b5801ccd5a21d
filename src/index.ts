/**
 * bpflab's public API: open an object, load it into a simulated kernel, attach and fire, read maps and variables. The parts it is
 * made of are exported too, and as entry points of their own (`bpflab/isa`, `bpflab/elf`, …).
 */
export { type ByteOrder, fromHex, toHex } from './base/bytes.ts';
export { Errno, type ErrnoName, errnoName, SyscallError } from './base/errno.ts';
export {
  BpfError,
  BtfError,
  ElfError,
  IsaError,
  LoadError,
  type Place,
  UsageError,
  VerifierError,
  type VerifierErrorDetails,
} from './base/errors.ts';
export * from './btf/index.ts';
export { type InsnText, type NamedFunction, programToDot } from './cfg/index.ts';
export * from './elf/index.ts';
export { HelperFault, type HelperFaultCode } from './helpers/index.ts';
export * from './isa/index.ts';
export * from './kernel/index.ts';
export * from './loader/index.ts';
export {
  BPF_ANY,
  BPF_EXIST,
  BPF_F_LOCK,
  BPF_NOEXIST,
  type BpfMap,
  describeFlags,
  MapFlag,
} from './maps/index.ts';
export * from './net/index.ts';
export * from './spec/index.ts';
export * from './verifier/index.ts';
export { ENGINE_NAMES, type EngineName, makeEngine, type RepeatingEngine } from './vm/engines.ts';
export * from './vm/index.ts';
