/**
 * Spills and fills around calls that keep their registers (bpf_fastcall): older kernels would have lost the registers, so compilers
 * emit them; they are removed where the call is inlined. Their stack is not counted if nothing else touches it.
 * Source: mark_fastcall_patterns, mark_fastcall_pattern_for_call, remove_fastcall_spills_fills in kernel/bpf/verifier.c.
 */
import { ARG_DONTCARE, type HelperProto, RET_VOID } from '../../spec/index.ts';
import { GET_SMP_PROCESSOR_ID } from '../call/helper-kinds.ts';
import { helperOf } from '../call/prototype.ts';
import { type Env, FASTCALL_PATTERN, JUMP_TARGET } from '../env.ts';
import type { Subprog } from '../found.ts';
import { LDX_DW, STX_DW } from '../program.ts';
import { FP } from '../state/layout.ts';
import { subprogEnd } from './subprogs.ts';

/** Registers that a call may overwrite: r0 to r5. */
const CALLER_SAVED = 0x3f;
const MAX_PAIRS = 6;

/** Marks the patterns of all functions. */
export function markFastcallPatterns(env: Env): void {
  const { program } = env;
  env.subprogs.forEach((subprog, index) => {
    const end = subprogEnd(env, index);
    let lowest = 0;
    for (let i = subprog.start; i < end; i++)
      if (program.code[i] === STX_DW && program.dst[i] === FP) lowest = Math.min(lowest, program.off[i]!);
    for (let i = subprog.start; i < end; i++)
      if (program.isHelperCall(i)) markPattern(env, subprog, i, lowest);
  });
}

/** Looks for stores ahead of a call and loads after it that mirror each other, innermost first. */
function markPattern(env: Env, subprog: Subprog, call: number, lowest: number): void {
  const { program, marks } = env;
  const proto = helperOf(env, program.imm[call]!);
  if (proto === undefined) return;
  let spillable = CALLER_SAVED & ~clobbered(proto);
  let pairs = 0;
  let offset = lowest;
  for (let i = 1; spillable !== 0 && i <= MAX_PAIRS; i++, offset += 8) {
    const store = call - i;
    const load = call + i;
    if (store < 0 || load >= program.length) break;
    if (((marks[store + 1]! | marks[load]!) & JUMP_TARGET) !== 0) break;
    if (!isPair(env, store, load, offset) || (spillable & (1 << program.src[store]!)) === 0) break;
    spillable &= ~(1 << program.src[store]!);
    marks[store]! |= FASTCALL_PATTERN;
    marks[load]! |= FASTCALL_PATTERN;
    pairs = i;
  }
  if (pairs === 0) return;
  if (proto.allowFastcall && program.imm[call] === GET_SMP_PROCESSOR_ID) subprog.fastcallCalls.push(call);
  else subprog.keepFastcallStack = true;
  subprog.fastcallStackOff = Math.min(subprog.fastcallStackOff, offset);
}

function isPair({ program }: Env, store: number, load: number, offset: number): boolean {
  return (
    program.code[store] === STX_DW &&
    program.code[load] === LDX_DW &&
    program.dst[store] === FP &&
    program.src[load] === FP &&
    program.src[store] === program.dst[load] &&
    program.off[store] === offset &&
    program.off[load] === offset
  );
}

/** Registers that a helper overwrites: its arguments, and r0 if it returns something. */
function clobbered(proto: HelperProto): number {
  let mask = proto.ret === RET_VOID ? 0 : 1;
  proto.args.forEach((arg, i) => {
    if (arg !== ARG_DONTCARE) mask |= 2 << i;
  });
  return mask;
}

/** The stack of spills that are removed is not used. */
export function dropFastcallStack(env: Env): void {
  for (const subprog of env.subprogs)
    if (subprog.fastcallCalls.length > 0 && !subprog.keepFastcallStack)
      subprog.stackDepth = -subprog.fastcallStackOff;
}

/** A stack access outside of the pattern: the function's spills must stay (check_fastcall_stack_contract). */
export function checkFastcallContract(env: Env, subprogIndex: number, insn: number, offset: number): void {
  const subprog = env.subprogs[subprogIndex]!;
  if (subprog.fastcallStackOff <= offset || env.isMarked(insn, FASTCALL_PATTERN)) return;
  subprog.fastcallStackOff = -0x8000;
  subprog.fastcallCalls.length = 0;
  const end = subprogEnd(env, subprogIndex);
  for (let i = subprog.start; i < end; i++) env.marks[i]! &= ~FASTCALL_PATTERN;
}
