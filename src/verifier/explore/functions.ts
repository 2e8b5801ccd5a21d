/**
 * The functions that are walked by themselves: the program from its context, then each global function that is called from any arguments
 * that its prototype allows. Source: do_check_common, do_check_main, do_check_subprogs in kernel/bpf/verifier.c.
 */
import {
  ARG_ANYTHING,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  baseType,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
} from '../../spec/index.ts';
import { functionArgs } from '../call/function-args.ts';
import { initFrame } from '../call/subprog.ts';
import type { Env } from '../env.ts';
import { Rejection, unsupported } from '../errors.ts';
import type { SubprogArg } from '../found.ts';
import { MAIN_FUNCTION } from '../state/frame.ts';
import { AUX, AUX2, ID, regAt, TYPE } from '../state/layout.ts';
import { markRegKnownZero, markRegUnknown } from '../state/reg.ts';
import { PTR_TO_BTF_ID, PTR_TO_CTX, PTR_TO_MEM, SCALAR_VALUE } from '../state/reg-type.ts';
import { dropState, VerifierState } from '../state/state.ts';
import { walk } from './walk.ts';

/** Walks the program, then the global functions that it calls, and those that they call. */
export function walkAll(env: Env): void {
  walkFunction(env, 0);
  for (let found = true; found; ) {
    found = false;
    for (let i = 1; i < env.subprogs.length; i++) {
      const aux = env.functionAux[i];
      if (aux === undefined || !aux.global || !aux.called || aux.verified) continue;
      walkFunction(env, i);
      aux.verified = true;
      found = true;
    }
  }
}

function walkFunction(env: Env, index: number): void {
  const start = env.subprogs[index]!.start;
  const state = new VerifierState();
  state.branches = 1;
  state.firstInsn = start;
  state.lastInsn = -1;
  const frame = env.pool.take(true);
  state.frames.push(frame);
  env.state = state;
  env.insn = start;
  env.prevInsn = -1;
  initFrame(env, frame, MAIN_FUNCTION, 0, index);
  env.observer?.begin?.(env, index);
  if (index === 0) setContext(env);
  else setArguments(env, index);
  walk(env);
  dropState(env.pool, env.state);
  env.explored.fill(undefined);
  env.observer?.end?.(env, index);
}

function setContext(env: Env): void {
  if (env.functionAux.length > 0 && !takesContext(env)) env.functionAux[0]!.unreliable = true;
  const { words } = env.frame;
  words[regAt(1) + TYPE] = PTR_TO_CTX;
  markRegKnownZero(words, regAt(1));
}

/** Whether the program's own prototype is right; what is wrong with it stands in the log but does not matter. */
function takesContext(env: Env): boolean {
  try {
    const args = functionArgs(env, 0);
    return args.length === 1 && args[0]!.type === ARG_PTR_TO_CTX;
  } catch (error) {
    if (error instanceof Rejection) return false;
    throw error;
  }
}

function setArguments(env: Env, index: number): void {
  const name = env.input.btf?.nameOf(env.functions[index]!.typeId) ?? '';
  env.print(`Validating ${name}() func#${index}...\n`);
  functionArgs(env, index).forEach((arg, i) => {
    setArgument(env, arg, regAt(i + 1));
  });
}

function setArgument(env: Env, arg: SubprogArg, o: number): void {
  const { words } = env.frame;
  if (arg.type === ARG_ANYTHING) {
    words[o + TYPE] = SCALAR_VALUE;
    markRegUnknown(words, o);
    return;
  }
  markRegKnownZero(words, o);
  if (arg.type === ARG_PTR_TO_CTX) {
    words[o + TYPE] = PTR_TO_CTX;
    return;
  }
  const nullable = arg.type & PTR_MAYBE_NULL;
  if (baseType(arg.type) === ARG_PTR_TO_BTF_ID) {
    const { kernelBtf } = env.input;
    if (kernelBtf === undefined) throw unsupported("trusted arguments without the kernel's BTF");
    words[o + TYPE] = PTR_TO_BTF_ID | nullable | (arg.type & PTR_TRUSTED);
    words[o + AUX] = env.btfIndex(kernelBtf);
    words[o + AUX2] = arg.btfId;
  } else {
    words[o + TYPE] = PTR_TO_MEM | nullable;
    words[o + AUX] = arg.memSize;
  }
  words[o + ID] = ++env.idGen;
}
