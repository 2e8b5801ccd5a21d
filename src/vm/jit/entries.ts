/** The functions through which JavaScript enters a compiled program, so that no 64-bit number crosses that boundary. */

import type { FunctionBody } from '../wasm/module.ts';
import { Type, W } from '../wasm/opcodes.ts';
import type { CompileContext } from './context.ts';
import { BPF_SIGNATURE } from './emitter.ts';
import { Control, FRAME_STRIDE } from './layout.ts';
import { SmallFunction } from './small-function.ts';

const { I64, EMPTY } = Type;

/** Pushes frame, r1 and r2 from parameters 2, 0 and 1, and zeros for the other arguments; calls the program. */
function callMain(w: SmallFunction, context: CompileContext): void {
  w.op(W.LOCAL_GET, 2);
  w.op(W.LOCAL_GET, 0, W.I64_EXTEND_I32_U, W.LOCAL_GET, 1, W.I64_EXTEND_I32_U);
  for (let reg = 3; reg <= 5; reg++) w.op(W.I64_CONST, 0);
  w.call(context.functionAt(0));
}

/** Pops r0: its high half goes to the control block, its low half stays on the stack. */
function splitResult(w: SmallFunction, context: CompileContext, local: number): void {
  w.op(W.LOCAL_SET, local).i32(0).op(W.LOCAL_GET, local, W.I64_CONST, 32, W.I64_SHR_U, W.I32_WRAP_I64);
  w.at(W.I32_STORE, context.options.control + Control.R0_HIGH);
  w.op(W.LOCAL_GET, local, W.I32_WRAP_I64);
}

/** run(r1, r2, frame): one run; gives the low half of r0. */
export function runEntry(context: CompileContext): FunctionBody {
  const w = new SmallFunction().op(1, 1, I64);
  callMain(w, context);
  splitResult(w, context, 3);
  return w.entry('run', 3);
}

/**
 * repeat(r1, r2, frame, count): `count` runs, at least one; gives the low half of the last r0. Each begins with a full budget, and in
 * checked code with `stackBytes` of zeroed stack.
 */
export function repeatEntry(context: CompileContext, stackBytes: number): FunctionBody {
  const { control, instalment, checked } = context.options;
  const w = new SmallFunction().op(1, 1, I64);
  w.op(W.LOOP, EMPTY);
  w.i32(0)
    .i32(0)
    .at(W.I32_STORE, control + Control.TAIL_CALLS);
  if (instalment !== undefined)
    w.i32(0)
      .i32(instalment)
      .at(W.I32_STORE, control + Control.BUDGET);
  if (checked) w.op(W.LOCAL_GET, 2).i32(0).i32(stackBytes).op(W.PREFIX, W.MEMORY_FILL, 0);
  callMain(w, context);
  w.op(W.LOCAL_SET, 4);
  w.op(W.LOCAL_GET, 3).i32(1).op(W.I32_SUB, W.LOCAL_TEE, 3).i32(0).op(W.I32_GT_S, W.BR_IF, 0, W.END);
  w.op(W.LOCAL_GET, 4);
  splitResult(w, context, 4);
  return w.entry('repeat', 4);
}

/** invoke(function, frame): a callback, with arguments from the control block; gives the low half of its r0. */
export function invokeEntry(context: CompileContext): FunctionBody {
  const w = new SmallFunction().op(1, 1, I64);
  w.op(W.LOCAL_GET, 1).i32(FRAME_STRIDE).op(W.I32_ADD);
  const { control } = context.options;
  for (let reg = 0; reg < 5; reg++) w.i32(0).at(W.I64_LOAD, control + Control.CALLBACK_ARGS + 8 * reg);
  w.op(W.LOCAL_GET, 0, W.CALL_INDIRECT);
  w.out.u32(context.module.type(BPF_SIGNATURE));
  w.out.u32(context.module.ownTable);
  splitResult(w, context, 2);
  return w.entry('invoke', 2);
}
