/**
 * Helpers that call back, written as loops of WebAssembly: bpf_loop, and bpf_for_each_map_elem over arrays. Where the callback or the map is
 * not known when the program is compiled, the helper is called and the engine drives it.
 */
import { Errno } from '../../base/errno.ts';
import type { InlineHelper } from '../abi.ts';
import { MAX_LOOPS, STACK_BYTES } from '../engine.ts';
import { CODE_BASE } from '../pack.ts';
import { Type, W } from '../wasm/opcodes.ts';
import type { CompileContext } from './context.ts';
import { type Emitter, Local } from './emitter.ts';
import { emitDepthCheck, pushCalleeFrame, type Spill } from './frames.ts';

/** Function index of the callback that r2 is known to point to. */
function callbackIn2(e: Emitter, context: CompileContext): number | undefined {
  const pointer = e.constant(2);
  const start = pointer === undefined ? undefined : context.program.subprogs[(pointer - CODE_BASE) / 8];
  return start === undefined ? undefined : context.functionAt(start);
}

/** bpf_loop(count, callback, context, flags). */
export function emitLoop(e: Emitter, context: CompileContext, slot: number, spill: Spill): boolean {
  const callback = callbackIn2(e, context);
  if (callback === undefined) return false;
  emitWithoutFlags(e, spill, () => {
    e.reg(1);
    e.i64(MAX_LOOPS, 0);
    e.op(W.I64_GT_U);
    e.ifThen(Type.I64);
    // Zero-extended, as by the code that the kernel puts in line.
    e.i64(-Errno.E2BIG, 0);
    e.op(W.ELSE);
    // As when the helper is called, the callback needs no frame when there is no round.
    e.reg(1);
    e.op(W.I64_EQZ);
    e.op(W.I32_EQZ);
    e.ifThen();
    emitDepthCheck(e, context, slot);
    e.op(W.END);
    spill.before();
    emitRounds(
      e,
      callback,
      () => {
        e.reg(1);
      },
      () => {
        e.get(Local.T1);
        e.reg(3);
        for (let reg = 3; reg <= 5; reg++) e.i64(0, 0);
      },
    );
    e.op(W.END);
  });
  return true;
}

/**
 * bpf_for_each_map_elem(map, callback, context, flags) over an array. The key that the callback is shown lies in the gap behind the
 * caller's stack frame, where checked programs may not read.
 */
export function emitMapWalk(
  e: Emitter,
  context: CompileContext,
  { layout, cpuAddress }: Extract<InlineHelper, { kind: 'map-walk' }>,
  slot: number,
  spill: Spill,
): boolean {
  const callback = callbackIn2(e, context);
  const map = e.constant(1);
  if (callback === undefined || map === undefined || context.options.checked) return false;
  const place = layout(map);
  if (place?.kind !== 'array') return false;
  const { values, stride, count, cpuStride } = place;
  if (cpuStride !== undefined && cpuAddress === undefined) return false;
  emitWithoutFlags(e, spill, () => {
    emitDepthCheck(e, context, slot);
    spill.before();
    emitRounds(
      e,
      callback,
      () => {
        e.i64(count, 0);
      },
      () => {
        e.get(Local.FRAME);
        e.get(Local.T1);
        e.access(W.I64_STORE32, STACK_BYTES);
        e.reg(1);
        e.get(Local.FRAME);
        e.i32(STACK_BYTES);
        e.op(W.I32_ADD);
        e.op(W.I64_EXTEND_I32_U);
        e.get(Local.T1);
        e.i64(stride, 0);
        e.op(W.I64_MUL);
        e.i64(values, 0);
        e.op(W.I64_ADD);
        if (cpuStride !== undefined) addForCpu(e, cpuAddress, cpuStride);
        e.reg(3);
        e.i64(0, 0);
      },
    );
  });
  return true;
}

/** Adds the current CPU's share of a per-CPU value to the address on the stack. */
export function addForCpu(e: Emitter, cpuAddress: number | undefined, cpuStride: number): void {
  e.i32(0);
  e.access(W.I64_LOAD32_U, cpuAddress);
  e.i64(cpuStride, 0);
  e.op(W.I64_MUL);
  e.op(W.I64_ADD);
}

/** Sets r0 to what `emit` pushes, or to -EINVAL when the flags in r4 are not zero. */
function emitWithoutFlags(e: Emitter, spill: Spill, emit: () => void): void {
  e.reg(4);
  e.op(W.I64_EQZ);
  e.ifThen(Type.I64);
  emit();
  e.op(W.ELSE);
  e.i64Signed(-Errno.EINVAL);
  e.op(W.END);
  e.setReg(0);
  spill.after();
}

/**
 * Pushes the number of calls made: until there were as many as `pushCount` pushes, or the callback returns other than 0. `pushArguments` pushes
 * r1 to r5; T1 is the number of calls before.
 */
function emitRounds(e: Emitter, callback: number, pushCount: () => void, pushArguments: () => void): void {
  e.i64(0, 0);
  e.set(Local.T1);
  e.op(W.BLOCK);
  e.op(Type.EMPTY);
  e.op(W.LOOP);
  e.op(Type.EMPTY);
  e.get(Local.T1);
  pushCount();
  e.op(W.I64_GE_U);
  e.op(W.BR_IF);
  e.op(1);
  pushCalleeFrame(e);
  pushArguments();
  e.get(Local.T1);
  e.i64(1, 0);
  e.op(W.I64_ADD);
  e.set(Local.T1);
  e.call(callback);
  e.op(W.I64_EQZ);
  e.op(W.BR_IF);
  e.op(0);
  e.op(W.END);
  e.op(W.END);
  e.get(Local.T1);
}
