/** The functions through which JavaScript enters a compiled program, so that no 64-bit number crosses that boundary. */

import { FRAME_STRIDE } from '../stack.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { Type, W } from '../wasm/opcodes.ts';
import type { CompileContext } from './context.ts';
import { BPF_SIGNATURE } from './emitter.ts';
import { Control } from './layout.ts';
import { SmallFunction } from './small-function.ts';

const { I32, I64, EMPTY } = Type;

/** Debug names of the functions that begin runs; no name of a C function has a colon. */
const RUN_ENTRY = 'bpflab:run';

/** Whether a line of a stack trace is about a function that begins runs. */
export function isRunEntry(line: string): boolean {
  return line.includes(RUN_ENTRY);
}

/** memory.copy; target, source and count are on the stack. */
const COPY = [W.PREFIX, W.MEMORY_COPY, 0, 0] as const;

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
  return w.entry('run', RUN_ENTRY, 3);
}

/**
 * repeat(r1, r2, frame, count): `count` runs, at least one; gives the low half of the last r0. Each begins with a full budget, and in
 * checked code with `stackBytes` of zeroed stack.
 */
export function repeatEntry(context: CompileContext, stackBytes: number): FunctionBody {
  const { control, instalment, checked } = context.options;
  const w = new SmallFunction().op(1, 1, I64);
  w.op(W.LOOP, EMPTY);
  beginRun(w, control, instalment);
  if (checked) w.op(W.LOCAL_GET, 2).i32(0).i32(stackBytes).op(W.PREFIX, W.MEMORY_FILL, 0);
  callMain(w, context);
  w.op(W.LOCAL_SET, 4);
  w.op(W.LOCAL_GET, 3).i32(1).op(W.I32_SUB, W.LOCAL_TEE, 3).i32(0).op(W.I32_GT_S, W.BR_IF, 0, W.END);
  w.op(W.LOCAL_GET, 4);
  splitResult(w, context, 4);
  return w.entry('repeat', `${RUN_ENTRY} repeatedly`, 4);
}

/** Parameters and locals of the function that batchEntry writes. */
const Batch = {
  FRAME: 0,
  INPUT: 1,
  LENGTHS: 2,
  RESULTS: 3,
  COUNT: 4,
  TARGET: 5,
  CONTEXT: 6,
  TEMPLATE: 7,
  TEMPLATE_BYTES: 8,
  END_AT: 9,
  LENGTH: 10,
  AT: 11,
  DONE: 12,
} as const;
const BATCH_PARAMETERS = 10;

/**
 * batch(frame, …): a run on each of an InputBatch's inputs, at least one, whose addresses are the parameters in the order of `Batch`. Gives the
 * number of runs: it ends early when a run has set Control.STOP. For unchecked code only, which does not clear stacks.
 */
export function batchEntry(context: CompileContext): FunctionBody {
  const { control, instalment } = context.options;
  const w = new SmallFunction().op(1, 3, I32);
  w.op(W.LOOP, EMPTY);
  w.op(W.LOCAL_GET, Batch.LENGTHS, W.I32_LOAD, 0, 0, W.LOCAL_SET, Batch.LENGTH);
  w.op(W.LOCAL_GET, Batch.TARGET, W.LOCAL_GET, Batch.INPUT, W.LOCAL_GET, Batch.LENGTH, ...COPY);
  copyTemplate(w);
  w.op(W.LOCAL_GET, Batch.CONTEXT, W.LOCAL_GET, Batch.END_AT, W.I32_ADD);
  w.op(W.LOCAL_GET, Batch.TARGET, W.LOCAL_GET, Batch.LENGTH, W.I32_ADD, W.I32_STORE, 0, 0);
  beginRun(w, control, instalment);
  w.op(W.LOCAL_GET, Batch.RESULTS);
  w.op(W.LOCAL_GET, Batch.FRAME, W.LOCAL_GET, Batch.CONTEXT, W.I64_EXTEND_I32_U);
  for (let reg = 2; reg <= 5; reg++) w.op(W.I64_CONST, 0);
  w.call(context.functionAt(0)).op(W.I32_WRAP_I64, W.I32_STORE, 0, 0);
  w.op(W.LOCAL_GET, Batch.INPUT, W.LOCAL_GET, Batch.LENGTH, W.I32_ADD, W.LOCAL_SET, Batch.INPUT);
  for (const [local, step] of [
    [Batch.LENGTHS, 4],
    [Batch.RESULTS, 4],
    [Batch.DONE, 1],
  ] as const)
    w.op(W.LOCAL_GET, local).i32(step).op(W.I32_ADD, W.LOCAL_SET, local);
  w.op(W.LOCAL_GET, Batch.DONE, W.LOCAL_GET, Batch.COUNT, W.I32_LT_U);
  w.i32(0)
    .at(W.I32_LOAD, control + Control.STOP)
    .op(W.I32_EQZ, W.I32_AND);
  w.op(W.BR_IF, 0, W.END, W.LOCAL_GET, Batch.DONE);
  return w.entry('batch', `${RUN_ENTRY} batch`, BATCH_PARAMETERS);
}

/** In words, from the last to the first: a context is so small that memory.copy would take twice as long. */
function copyTemplate(w: SmallFunction): void {
  w.op(W.LOCAL_GET, Batch.TEMPLATE_BYTES, W.LOCAL_SET, Batch.AT, W.LOOP, EMPTY);
  w.op(W.LOCAL_GET, Batch.AT).i32(8).op(W.I32_SUB, W.LOCAL_TEE, Batch.AT);
  w.op(W.LOCAL_GET, Batch.CONTEXT, W.I32_ADD);
  w.op(W.LOCAL_GET, Batch.TEMPLATE, W.LOCAL_GET, Batch.AT, W.I32_ADD, W.I64_LOAD, 0, 0, W.I64_STORE, 0, 0);
  w.op(W.LOCAL_GET, Batch.AT, W.BR_IF, 0, W.END);
}

/** Gives a run its tail calls and its budget. */
function beginRun(w: SmallFunction, control: number, instalment: number | undefined): void {
  w.i32(0)
    .i32(0)
    .at(W.I32_STORE, control + Control.TAIL_CALLS);
  if (instalment !== undefined)
    w.i32(0)
      .i32(instalment)
      .at(W.I32_STORE, control + Control.BUDGET);
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
  return w.entry('invoke', 'bpflab:call back', 2);
}
