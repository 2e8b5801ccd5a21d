/** Calls: of subprograms, through function pointers, of helpers and kernel functions, tail calls, legacy packet loads. */
import { Errno } from '../../base/errno.ts';
import type { InsnOf } from '../../isa/index.ts';
import type { HelperEntry } from '../abi.ts';
import { CODE_BASE } from '../pack.ts';
import { SHARED_TABLE } from '../wasm/module.ts';
import { W } from '../wasm/opcodes.ts';
import { forgetExtents } from './accesses.ts';
import { type CompileContext, FaultNumber, type OutsideCall } from './context.ts';
import { type Emitter, Local } from './emitter.ts';
import { emitDepthCheck, emitFault, pushCalleeFrame, type Spill } from './frames.ts';
import { emitInline } from './inline.ts';
import { Control } from './layout.ts';

function pushArguments(e: Emitter): void {
  for (let reg = 1; reg <= 5; reg++) e.reg(reg);
}

/** Behind a call r1 to r5 are zero and r10 is the frame pointer, whatever they were: no program that was verified looks. */
export function clearAfterCall(e: Emitter): void {
  for (let reg = 1; reg <= 5; reg++) {
    e.i64(0, 0);
    e.setReg(reg);
  }
  e.resetFramePointer();
}

/** A call of a function of the program. */
export function emitCallSubprog(
  e: Emitter,
  context: CompileContext,
  insn: InsnOf<'call-subprog'>,
  slot: number,
  spill: Spill,
): void {
  emitDepthCheck(e, context, slot);
  spill.before();
  pushCalleeFrame(e);
  pushArguments(e);
  e.call(context.functionAt(slot + 1 + insn.offset));
  e.setReg(0);
  spill.after();
  clearAfterCall(e);
}

/** callx: the helper of that number, where numbers are allowed, else the function that the register points to. */
export function emitCallx(
  e: Emitter,
  context: CompileContext,
  insn: InsnOf<'callx'>,
  slot: number,
  spill: Spill,
): void {
  for (const call of context.numbered) {
    e.reg(insn.reg);
    e.i64(call.entry?.id ?? 0, 0);
    e.op(W.I64_EQ);
    e.ifThen();
    emitOutsideCall(e, context, call, slot, spill);
    e.op(W.ELSE);
  }
  emitCallPointer(e, context, insn, slot, spill);
  for (let i = 0; i < context.numbered.length; i++) e.op(W.END);
}

/** Code pointers are 8 apart from CODE_BASE on, so turning the difference right by 3 bits gives the number of the function. */
function emitCallPointer(
  e: Emitter,
  context: CompileContext,
  { reg }: InsnOf<'callx'>,
  slot: number,
  spill: Spill,
): void {
  e.reg(reg);
  e.i64(CODE_BASE, 0);
  e.op(W.I64_SUB);
  e.i64(64 - 3, 0);
  e.op(W.I64_ROTL);
  e.tee(Local.T1);
  e.i64(context.program.subprogs.length, 0);
  e.op(W.I64_GE_U);
  e.ifThen();
  emitFault(e, context, FaultNumber.FUNCTION_POINTER | (reg << 8), slot, () => {
    e.low(reg);
    e.high(reg);
  });
  e.op(W.END);
  emitDepthCheck(e, context, slot);
  spill.before();
  pushCalleeFrame(e);
  pushArguments(e);
  e.get(Local.T1);
  e.op(W.I32_WRAP_I64);
  e.callIndirect(context.bpfType, context.module.ownTable);
  e.setReg(0);
  spill.after();
  clearAfterCall(e);
}

/** A call of a helper or kernel function. */
export function emitOutsideCall(
  e: Emitter,
  context: CompileContext,
  call: OutsideCall,
  slot: number,
  spill: Spill,
): void {
  const { entry } = call;
  if (entry === undefined) {
    emitFault(e, context, FaultNumber.UNKNOWN_CALL, slot, () => {
      e.i32(0);
      e.i32(0);
    });
    return;
  }
  if (context.options.checked) checkPointers(e, context, entry, slot);
  if (entry.kind === 'tail-call') {
    emitTailCall(e, context, call, spill);
    return;
  }
  if (!emitInline(e, context, entry, slot, spill)) emitHelperCall(e, context, call, entry, spill);
  if (entry.kind === 'callback') clearAfterCall(e);
}

function emitHelperCall(
  e: Emitter,
  context: CompileContext,
  call: OutsideCall,
  entry: HelperEntry,
  spill: Spill,
): void {
  pushWords(e, entry);
  if (entry.kind === 'callback') {
    spill.before();
    e.get(Local.FRAME);
  }
  e.call(call.index);
  takeResult(e, context, entry);
  if (entry.kind === 'callback') spill.after();
  else if (context.options.checked) forgetExtents(e);
}

function checkPointers(e: Emitter, context: CompileContext, entry: HelperEntry, slot: number): void {
  entry.args.forEach((pass, index) => {
    if (pass !== 'ptr') return;
    const reg = index + 1;
    e.high(reg);
    e.ifThen();
    emitFault(e, context, FaultNumber.POINTER | (reg << 8), slot, () => {
      e.low(reg);
      e.high(reg);
    });
    e.op(W.END);
  });
}

function pushWords(e: Emitter, entry: HelperEntry): void {
  entry.args.forEach((pass, index) => {
    e.low(index + 1);
    if (pass === 'u64') e.high(index + 1);
  });
}

/** Puts the i32 that a helper returned into r0. */
function takeResult(e: Emitter, context: CompileContext, entry: HelperEntry): void {
  switch (entry.returns) {
    case 'int':
      e.op(W.I64_EXTEND_I32_S);
      break;
    case 'ptr':
      e.op(W.I64_EXTEND_I32_U);
      break;
    case 'u64':
      e.op(W.I64_EXTEND_I32_U);
      e.i32(0);
      e.access(W.I64_LOAD32_U, context.options.control + Control.HELPER_HIGH);
      e.i64(32, 0);
      e.op(W.I64_SHL);
      e.op(W.I64_OR);
      break;
    case 'void':
      e.op(W.DROP);
      e.i64(0, 0);
      break;
  }
  e.setReg(0);
}

/**
 * The target gets this function's frame. An ordinary call and a return do: the limit of tail calls bounds how deep that gets, and it
 * needs nothing of WebAssembly that some platform lacks.
 */
function emitTailCall(e: Emitter, context: CompileContext, call: OutsideCall, spill: Spill): void {
  e.low(2);
  e.low(3);
  e.i32(call.number);
  e.call(context.imports.tail);
  e.tee(Local.I0);
  e.i32(0);
  e.op(W.I32_GE_S);
  e.ifThen();
  spill.before();
  e.get(Local.FRAME);
  pushArguments(e);
  e.get(Local.I0);
  e.callIndirect(context.bpfType, SHARED_TABLE);
  e.op(W.RETURN);
  e.op(W.END);
  e.i64Signed(-Errno.ENOENT);
  e.setReg(0);
}

/** Loads into r0; when the packet is too short the function returns 0. */
export function emitPacketLoad(
  e: Emitter,
  context: CompileContext,
  insn: InsnOf<'ld-packet'>,
  slot: number,
  emitReturn: () => void,
): void {
  if (!context.hasPacketLoad) {
    emitFault(e, context, FaultNumber.NO_PACKET, slot, () => {
      e.i32(0);
      e.i32(0);
    });
    return;
  }
  e.low(6);
  e.i32(insn.imm);
  if (insn.mode === 'ind') {
    e.low(insn.src);
    e.op(W.I32_ADD);
  }
  e.i32(insn.size);
  e.call(context.imports.packet);
  e.tee(Local.F0);
  e.op(W.F64_CONST);
  for (let byte = 0; byte < 8; byte++) e.op(0);
  e.op(W.F64_LT);
  e.ifThen();
  e.i64(0, 0);
  e.setReg(0);
  emitReturn();
  e.op(W.END);
  e.get(Local.F0);
  e.op(W.I64_TRUNC_F64_U);
  e.setReg(0);
  if (context.options.checked) forgetExtents(e);
}
