/**
 * Writes the code of the interpreter's loop: blocks and branches by label, the loop's locals, and how an operation gets at the fields
 * of its row and at registers.
 */
import { ROW_BYTES } from '../pack.ts';
import { ByteWriter } from '../wasm/bytes.ts';
import { Type, W } from '../wasm/opcodes.ts';

/** Locals of the loop. Parameters: the address of the machine's state, and how many instructions may run. */
export const Local = {
  STATE: 0,
  LEFT: 1,
  /** i32: address of the row that runs. */
  PC: 2,
  /** i32: memory's size, which is where the bitmap of what may be read begins, and where the one of what may be written begins. */
  READABLE: 3,
  WRITABLE: 4,
  /** i32, free to use within an operation. DST: address of the destination register. */
  DST: 5,
  ADDRESS: 6,
  I0: 7,
  I1: 8,
  FRAME: 9,
  /** i64: memory's size again. */
  LIMIT: 10,
  /** i64, free to use within an operation. */
  L0: 11,
  L1: 12,
} as const;

/** The loop's locals behind the parameters. */
const DECLARATIONS = [2, 8, Type.I32, 3, Type.I64];

/** Offsets in a row, as pack.ts says. */
export const Row = { OP: 0, DST: 1, SRC: 2, WORD1: 4, WORD2: 8 } as const;

/** Bits that an operation works on. */
export type Width = 32 | 64;

/** A block that can be branched to: how deep it is nested. */
export type Label = number;

/** Writes the loop's function. */
export class LoopWriter {
  readonly code = new ByteWriter(16384);
  private depth = 0;
  private nextLabel: Label = 0;

  /** `declarations`: counts and types of the locals behind the parameters. */
  constructor(declarations: readonly number[] = DECLARATIONS) {
    for (const byte of declarations) this.code.u8(byte);
  }

  /** Writes up to three instructions without operands. */
  op(first: number, second?: number, third?: number): void {
    this.code.u8(first);
    if (second !== undefined) this.code.u8(second);
    if (third !== undefined) this.code.u8(third);
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

  i32(value: number): void {
    this.op(W.I32_CONST);
    this.code.s32(value);
  }

  i64(low: number, high = low >> 31): void {
    this.op(W.I64_CONST);
    this.code.s64(low, high);
  }

  /** A load or store; the address is on the stack. */
  access(opcode: number, offset = 0): void {
    this.code.u8(opcode);
    this.code.u8(0);
    this.code.u32(offset);
  }

  call(index: number): void {
    this.op(W.CALL);
    this.code.u32(index);
  }

  /** Opens a block, loop or if with a result of that type. */
  open(opcode: number, type: number = Type.EMPTY): Label {
    this.op(opcode, type);
    return this.depth++;
  }

  /** Opens the loop that `next` goes back to. */
  openLoop(): void {
    this.nextLabel = this.open(W.LOOP);
  }

  end(): void {
    this.op(W.END);
    this.depth--;
  }

  br(label: Label): void {
    this.op(W.BR);
    this.code.u32(this.depth - 1 - label);
  }

  brIf(label: Label): void {
    this.op(W.BR_IF);
    this.code.u32(this.depth - 1 - label);
  }

  /** Branches to the label whose index is on the stack, to the last one when there are not so many. */
  brTable(labels: readonly Label[]): void {
    this.op(W.BR_TABLE);
    this.code.u32(labels.length - 1);
    for (const label of labels) this.code.u32(this.depth - 1 - label);
  }

  /** Goes on with the row behind this one. */
  next(rows = 1): void {
    this.skip(rows);
    this.br(this.nextLabel);
  }

  /** Goes on with the row that PC is at. */
  again(): void {
    this.br(this.nextLabel);
  }

  /** Moves PC behind this row. */
  skip(rows = 1): void {
    this.get(Local.PC);
    this.i32(rows * ROW_BYTES);
    this.op(W.I32_ADD);
    this.set(Local.PC);
  }

  /** Pops a condition: goes on where word 2 says when it holds, else with the next row. */
  jumpIf(): void {
    this.open(W.IF);
    this.jump();
    this.end();
    this.next();
  }

  /** Goes on where word 2 says. */
  jump(): void {
    this.get(Local.PC);
    this.field(W.I32_LOAD, Row.WORD2);
    this.op(W.I32_ADD);
    this.set(Local.PC);
    this.again();
  }

  /** Pushes a field of the row. */
  field(opcode: number, offset: number): void {
    this.get(Local.PC);
    this.access(opcode, offset);
  }

  /** Pushes the address of the destination or source register. */
  registerAddress(field: number): void {
    this.get(Local.STATE);
    this.field(W.I32_LOAD8_U, field);
    this.op(W.I32_ADD);
  }

  /** Pushes the address of the destination register and keeps it in DST. */
  dstAddress(): void {
    this.registerAddress(Row.DST);
    this.tee(Local.DST);
  }

  /** Pushes the destination register, whose address is in DST. */
  dst(width: Width): void {
    this.get(Local.DST);
    this.access(width === 64 ? W.I64_LOAD : W.I32_LOAD);
  }

  /** Pushes the source register. */
  src(width: Width): void {
    this.registerAddress(Row.SRC);
    this.access(width === 64 ? W.I64_LOAD : W.I32_LOAD);
  }

  /** Pushes word 1, sign-extended. */
  immediate(width: Width): void {
    this.field(width === 64 ? W.I64_LOAD32_S : W.I32_LOAD, Row.WORD1);
  }

  /** Pushes word 1 or the source register. */
  operand(width: Width, isImmediate: boolean): void {
    if (isImmediate) this.immediate(width);
    else this.src(width);
  }

  /** Pops a number and the register's address under it; 32-bit numbers are zero-extended. */
  store(width: Width): void {
    if (width === 32) this.op(W.I64_EXTEND_I32_U);
    this.access(W.I64_STORE);
  }
}
