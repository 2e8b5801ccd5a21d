/** What calls of every kind need: the callee's stack frame, faults, and the budget in memory while other code counts it down. */

import { FRAME_STRIDE, LAST_FRAME, STACK_ALIGN } from '../stack.ts';
import { W } from '../wasm/opcodes.ts';
import { forgetExtents } from './accesses.ts';
import { type CompileContext, FaultNumber } from './context.ts';
import { type Emitter, Local } from './emitter.ts';
import { Control } from './layout.ts';

/** Throws a fault with two words of detail, which must be on the stack above nothing else. */
export function emitFault(
  e: Emitter,
  context: CompileContext,
  fault: number,
  slot: number,
  pushDetail: () => void,
): void {
  e.i32(fault);
  e.i32(slot);
  pushDetail();
  e.call(context.imports.fault);
  e.op(W.UNREACHABLE);
}

/** Faults when the stack has no frame for another function. */
export function emitDepthCheck(e: Emitter, context: CompileContext, slot: number): void {
  e.get(Local.FRAME);
  e.i32(STACK_ALIGN - 1);
  e.op(W.I32_AND);
  e.i32(LAST_FRAME);
  e.op(W.I32_EQ);
  e.ifThen();
  emitFault(e, context, FaultNumber.TOO_DEEP, slot, () => {
    e.i32(0);
    e.i32(0);
  });
  e.op(W.END);
}

/** Pushes the frame of a function that is called from here. */
export function pushCalleeFrame(e: Emitter): void {
  e.get(Local.FRAME);
  e.i32(FRAME_STRIDE);
  e.op(W.I32_ADD);
}

/** What must be in memory while other code runs, and is taken from it afterwards. */
export interface Spill {
  before(): void;
  after(): void;
}

/** Puts the budget in memory around calls, if it is counted. */
export function budgetSpill(e: Emitter, context: CompileContext): Spill {
  const address = context.options.control + Control.BUDGET;
  return {
    before: () => {
      if (context.options.instalment === undefined) return;
      e.i32(0);
      e.get(Local.BUDGET);
      e.access(W.I32_STORE, address);
    },
    after: () => {
      if (context.options.instalment !== undefined) {
        e.i32(0);
        e.access(W.I32_LOAD, address);
        e.set(Local.BUDGET);
      }
      if (context.options.checked) forgetExtents(e);
    },
  };
}
