/**
 * The walk: every path from the start of a function, depth first, instruction by instruction, until all have ended. A path ends at an
 * exit, or at a checkpoint that covers it. Source: do_check, do_check_common in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import { checkHelperCall } from '../call/helper.ts';
import { SPIN_UNLOCK } from '../call/helper-kinds.ts';
import { checkSubprogCall } from '../call/subprog.ts';
import { type Env, JMP_POINT, PRUNE_POINT, SEEN } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import { checkAlu } from '../insns/alu.ts';
import { checkExit } from '../insns/exit.ts';
import { checkJump } from '../insns/jump.ts';
import { checkLd } from '../insns/load-imm.ts';
import { checkLoad, checkStore, checkStoreImmediate } from '../insns/load-store.ts';
import { MAX_PROCESSED } from '../limits.ts';
import {
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_LD,
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  OP_CALL,
  OP_EXIT,
  OP_JA,
  opOf,
  PSEUDO_CALL,
  PSEUDO_KFUNC_CALL,
  SRC_X,
} from '../program.ts';
import { visitCheckpoint } from '../prune/checkpoints.ts';
import { finishPath } from '../prune/loops.ts';
import { popState } from './pending.ts';

/** Walks all paths from `env.state` at `env.insn`. */
export function walk(env: Env): void {
  let previous = -1;
  env.resumed = false;
  for (;;) {
    env.prevInsn = previous;
    const { insn, state } = env;
    env.history.startInsn();
    if (insn >= env.program.length)
      env.reject('verifier-bug', Errno.EFAULT, `invalid insn idx ${insn} insn_cnt ${env.program.length}`);
    if (++env.processed > MAX_PROCESSED)
      env.reject('too-complex', Errno.E2BIG, `BPF program is too large. Processed ${env.processed} insn`);
    state.lastInsn = previous;
    const marks = env.marks[insn]!;
    if ((marks & PRUNE_POINT) !== 0 && visitCheckpoint(env)) {
      env.observer?.pathSafe?.(env);
      if (!nextPath(env)) return;
      previous = env.prevInsn;
      continue;
    }
    if ((marks & JMP_POINT) !== 0) env.history.push(state, insn, previous, 0);
    env.observer?.step?.(env);
    env.resumed = false;
    env.scratchNone();
    env.marks[insn] = marks | SEEN;
    previous = insn;
    if (checkInsn(env)) continue;
    if (!nextPath(env)) return;
    previous = env.prevInsn;
  }
}

/** Ends the current path and takes up another. False if there is none. */
function nextPath(env: Env): boolean {
  env.scratchAll();
  finishPath(env.state);
  if (!popState(env)) return false;
  env.resumed = true;
  return true;
}

/** Checks the current instruction and moves to the next on this path; false if the path ends. */
function checkInsn(env: Env): boolean {
  const code = env.program.code[env.insn]!;
  switch (classOf(code)) {
    case CLASS_ALU:
    case CLASS_ALU64:
      checkAlu(env);
      break;
    case CLASS_LDX:
      checkLoad(env);
      break;
    case CLASS_STX:
      checkStore(env);
      break;
    case CLASS_ST:
      checkStoreImmediate(env);
      break;
    case CLASS_LD:
      checkLd(env);
      break;
    case CLASS_JMP:
    case CLASS_JMP32:
      return checkControl(env, code);
  }
  env.insn++;
  return true;
}

function checkControl(env: Env, code: number): boolean {
  env.jumps++;
  switch (opOf(code)) {
    case OP_CALL:
      checkCall(env, code);
      break;
    case OP_JA:
      checkGoto(env, code);
      return true;
    case OP_EXIT:
      if (checkExit(env)) return false;
      env.resumed = true;
      return true;
    default:
      checkJump(env);
  }
  env.insn++;
  return true;
}

function checkCall(env: Env, code: number): void {
  const { program, insn } = env;
  const src = program.src[insn]!;
  const bad =
    (code & SRC_X) !== 0 ||
    (src !== PSEUDO_KFUNC_CALL && program.off[insn] !== 0) ||
    src > PSEUDO_KFUNC_CALL ||
    program.dst[insn] !== 0 ||
    classOf(code) === CLASS_JMP32;
  if (bad) env.reject('reserved-field', EINVAL, 'BPF_CALL uses reserved fields');
  if (env.state.lockMap !== 0 && src === 0 && program.imm[insn] !== SPIN_UNLOCK)
    env.reject('call-with-lock', EINVAL, 'function calls are not allowed while holding a lock');
  if (src === PSEUDO_CALL) checkSubprogCall(env);
  else if (src === PSEUDO_KFUNC_CALL) {
    if (!program.isMissingKfuncCall(insn)) throw unsupported('kernel functions (kfuncs)');
    env.reachesMissingKfunc = true;
  } else checkHelperCall(env);
  env.scratchReg(0);
}

function checkGoto(env: Env, code: number): void {
  const { program, insn } = env;
  const wide = classOf(code) === CLASS_JMP32;
  const unused = wide ? program.off[insn] : program.imm[insn];
  if ((code & SRC_X) !== 0 || program.src[insn] !== 0 || program.dst[insn] !== 0 || unused !== 0)
    env.reject('reserved-field', EINVAL, 'BPF_JA uses reserved fields');
  env.insn += (wide ? program.imm[insn]! : program.off[insn]!) + 1;
}
