/**
 * What observers see of a verification: where the walk is, and what it knows there. Nothing of it may be kept or changed: states are
 * used again.
 */
import type { Btf } from '../btf/index.ts';
import type { UsedMap } from './found.ts';
import type { FunctionInfo, VerifierInput } from './input.ts';
import type { Program } from './program.ts';
import type { Frame } from './state/frame.ts';
import type { VerifierState } from './state/state.ts';

/** One verification as observers see it. */
export interface Walk {
  readonly input: VerifierInput;
  readonly program: Program;
  readonly functions: readonly FunctionInfo[];
  /** The current state, and its running frame. */
  readonly state: VerifierState;
  readonly frame: Frame;
  /** The current instruction, and the one before it on this path. */
  readonly insn: number;
  readonly prevInsn: number;
  /** The path was taken up again at this instruction, or returned from a call. */
  readonly resumed: boolean;
  /** Registers and slots of the running frame that were touched since the last step, as bits. */
  readonly scratchedRegs: number;
  readonly scratchedSlotsLo: number;
  readonly scratchedSlotsHi: number;
  /** Maps of ld_imm64, by instruction: the map's number, and the offset of a direct value. */
  readonly mapIndex: Int32Array;
  readonly mapOffset: Int32Array;
  /** The map, or BTF, that a register names by number. */
  mapOf(index: number): UsedMap;
  btfOf(index: number): Btf;
}
