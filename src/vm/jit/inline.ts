/**
 * Helpers whose work compiled code does itself: those whose table entry says how (`InlineHelper` in abi.ts). Anything unusual, such as a
 * map that is not known when the program is compiled, falls back on calling the helper.
 */
import { Errno } from '../../base/errno.ts';
import type { HelperEntry, InlineHelper } from '../abi.ts';
import { MAX_LOOPS } from '../engine.ts';
import { CODE_BASE } from '../pack.ts';
import type { CompileContext } from './context.ts';
import { type Emitter, Local } from './emitter.ts';
import { emitDepthCheck, pushCalleeFrame, type Spill } from './frames.ts';
import { Type, W } from './opcodes.ts';

/** Writes the helper's work in line; false when it has to be called. */
export function emitInline(
  e: Emitter,
  context: CompileContext,
  entry: HelperEntry,
  slot: number,
  spill: Spill,
): boolean {
  const { inline } = entry;
  switch (inline?.kind) {
    case undefined:
      return false;
    case 'word':
      e.i32(0);
      e.access(inline.size === 4 ? W.I64_LOAD32_U : W.I64_LOAD, inline.address);
      e.setReg(0);
      return true;
    case 'element':
      e.reg(1);
      emitElement(e, inline.values, inline.stride, inline.count);
      return true;
    case 'map-lookup':
      return emitMapLookup(e, context, entry, inline);
    case 'loop':
      return emitLoop(e, context, slot, spill);
  }
}

/** Sets r0 to the address of the element whose index, an i64, is on the stack, or to 0. */
function emitElement(
  e: Emitter,
  values: number,
  stride: number,
  count: number,
  pushExtra?: () => void,
): void {
  e.tee(Local.T0);
  e.i64(count, 0);
  e.op(W.I64_LT_U);
  e.ifThen(Type.I64);
  e.get(Local.T0);
  e.i64(stride, 0);
  e.op(W.I64_MUL);
  e.i64(values, 0);
  e.op(W.I64_ADD);
  pushExtra?.();
  e.op(W.ELSE);
  e.i64(0, 0);
  e.op(W.END);
  e.setReg(0);
}

/** In checked code the key is read by the helper, which checks it. */
function emitMapLookup(
  e: Emitter,
  context: CompileContext,
  entry: HelperEntry,
  { layout, cpuAddress }: Extract<InlineHelper, { kind: 'map-lookup' }>,
): boolean {
  const map = e.constant(1);
  if (map === undefined || context.options.checked) return false;
  const place = layout(map);
  const isPercpu = place?.cpuStride !== undefined;
  if (place === undefined || (isPercpu && cpuAddress === undefined)) {
    const finder = context.finder(entry, map);
    if (finder === undefined) return false;
    e.low(2);
    e.call(finder);
    e.setReg32(0);
    return true;
  }
  e.low(2);
  e.access(W.I64_LOAD32_U);
  emitElement(e, place.values, place.stride, place.count, () => {
    if (place.cpuStride === undefined) return;
    e.i32(0);
    e.access(W.I64_LOAD32_U, cpuAddress);
    e.i64(place.cpuStride, 0);
    e.op(W.I64_MUL);
    e.op(W.I64_ADD);
  });
  return true;
}

/** bpf_loop(count, callback, context, flags) with a callback that is known. */
function emitLoop(e: Emitter, context: CompileContext, slot: number, spill: Spill): boolean {
  const pointer = e.constant(2);
  const start = pointer === undefined ? undefined : context.program.subprogs[(pointer - CODE_BASE) / 8];
  if (start === undefined) return false;
  e.reg(4);
  e.op(W.I64_EQZ);
  e.ifThen(Type.I64);
  e.reg(1);
  e.i64(MAX_LOOPS, 0);
  e.op(W.I64_GT_U);
  e.ifThen(Type.I64);
  // Zero-extended, as by the code that the kernel puts in line.
  e.i64(-Errno.E2BIG, 0);
  e.op(W.ELSE);
  emitDepthCheck(e, context, slot);
  spill.before();
  emitRounds(e, context.functionAt(start));
  e.op(W.END);
  e.op(W.ELSE);
  e.i64Signed(-Errno.EINVAL);
  e.op(W.END);
  e.setReg(0);
  spill.after();
  return true;
}

/** Pushes the number of calls made: until the count is reached or the callback returns other than 0. T1 counts them. */
function emitRounds(e: Emitter, callback: number): void {
  e.i64(0, 0);
  e.set(Local.T1);
  e.op(W.BLOCK);
  e.op(Type.EMPTY);
  e.op(W.LOOP);
  e.op(Type.EMPTY);
  e.get(Local.T1);
  e.op(W.I32_WRAP_I64);
  e.low(1);
  e.op(W.I32_GE_U);
  e.op(W.BR_IF);
  e.op(1);
  pushCalleeFrame(e);
  e.get(Local.T1);
  e.reg(3);
  for (let reg = 3; reg <= 5; reg++) e.i64(0, 0);
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
