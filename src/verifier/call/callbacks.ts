/**
 * Helpers that call a function of the program back. The walk puts aside a state inside of the callback and goes on after the call; when
 * the callback returns, it is at the call again, and so on until nothing new comes of it.
 * Source: push_callback_call, set_loop_callback_state and its kin, prepare_func_exit in kernel/bpf/verifier.c.
 */
import { ITERABLE_MAPS } from '../../spec/index.ts';
import { SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, signedWithin } from '../domain/index.ts';
import { CALLS_CALLBACK, type Env } from '../env.ts';
import { EACCES, EINVAL, unsupported } from '../errors.ts';
import { pushState } from '../explore/pending.ts';
import { signedText } from '../log/numbers.ts';
import { bug } from '../precision/backtrack.ts';
import { markPrecise } from '../precision/chain.ts';
import { previousRound, widenScalars } from '../prune/loops.ts';
import { markRead } from '../registers/liveness.ts';
import type { Frame } from '../state/frame.ts';
import { AUX, AUX2, regAt, TYPE } from '../state/layout.ts';
import { assignRegister, markRegKnownZero, markRegNotInit } from '../state/reg.ts';
import {
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import { enterFunction, matchArguments } from './subprog.ts';

/** Sets the arguments of a callback from the registers of the call. */
export type CallbackArgs = (env: Env, caller: Frame, callee: Frame) => void;

/** Puts aside a state that enters the callback. */
export function pushCallback(env: Env, subprog: number, setArgs: CallbackArgs): void {
  matchArguments(env, subprog);
  const caller = env.frame;
  env.subprogs[subprog]!.isCallback = true;
  const state = pushState(env, env.subprogs[subprog]!.start, env.insn);
  const callee = enterFunction(env, state, subprog, env.insn);
  setArgs(env, caller, callee);
  callee.inCallback = true;
  callee.callbackRetMin = 0;
  callee.callbackRetMax = 1;
  state.callbackUnrollDepth++;
  state.frames[state.frames.length - 2]!.callbackDepth++;
  caller.callbackDepth = 0;
}

function clear(callee: Frame, ...regs: readonly number[]): void {
  for (const reg of regs) markRegNotInit(callee.words, regAt(reg));
}

/** bpf_loop: the index, and what the program wants passed on. */
export const loopArgs: CallbackArgs = (_env, caller, callee) => {
  callee.words[regAt(1) + TYPE] = SCALAR_VALUE;
  assignRegister(callee.words, 2, caller.words, 3);
  clear(callee, 3, 4, 5);
};

/** bpf_for_each_map_elem: map, key, value, and what the program wants passed on. */
export const mapElementArgs: CallbackArgs = (env, caller, callee) => {
  const map = env.mapOf(env.callMaps[env.insn]!);
  if (!ITERABLE_MAPS.includes(map.info.type))
    env.reject('map-not-for-helper', 524, 'callback function not allowed for map');
  const from = caller.words;
  const to = callee.words;
  assignRegister(to, 1, from, 1);
  for (const [reg, type] of [
    [2, PTR_TO_MAP_KEY],
    [3, PTR_TO_MAP_VALUE],
  ] as const) {
    const o = regAt(reg);
    to[o + TYPE] = type;
    markRegKnownZero(to, o);
    to[o + AUX] = from[regAt(1) + AUX]!;
    to[o + AUX2] = from[regAt(1) + AUX2]!;
  }
  assignRegister(to, 4, from, 3);
  clear(callee, 5);
};

/** bpf_find_vma: task, memory area, and what the program wants passed on. */
export const findVmaArgs: CallbackArgs = (env, caller, callee) => {
  const kernel = env.input.kernelBtf;
  const type = kernel?.findByName('vm_area_struct', 'struct');
  if (kernel === undefined || type === undefined) throw unsupported("bpf_find_vma without the kernel's BTF");
  assignRegister(callee.words, 1, caller.words, 1);
  const o = regAt(2);
  callee.words[o + TYPE] = PTR_TO_BTF_ID;
  markRegKnownZero(callee.words, o);
  callee.words[o + AUX] = env.btfIndex(kernel);
  callee.words[o + AUX2] = type.id;
  assignRegister(callee.words, 3, caller.words, 4);
  clear(callee, 4, 5);
};

/** The running function, which is not the program itself, returns. Sets `env.insn` to where the walk goes on. */
export function returnFromFunction(env: Env): void {
  const { state } = env;
  const callee = state.frame;
  const caller = state.frames[state.frames.length - 2]!;
  const r0 = regAt(0);
  if (callee.words[r0 + TYPE] === PTR_TO_STACK)
    env.reject('stack-pointer-escapes', EINVAL, 'cannot return stack pointer to the caller');
  if (callee.inCallback) checkCallbackResult(env, callee);
  else {
    assignRegister(caller.words, 0, callee.words, 0);
    caller.copyRefs(callee);
  }
  const target = callee.inCallback ? callee.callsite : callee.callsite + 1;
  env.insn = target;
  env.observer?.return?.(env, target);
  const { inCallback } = callee;
  state.frames.pop();
  env.pool.release(callee);
  if (!inCallback) return;
  const previous = previousRound(env, state, target);
  if (previous !== undefined) widenScalars(env, previous, state);
}

function checkCallbackResult(env: Env, callee: Frame): void {
  const { words } = callee;
  const r0 = regAt(0);
  if (words[r0 + TYPE] !== SCALAR_VALUE) env.reject('bad-callback-result', EACCES, 'R0 not a scalar value');
  markRead(env, words, 0, true);
  markPrecise(env, 0);
  const { callbackRetMin: min, callbackRetMax: max } = callee;
  if (!signedWithin(words, r0, 64, min, max)) refuseReturn(env, { min, max }, 'At callback return');
  if (!env.isMarked(callee.callsite, CALLS_CALLBACK))
    bug(env, `BUG: in callback at ${env.insn}, callsite ${callee.callsite} !calls_callback`);
}

/** What the running function returns is outside of the range (verbose_invalid_scalar). `more` stands behind it in the log. */
export function refuseReturn(
  env: Env,
  { min, max }: { readonly min: number; readonly max: number },
  occasion: string,
  more?: string,
): never {
  const { words } = env.frame;
  const o = regAt(0);
  const lowest = words[o + SMIN_HI] === -0x80000000 && words[o + SMIN_LO] === 0;
  const highest = words[o + SMAX_HI] === 0x7fffffff && words[o + SMAX_LO] === -1;
  let message = `${occasion} the register R0 has`;
  if (!lowest) message += ` smin=${signedText(words, o + SMIN_LO)}`;
  if (!highest) message += ` smax=${signedText(words, o + SMAX_LO)}`;
  if (lowest && highest) message += ' unknown scalar value';
  message += ` should have been in [${min}, ${max}]`;
  if (more !== undefined) env.print(`${message}\n`);
  env.reject('bad-return-value', EINVAL, more ?? message);
}
