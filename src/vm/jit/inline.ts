/**
 * Helpers whose work compiled code does itself: those whose table entry says how (`InlineHelper` in abi.ts). Anything unusual, such as a
 * map that is not known when the program is compiled, falls back on calling the helper.
 */
import type { HelperEntry, InlineHelper } from '../abi.ts';
import { Type, W } from '../wasm/opcodes.ts';
import type { CompileContext } from './context.ts';
import { type Emitter, Local } from './emitter.ts';
import type { Spill } from './frames.ts';
import { addForCpu, emitLoop, emitMapWalk } from './inline-loops.ts';

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
    case 'map-walk':
      return emitMapWalk(e, context, inline, slot, spill);
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
  const cpuStride = place?.cpuStride;
  if (cpuStride !== undefined && cpuAddress === undefined) return false;
  const addCpu = (): void => {
    if (cpuStride !== undefined) addForCpu(e, cpuAddress, cpuStride);
  };
  if (place?.kind === 'array') {
    e.low(2);
    e.access(W.I64_LOAD32_U);
    emitElement(e, place.values, place.stride, place.count, addCpu);
    return true;
  }
  const finder = context.finder(entry, map);
  if (finder === undefined) return false;
  e.low(2);
  e.call(finder);
  e.setReg32(0);
  if (cpuStride === undefined) return true;
  e.reg(0);
  e.op(W.I64_EQZ);
  e.op(W.I32_EQZ);
  e.ifThen();
  e.reg(0);
  addCpu();
  e.setReg(0);
  e.op(W.END);
  return true;
}
