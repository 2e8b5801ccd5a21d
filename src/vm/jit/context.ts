/** What the compilation of a program's functions shares: options, the numbers of imported functions, what its calls lead to. */
import type { HelperEntry, PreparedProgram } from '../abi.ts';
import type { ModuleWriter, Signature } from '../wasm/module.ts';
import { Type } from '../wasm/opcodes.ts';

/** How a program is compiled. */
export interface CompileOptions {
  /**
   * Hold every access against what memory allows, and every pointer for a helper too: for programs that were not verified. Without, an
   * access is confined to linear memory and nothing more.
   */
  readonly checked: boolean;
  /**
   * Count instructions at the start of each round of a loop, so that a run can be limited: how many a run may take before it asks for
   * more. Undefined: nothing is counted.
   */
  readonly instalment: number | undefined;
  /** Address of the control block (layout.ts). */
  readonly control: number;
}

/** Functions of the engine that compiled code calls, by name in the module `f`. */
export const ENGINE_IMPORTS = {
  /** (fault number and register, slot, low, high): throws. */
  fault: { params: [Type.I32, Type.I32, Type.I32, Type.I32], result: undefined },
  /** (address low, high, size | 16 for a write, slot): throws, or notes the extent around the address. */
  check: { params: [Type.I32, Type.I32, Type.I32, Type.I32], result: undefined },
  /** (slot): the next instalment of the budget, or throws. */
  refill: { params: [Type.I32], result: Type.I32 },
  /** (map, index, call number): index in the shared table of the program to go on with, or -1. */
  tail: { params: [Type.I32, Type.I32, Type.I32], result: Type.I32 },
  /** (address low, high, size): 1 when a program may read there. */
  probe: { params: [Type.I32, Type.I32, Type.I32], result: Type.I32 },
  /** (ctx, offset, size): bytes of the packet as a number, negative when they are not there. */
  packet: { params: [Type.I32, Type.I32, Type.I32], result: Type.F64 },
} as const satisfies Readonly<Record<string, Signature>>;

/** A function of the engine that modules import, by name. */
export type EngineImport = keyof typeof ENGINE_IMPORTS;

/** First argument of `fault`, with a register number from bit 8 on. */
export const FaultNumber = {
  OFF_END: 0,
  TOO_DEEP: 1,
  UNKNOWN_CALL: 2,
  FUNCTION_POINTER: 3,
  POINTER: 4,
  NO_PACKET: 5,
} as const;

/** Something outside the program that it calls. */
export interface OutsideCall {
  readonly entry: HelperEntry | undefined;
  /** Its number among the program's outside calls. */
  readonly number: number;
  /** Function index of its import; meaningless for entries that need none. */
  readonly index: number;
}

/** What the functions of one program share. */
export interface CompileContext {
  readonly program: PreparedProgram;
  readonly options: CompileOptions;
  readonly module: ModuleWriter;
  readonly imports: Readonly<Record<EngineImport, number>>;
  /** The helpers that callx may call by number; none where it takes code pointers only. */
  readonly numbered: readonly OutsideCall[];
  readonly hasPacketLoad: boolean;
  /** Type index of BPF functions. */
  readonly bpfType: number;
  /** Function index of the subprogram that starts at a slot. */
  functionAt(slot: number): number;
  /** Function index of what does a `map-lookup` helper's work for one map that is no array; takes the key's address. */
  finder(entry: HelperEntry, mapAddress: number): number | undefined;
  helper(id: number): OutsideCall;
  kfunc(btfId: number, module: number): OutsideCall;
}
