/**
 * Calls of functions of the program. Static functions are walked as part of the path; global ones are checked by themselves, and a
 * call is checked against their prototype only. Source: check_func_call, setup_func_entry, btf_check_func_arg_match in
 * kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import {
  ARG_ANYTHING,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  baseType,
  PTR_MAYBE_NULL,
} from '../../spec/index.ts';
import { REG_WORDS } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, Rejection } from '../errors.ts';
import type { SubprogArg } from '../found.ts';
import { MAX_CALL_FRAMES } from '../limits.ts';
import { checkHelperMemory } from '../memory/access.ts';
import { writeRegister } from '../registers/liveness.ts';
import { markNotNull } from '../registers/nullness.ts';
import type { Frame } from '../state/frame.ts';
import { FP, FRAMENO, markWritten, REGISTERS, regAt, SLOTS, TYPE } from '../state/layout.ts';
import {
  assignRegister,
  copyRegister,
  isNull,
  markRegKnownZero,
  markRegNotInit,
  markRegUnknown,
} from '../state/reg.ts';
import { mayBeNull, PTR_TO_CTX, PTR_TO_STACK, SCALAR_VALUE } from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';
import { subprogAt } from '../structure/subprogs.ts';
import { checkArgOffset, checkArgType } from './arg-types.ts';
import { functionArgs } from './function-args.ts';
import { forgetPacketPointers } from './references.ts';

/** A frame of a function that is just being entered: no register has a value but the frame pointer. */
export function initFrame(env: Env, frame: Frame, callsite: number, frameno: number, subprog: number): void {
  const { words } = frame;
  frame.slots = 0;
  frame.callsite = callsite;
  frame.frameno = frameno;
  frame.subprog = subprog;
  frame.inCallback = false;
  frame.callbackRetMin = 0;
  frame.callbackRetMax = 0;
  frame.callbackDepth = 0;
  frame.refCount = 0;
  frame.finished = false;
  words.fill(0, 0, SLOTS);
  for (let reg = 0; reg < REGISTERS; reg++) markRegNotInit(words, regAt(reg));
  words[regAt(FP) + TYPE] = PTR_TO_STACK;
  markRegKnownZero(words, regAt(FP));
  words[regAt(FP) + FRAMENO] = frameno;
  env.scratchAll();
}

/** Adds a frame for a callee to a state. The caller of this sets its arguments (setup_func_entry). */
export function enterFunction(env: Env, state: VerifierState, subprog: number, callsite: number): Frame {
  if (state.frames.length >= MAX_CALL_FRAMES)
    env.reject(
      'too-many-frames',
      Errno.E2BIG,
      `the call stack of ${state.frames.length + 1} frames is too deep`,
    );
  const callee = env.pool.take(true);
  initFrame(env, callee, callsite, state.frames.length, subprog);
  callee.copyRefs(state.frame);
  state.frames.push(callee);
  return callee;
}

/** The current instruction calls a function of the program. Leaves `env.insn` ahead of where the walk goes on. */
export function checkSubprogCall(env: Env): void {
  const { program, insn, state } = env;
  const target = insn + program.imm[insn]! + 1;
  const subprog = subprogAt(env, target);
  if (subprog < 0)
    env.reject('verifier-bug', Errno.EFAULT, `verifier bug. No program starts at insn ${target}`);
  const failure = matchArguments(env, subprog);
  if (env.functionAux[subprog]?.global === true) {
    checkGlobalCall(env, subprog, failure);
    return;
  }
  const caller = state.frame;
  const callee = enterFunction(env, state, subprog, insn);
  for (let reg = 1; reg <= 5; reg++) assignRegister(callee.words, reg, caller.words, reg);
  clobberCallerSaved(env, caller);
  env.insn = env.subprogs[subprog]!.start - 1;
  env.observer?.call?.(env);
}

/** r0 to r5 of a frame are gone after a call. */
export function clobberCallerSaved(env: Env, frame: Frame): void {
  const running = env.frame;
  for (let reg = 0; reg <= 5; reg++) {
    markRegNotInit(frame.words, regAt(reg));
    if (frame === running) writeRegister(env, reg);
    else {
      env.scratchReg(reg);
      markWritten(frame.words, reg);
    }
  }
}

function checkGlobalCall(env: Env, subprog: number, failure: Rejection | undefined): void {
  const name = env.input.btf?.nameOf(env.functions[subprog]!.typeId) ?? '';
  if (env.state.lockMap !== 0) {
    env.print('global function calls are not allowed while holding a lock,\n');
    env.reject('call-with-lock', EINVAL, 'use static function instead');
  }
  if (failure !== undefined)
    env.reject(
      'bad-function-argument',
      failure.errno,
      `Caller passes invalid args into func#${subprog} ('${name}')`,
    );
  env.print(`Func#${subprog} ('${name}') is global and assumed valid.\n`);
  if (env.subprogs[subprog]!.changesPacketData) forgetPacketPointers(env);
  env.functionAux[subprog]!.called = true;
  clobberCallerSaved(env, env.frame);
  markRegUnknown(env.frame.words, regAt(0));
}

/** For all calls of functions without a prototype to rely on: there may be a million, and errors are slow to make. */
const NO_PROTOTYPE = new Rejection('bad-function-argument', EINVAL, '');

/**
 * Whether the registers are what the function's prototype says (btf_check_subprog_call). A mismatch matters for global functions
 * only; static ones are marked, so that nothing relies on their prototype.
 */
export function matchArguments(env: Env, subprog: number): Rejection | undefined {
  const aux = env.functionAux[subprog];
  if (aux === undefined || aux.unreliable) return NO_PROTOTYPE;
  try {
    functionArgs(env, subprog).forEach((arg, i) => {
      matchArgument(env, arg, i);
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof Rejection) || error.code === 'unsupported') throw error;
    if (error.errno === Errno.EFAULT) throw error;
    aux.unreliable = true;
    return error;
  }
}

function matchArgument(env: Env, arg: SubprogArg, i: number): void {
  const reg = i + 1;
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  const refuse = (message: string): never => env.reject('bad-function-argument', EINVAL, message);
  if (arg.type === ARG_ANYTHING) {
    if (type !== SCALAR_VALUE) refuse(`R${reg} is not a scalar`);
  } else if (arg.type === ARG_PTR_TO_CTX) {
    checkArgOffset(env, reg, 0);
    if (type !== PTR_TO_CTX) refuse(`arg#${i} expects pointer to ctx`);
  } else if (baseType(arg.type) === ARG_PTR_TO_BTF_ID) {
    if (isNull(words, o) && mayBeNull(arg.type)) return;
    checkArgType(env, reg, arg.type, arg.btfId, 0);
    checkArgOffset(env, reg, arg.type);
  } else {
    checkArgOffset(env, reg, 0);
    checkMemoryArgument(env, reg, arg.memSize);
    if ((arg.type & PTR_MAYBE_NULL) === 0 && mayBeNull(type)) refuse(`arg#${i} is expected to be non-NULL`);
  }
}

const saved = new Int32Array(REG_WORDS);

/** Memory that the function may read and write, or NULL (check_mem_reg). */
function checkMemoryArgument(env: Env, reg: number, size: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  if (isNull(words, o)) return;
  const nullable = mayBeNull(words[o + TYPE]!);
  if (nullable) {
    copyRegister(saved, 0, words, o);
    markNotNull(env, words, o);
  }
  try {
    checkHelperMemory(env, reg, size, false, true, undefined);
    checkHelperMemory(env, reg, size, true, true, undefined);
  } catch (error) {
    if (error instanceof Rejection && error.code !== 'unsupported')
      throw new Rejection(error.code, EINVAL, error.message);
    throw error;
  } finally {
    if (nullable) copyRegister(words, o, saved, 0);
  }
}
