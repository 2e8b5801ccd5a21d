/**
 * Loads, stores and atomics. WebAssembly confines every access to linear memory; in checked code, an access that is not known to be inside
 * the function's own stack frame, or inside the extent that was last found accessible, asks the engine.
 */
import type { AccessSize, AtomicOp, InsnOf } from '../../isa/index.ts';
import { FRAME_POINTER } from '../../isa/index.ts';
import { STACK_BYTES } from '../engine.ts';
import { Type, W } from '../wasm/opcodes.ts';
import type { CompileContext } from './context.ts';
import { type Emitter, Local, localOf } from './emitter.ts';
import { NOWHERE_HIGH, NOWHERE_LOW } from './extent.ts';
import { Control } from './layout.ts';

const LOAD: Readonly<Record<AccessSize, number>> = {
  1: W.I64_LOAD8_U,
  2: W.I64_LOAD16_U,
  4: W.I64_LOAD32_U,
  8: W.I64_LOAD,
};

const LOAD_SIGNED: Readonly<Record<AccessSize, number>> = {
  1: W.I64_LOAD8_S,
  2: W.I64_LOAD16_S,
  4: W.I64_LOAD32_S,
  8: W.I64_LOAD,
};

const STORE: Readonly<Record<AccessSize, number>> = {
  1: W.I64_STORE8,
  2: W.I64_STORE16,
  4: W.I64_STORE32,
  8: W.I64_STORE,
};

/** What is accessed. */
interface Place {
  readonly reg: number;
  readonly offset: number;
  readonly size: AccessSize;
  readonly write: boolean;
  readonly slot: number;
}

/** Pushes the address of an access, checked if need be, and returns the constant offset that the access itself adds. */
function emitAddress(e: Emitter, context: CompileContext, place: Place): number {
  const { reg, offset, size } = place;
  if (reg === FRAME_POINTER && !e.r10Changes && offset >= -STACK_BYTES && offset + size <= 0) {
    e.get(Local.FRAME);
    return STACK_BYTES + offset;
  }
  if (context.options.checked) {
    emitCheck(e, context, place);
    e.get(Local.T0);
    e.op(W.I32_WRAP_I64);
    return 0;
  }
  const constant = e.constant(reg);
  if (constant !== undefined) {
    e.i32(constant + offset);
    return 0;
  }
  e.low(reg);
  if (offset >= 0) return offset;
  e.i32(offset);
  e.op(W.I32_ADD);
  return 0;
}

/** Leaves the 64-bit address in T0. An extent is at least 8 bytes long or lies where WebAssembly has no memory. */
function emitCheck(e: Emitter, context: CompileContext, { reg, offset, size, write, slot }: Place): void {
  const start = write ? Local.WRITE : Local.READ;
  const length = write ? Local.WRITE_LENGTH : Local.READ_LENGTH;
  e.reg(reg);
  e.i64Signed(offset);
  e.op(W.I64_ADD);
  e.tee(Local.T0);
  e.get(start);
  e.op(W.I64_SUB);
  e.get(length);
  e.i64(size, 0);
  e.op(W.I64_SUB);
  e.op(W.I64_GT_U);
  e.ifThen();
  emitHalves(e, Local.T0);
  e.i32(size | (write ? 16 : 0));
  e.i32(slot);
  e.call(context.imports.check);
  const { control } = context.options;
  e.i32(0);
  e.access(W.I64_LOAD, control + Control.EXTENT_START);
  e.set(start);
  e.i32(0);
  e.access(W.I64_LOAD, control + Control.EXTENT_LENGTH);
  e.set(length);
  e.op(W.END);
}

/** Pushes an i64 local as two i32. */
function emitHalves(e: Emitter, local: number): void {
  e.get(local);
  e.op(W.I32_WRAP_I64);
  e.get(local);
  e.i64(32, 0);
  e.op(W.I64_SHR_U);
  e.op(W.I32_WRAP_I64);
}

/** Makes the next access ask again: what memory allows may have changed. */
export function forgetExtents(e: Emitter): void {
  for (const [start, length] of [
    [Local.READ, Local.READ_LENGTH],
    [Local.WRITE, Local.WRITE_LENGTH],
  ] as const) {
    e.i64(NOWHERE_LOW, NOWHERE_HIGH);
    e.set(start);
    e.i64(8, 0);
    e.set(length);
  }
}

/** A load, from kernel memory too where a load that fails gives 0. */
export function emitLoad(e: Emitter, context: CompileContext, insn: InsnOf<'load'>, slot: number): void {
  const opcode = (insn.signed ? LOAD_SIGNED : LOAD)[insn.size];
  if (context.program.probeLoads?.has(slot) === true) emitProbeLoad(e, context, insn, opcode);
  else {
    const offset = emitAddress(e, context, { ...place(insn, slot), reg: insn.src, write: false });
    e.access(opcode, offset);
  }
  e.setReg(insn.dst);
}

/**
 * A load that gives zero where nothing is mapped. For verified programs that is outside of linear memory; its first page is zero anyway.
 */
function emitProbeLoad(e: Emitter, context: CompileContext, insn: InsnOf<'load'>, opcode: number): void {
  e.reg(insn.src);
  e.i64Signed(insn.offset);
  e.op(W.I64_ADD);
  e.set(Local.T0);
  if (context.options.checked) {
    emitHalves(e, Local.T0);
    e.i32(insn.size);
    e.call(context.imports.probe);
  } else {
    e.get(Local.T0);
    e.op(W.MEMORY_SIZE);
    e.op(0);
    e.op(W.I64_EXTEND_I32_U);
    e.i64(16, 0);
    e.op(W.I64_SHL);
    e.i64(insn.size, 0);
    e.op(W.I64_SUB);
    e.op(W.I64_LE_U);
  }
  e.ifThen(Type.I64);
  e.get(Local.T0);
  e.op(W.I32_WRAP_I64);
  e.access(opcode);
  e.op(W.ELSE);
  e.i64(0, 0);
  e.op(W.END);
}

/** A store of a register or a constant. */
export function emitStore(e: Emitter, context: CompileContext, insn: InsnOf<'store'>, slot: number): void {
  const offset = emitAddress(e, context, { ...place(insn, slot), reg: insn.dst, write: true });
  if (insn.operand.kind === 'reg') e.reg(insn.operand.reg);
  else e.i64Signed(insn.operand.imm);
  e.access(STORE[insn.size], offset);
}

function place(
  insn: { offset: number; size: AccessSize },
  slot: number,
): Pick<Place, 'offset' | 'size' | 'slot'> {
  return { offset: insn.offset, size: insn.size, slot };
}

const COMBINE: Readonly<Record<Exclude<AtomicOp, 'xchg' | 'cmpxchg'>, number>> = {
  add: W.I64_ADD,
  or: W.I64_OR,
  and: W.I64_AND,
  xor: W.I64_XOR,
};

/**
 * Programs run one at a time, so reading, combining and writing in turn is atomic; WebAssembly's own atomics trap when unaligned.
 */
export function emitAtomic(e: Emitter, context: CompileContext, insn: InsnOf<'atomic'>, slot: number): void {
  const { op, size, src, fetch } = insn;
  const offset = emitAddress(e, context, { ...place(insn, slot), reg: insn.dst, write: true });
  e.tee(Local.I0);
  e.access(LOAD[size], offset);
  e.set(Local.T1);
  if (op === 'cmpxchg') {
    emitCompareExchange(e, insn, offset);
    return;
  }
  e.get(Local.I0);
  if (op === 'xchg') e.reg(src);
  else {
    e.get(Local.T1);
    e.reg(src);
    e.op(COMBINE[op]);
  }
  e.access(STORE[size], offset);
  if (fetch) {
    e.get(Local.T1);
    e.setReg(src);
  }
}

/** Compares with r0, whose upper half a 32-bit operation does not look at; r0 becomes the old value. */
function emitCompareExchange(e: Emitter, { size, src }: InsnOf<'atomic'>, offset: number): void {
  e.get(Local.T1);
  e.get(localOf(0));
  if (size === 4) {
    e.i64(-1, 0);
    e.op(W.I64_AND);
  }
  e.op(W.I64_EQ);
  e.ifThen();
  e.get(Local.I0);
  e.reg(src);
  e.access(STORE[size], offset);
  e.op(W.END);
  e.get(Local.T1);
  e.setReg(0);
}
