/**
 * Writes the code of one function: its locals, which hold the BPF registers, and short forms for what is written often. Also knows which
 * registers hold a constant at this point, and notes which byte of code belongs to which instruction.
 */
import { FRAME_POINTER } from '../../isa/index.ts';
import { STACK_BYTES } from '../engine.ts';
import { ByteWriter } from '../wasm/bytes.ts';
import { Type, W } from '../wasm/opcodes.ts';

/** Locals of every function. Parameters: the lowest address of its stack frame, then r1 to r5. */
export const Local = {
  FRAME: 0,
  R0: 6,
  R6: 7,
  R10: 11,
  /** i64, free to use within an instruction. */
  T0: 12,
  T1: 13,
  /** i64: the part of memory that was last found to be readable, and writable: start and length. */
  READ: 14,
  READ_LENGTH: 15,
  WRITE: 16,
  WRITE_LENGTH: 17,
  /** i32 */
  BUDGET: 18,
  LOOPS: 19,
  LABEL: 20,
  /** i32, free to use within an instruction. */
  I0: 21,
  I1: 22,
  /** f64 */
  F0: 23,
} as const;

/** Parameters and result of every BPF function. */
export const BPF_SIGNATURE = {
  params: [Type.I32, Type.I64, Type.I64, Type.I64, Type.I64, Type.I64],
  result: Type.I64,
} as const;

/** Counts and types of the locals behind the parameters. */
const DECLARATIONS = [3, 12, Type.I64, 5, Type.I32, 1, Type.F64];

/** The local that holds a register. */
export function localOf(reg: number): number {
  if (reg === 0) return Local.R0;
  return reg <= 5 ? reg : Local.R6 + reg - 6;
}

/** Writes one function. */
export class Emitter {
  readonly code: ByteWriter;
  /** False: r10 is the frame pointer throughout. */
  readonly r10Changes: boolean;
  /** Pairs of byte offset and slot, in ascending order. */
  readonly positions: number[] = [];
  /** Registers that hold a known number below 2^32. */
  private readonly constants = new Map<number, number>();

  /** `slots`: about how many instructions are to come. */
  constructor(slots: number, r10Changes: boolean) {
    this.code = new ByteWriter(64 + slots * 8);
    this.r10Changes = r10Changes;
    for (const byte of DECLARATIONS) this.code.u8(byte);
    this.resetFramePointer();
  }

  /** Makes r10 the frame pointer again, where it may be something else. */
  resetFramePointer(): void {
    if (!this.r10Changes) return;
    this.frameTop();
    this.set(Local.R10);
  }

  /** Says that code from here on belongs to an instruction. */
  mark(slot: number): void {
    this.positions.push(this.code.length, slot);
  }

  op(opcode: number): void {
    this.code.u8(opcode);
  }

  get(local: number): void {
    this.code.u8(W.LOCAL_GET);
    this.code.u8(local);
  }

  set(local: number): void {
    this.code.u8(W.LOCAL_SET);
    this.code.u8(local);
  }

  tee(local: number): void {
    this.code.u8(W.LOCAL_TEE);
    this.code.u8(local);
  }

  /** Pushes a register as i64. */
  reg(reg: number): void {
    if (reg === FRAME_POINTER && !this.r10Changes) this.frameTop();
    else this.get(localOf(reg));
  }

  /** Pushes the low half of a register as i32. */
  low(reg: number): void {
    this.reg(reg);
    this.op(W.I32_WRAP_I64);
  }

  /** Pushes the high half of a register as i32. */
  high(reg: number): void {
    this.reg(reg);
    this.i64(32, 0);
    this.op(W.I64_SHR_U);
    this.op(W.I32_WRAP_I64);
  }

  /** Pops an i64 into a register. */
  setReg(reg: number): void {
    this.constants.delete(reg);
    this.set(localOf(reg));
  }

  /** Pops an i32 into a register, zero-extended. */
  setReg32(reg: number): void {
    this.op(W.I64_EXTEND_I32_U);
    this.setReg(reg);
  }

  i32(value: number): void {
    this.code.u8(W.I32_CONST);
    this.code.s32(value);
  }

  i64(lo: number, hi: number): void {
    this.code.u8(W.I64_CONST);
    this.code.s64(lo, hi);
  }

  /** Pushes a 32-bit number, sign-extended to i64. */
  i64Signed(value: number): void {
    this.i64(value, value >> 31);
  }

  /** A load or store with a constant offset below 2^32. */
  access(opcode: number, offset = 0): void {
    this.code.u8(opcode);
    this.code.u8(0);
    this.code.u32(offset);
  }

  call(index: number): void {
    this.code.u8(W.CALL);
    this.code.u32(index);
  }

  callIndirect(type: number, table: number): void {
    this.code.u8(W.CALL_INDIRECT);
    this.code.u32(type);
    this.code.u32(table);
  }

  /** Opens an if with a result of that type. */
  ifThen(type: number = Type.EMPTY): void {
    this.code.u8(W.IF);
    this.code.u8(type);
  }

  /** The number that a register holds here whatever path was taken, if that is known. */
  constant(reg: number): number | undefined {
    return this.constants.get(reg);
  }

  setConstant(reg: number, value: number | undefined): void {
    if (value !== undefined) this.constants.set(reg, value >>> 0);
  }

  forgetConstants(): void {
    this.constants.clear();
  }

  private frameTop(): void {
    this.get(Local.FRAME);
    this.op(W.I64_EXTEND_I32_U);
    this.i64(STACK_BYTES, 0);
    this.op(W.I64_ADD);
  }
}
