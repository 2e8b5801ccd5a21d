/**
 * Class LD: 64-bit immediates, and legacy packet access. Source: check_ld_imm, check_ld_abs in kernel/bpf/verifier.c.
 */
import { baseType, BpfMapType as M, BpfProgType as P } from '../../spec/index.ts';
import { returnFromFunction } from '../call/callbacks.ts';
import { checkLeaks } from '../call/references.ts';
import { clobberCallerSaved } from '../call/subprog.ts';
import type { Env } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import { pushState } from '../explore/pending.ts';
import { checkUnmodified } from '../memory/bounds.ts';
import {
  LD_IMM64,
  MODE_ABS,
  MODE_IMM,
  MODE_IND,
  modeOf,
  PSEUDO_BTF_ID,
  PSEUDO_FUNC,
  PSEUDO_MAP_VALUE,
  sizeOf,
} from '../program.ts';
import { clobberRegister, readRegister } from '../registers/liveness.ts';
import { AUX, AUX2, OFF, regAt, TYPE } from '../state/layout.ts';
import { markRegKnown, markRegKnownZero, markRegUnknown } from '../state/reg.ts';
import {
  CONST_PTR_TO_MAP,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import { subprogAt } from '../structure/subprogs.ts';

/** The current instruction, of class LD. */
export function checkLd(env: Env): void {
  const mode = modeOf(env.program.code[env.insn]!);
  if (mode === MODE_ABS || mode === MODE_IND) checkPacketLoad(env, mode);
  else if (mode === MODE_IMM) {
    checkImmediate(env);
    env.insn++;
  } else env.reject('unknown-opcode', EINVAL, 'invalid BPF_LD mode');
}

function checkImmediate(env: Env): void {
  const { program, insn } = env;
  if (program.code[insn] !== LD_IMM64) env.reject('unknown-opcode', EINVAL, 'invalid BPF_LD_IMM insn');
  if (program.off[insn] !== 0) env.reject('reserved-field', EINVAL, 'BPF_LD_IMM64 uses reserved fields');
  const dst = program.dst[insn]!;
  clobberRegister(env, dst);
  const { words } = env.frame;
  const d = regAt(dst);
  switch (program.src[insn]) {
    case 0:
      words[d + TYPE] = SCALAR_VALUE;
      markRegKnown(words, d, program.imm[insn]!, program.imm[insn + 1]!);
      return;
    case PSEUDO_BTF_ID:
      loadKernelSymbol(env, words, d);
      return;
    case PSEUDO_FUNC:
      loadFunction(env, words, d);
      return;
    default:
      loadMap(env, words, d);
  }
}

function loadKernelSymbol(env: Env, words: Int32Array, d: number): void {
  const variable = env.btfVariables.get(env.insn)!;
  markRegKnownZero(words, d);
  words[d + TYPE] = variable.regType;
  if (baseType(variable.regType) === PTR_TO_MEM) {
    words[d + AUX] = variable.memSize;
    return;
  }
  words[d + AUX] = variable.btf;
  words[d + AUX2] = variable.btfId;
}

/** The address of a function, to be called back: a static one, whose arguments the helper decides. */
function loadFunction(env: Env, words: Int32Array, d: number): void {
  const index = subprogAt(env, env.insn + env.program.imm[env.insn]! + 1);
  markRegKnownZero(words, d);
  const aux = env.functionAux[index];
  if (aux === undefined) env.reject('bad-callback', EINVAL, 'missing btf func_info');
  if (aux.global) env.reject('bad-callback', EINVAL, 'callback function not static');
  if (index === 0) env.reject('bad-callback', EINVAL, 'callback function cannot be the main program');
  words[d + TYPE] = PTR_TO_FUNC;
  words[d + AUX] = index;
}

function loadMap(env: Env, words: Int32Array, d: number): void {
  const { program, insn } = env;
  const map = env.mapOf(env.mapIndex[insn]!);
  if (map.info.type === M.BPF_MAP_TYPE_ARENA) throw unsupported('arenas');
  markRegKnownZero(words, d);
  words[d + AUX] = map.index;
  if (program.src[insn] !== PSEUDO_MAP_VALUE) {
    words[d + TYPE] = CONST_PTR_TO_MAP;
    return;
  }
  words[d + TYPE] = PTR_TO_MAP_VALUE;
  words[d + OFF] = env.mapOffset[insn]!;
}

const READS_PACKET: readonly number[] = [
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
];

/** A load from the packet that ends the program, or function, if it is outside. */
function checkPacketLoad(env: Env, mode: number): void {
  const { program, insn, state } = env;
  const refuse = (message: string): never => env.reject('ld-abs', EINVAL, message);
  if (!READS_PACKET.includes(env.input.type))
    refuse('BPF_LD_[ABS|IND] instructions not allowed for this program type');
  if (state.frames.some(({ inCallback }) => inCallback))
    refuse('cannot use BPF_LD_[ABS|IND] within callback');
  const bad =
    program.dst[insn] !== 0 ||
    program.off[insn] !== 0 ||
    sizeOf(program.code[insn]!) === 8 ||
    (mode === MODE_ABS && program.src[insn] !== 0);
  if (bad) env.reject('reserved-field', EINVAL, 'BPF_LD_[ABS|IND] uses reserved fields');
  readRegister(env, 6);
  checkLeaks(env, 'BPF_LD_[ABS|IND] cannot be mixed with socket references');
  if (state.lockMap !== 0) refuse('BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region');
  const { words } = state.frame;
  if (words[regAt(6) + TYPE] !== PTR_TO_CTX) refuse('at the time of BPF_LD_ABS|IND R6 != pointer to skb');
  if (mode === MODE_IND) readRegister(env, program.src[insn]!);
  checkUnmodified(env, words, 6, false);
  clobberCallerSaved(env, state.frame);
  markRegUnknown(words, regAt(0));
  if (state.curframe === 0) return;
  // Outside of the packet a subprogram returns 0; the walk follows that first.
  env.scratchReg(0);
  pushState(env, insn + 1, insn);
  markRegKnownZero(words, regAt(0));
  returnFromFunction(env);
  env.insn--;
}
