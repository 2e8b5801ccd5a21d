/** The end of the program, and what it may return. Source: check_return_code, process_bpf_exit_full in kernel/bpf/verifier.c. */
import { BpfAttachType as A, BpfProgType as P, returnRange } from '../../spec/index.ts';
import { refuseReturn, returnFromFunction } from '../call/callbacks.ts';
import { checkLeaks } from '../call/references.ts';
import { signedWithin } from '../domain/index.ts';
import { VAR_MASK_HI, VAR_MASK_LO, VAR_VALUE_HI, VAR_VALUE_LO } from '../domain/layout.ts';
import type { Env } from '../env.ts';
import { EINVAL } from '../errors.ts';
import { regTypeName } from '../log/type-names.ts';
import { lsmRange } from '../memory/context.ts';
import { markPrecise } from '../precision/chain.ts';
import { JMP_EXIT } from '../program.ts';
import { readRegister } from '../registers/liveness.ts';
import { regAt, TYPE } from '../state/layout.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';

/** The current instruction is an exit. True if the path ends here, false if it goes on in the caller. */
export function checkExit(env: Env): boolean {
  const { program, insn, state } = env;
  if (
    program.code[insn] !== JMP_EXIT ||
    program.imm[insn] !== 0 ||
    program.src[insn] !== 0 ||
    program.dst[insn] !== 0
  )
    env.reject('reserved-field', EINVAL, 'BPF_EXIT uses reserved fields');
  if (state.lockMap !== 0 && state.curframe === 0)
    env.reject('spin-lock', EINVAL, 'bpf_spin_unlock is missing');
  checkLeaks(env);
  if (state.curframe > 0) {
    returnFromFunction(env);
    return false;
  }
  checkReturnCode(env);
  return true;
}

function checkReturnCode(env: Env): void {
  const { type, attachType } = env.input;
  const { words, subprog } = env.frame;
  const lsm = type === P.BPF_PROG_TYPE_LSM;
  const returnsNothing = lsm && env.attach?.proto.returnType === 0;
  if (subprog === 0 && returnsNothing && attachType !== A.BPF_LSM_CGROUP) return;
  readRegister(env, 0);
  const r0 = regAt(0);
  if (subprog !== 0) {
    if (words[r0 + TYPE] !== SCALAR_VALUE)
      env.reject(
        'bad-return-value',
        EINVAL,
        `At subprogram exit the register R0 is not a scalar value (${regTypeName(words[r0 + TYPE]!)})`,
      );
    return;
  }
  const range = rangeOf(env, returnsNothing);
  if (range === undefined) return;
  if (words[r0 + TYPE] !== SCALAR_VALUE)
    env.reject(
      'bad-return-value',
      EINVAL,
      `At program exit the register R0 is not a known value (${regTypeName(words[r0 + TYPE]!)})`,
    );
  markPrecise(env, 0);
  const note =
    returnsNothing && attachType === A.BPF_LSM_CGROUP
      ? "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"
      : undefined;
  const width = lsm && attachType !== A.BPF_LSM_CGROUP ? 32 : 64;
  if (!signedWithin(words, r0, width, range.min, range.max))
    refuseReturn(env, range, 'At program exit', note);
  if (
    type === P.BPF_PROG_TYPE_CGROUP_SKB &&
    attachType === A.BPF_CGROUP_INET_EGRESS &&
    isTwoOrThree(words, r0)
  )
    env.boundToAttachType = true;
}

/** All that is left open of a number is its lowest bit: what a cgroup's egress programs alone may return. */
function isTwoOrThree(words: Int32Array, o: number): boolean {
  const unknown = words[o + VAR_MASK_HI]! | (words[o + VAR_MASK_LO]! & ~1) | words[o + VAR_VALUE_HI]!;
  return unknown === 0 && (words[o + VAR_VALUE_LO]! & ~1) === 2;
}

function rangeOf(
  env: Env,
  returnsNothing: boolean,
): { readonly min: number; readonly max: number } | undefined {
  const { type, attachType, attachBtfId = 0 } = env.input;
  if (type !== P.BPF_PROG_TYPE_LSM) return returnRange(type, attachType, attachBtfId !== 0);
  if (attachType !== A.BPF_LSM_CGROUP) return env.attach && lsmRange(env, env.attach);
  return returnsNothing ? { min: 1, max: 1 } : { min: 0, max: 1 };
}
