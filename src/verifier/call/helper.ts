/**
 * A helper call: may this program make it, are the arguments right, and what is known of the result.
 * Source: check_helper_call, do_refine_retval_range, record_func_map in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import {
  BpfAttachType as A,
  type HelperProto,
  hasTrampoline,
  helperName,
  BpfMapType as M,
  BpfProgType as P,
  RET_INTEGER,
  SLEEPABLE_LSM_HOOKS,
} from '../../spec/index.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_LO,
  SMIN_LO,
  setWideNumber,
  syncBounds,
  U32_MAX,
  U32_MIN,
  UMAX_LO,
  UMIN_LO,
  unsignedNumber,
  VAR_VALUE_LO,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL, Rejection, unsupported } from '../errors.ts';
import { BPF_F_RDONLY_PROG, MAX_ERRNO } from '../limits.ts';
import { constOffset } from '../memory/bounds.ts';
import { fillStack } from '../memory/stack-write.ts';
import { markPrecise } from '../precision/chain.ts';
import { checkInvariants } from '../registers/invariants.ts';
import { AUX, ID, OFF, REF, regAt } from '../state/layout.ts';
import { isConstScalar, isNull } from '../state/reg.ts';
import { type CallMeta, checkArgument, newCall } from './arguments.ts';
import { findVmaArgs, loopArgs, mapElementArgs, pushCallback } from './callbacks.ts';
import { isValidFormat } from './format-string.ts';
import {
  changesPacketData,
  FIND_VMA,
  FOR_EACH_MAP_ELEM,
  GET_FUNC_IP,
  GET_LOCAL_STORAGE,
  GET_SMP_PROCESSOR_ID,
  isAcquire,
  isCast,
  LOOP,
  MAP_DELETE,
  MAP_POP,
  MAP_PUSH,
  MAP_UPDATE,
  recordsMap,
  returnsLength,
  SET_RETVAL,
  SNPRINTF,
  TAIL_CALL,
  USER_RINGBUF_DRAIN,
} from './helper-kinds.ts';
import { checkMapHelper } from './map-compatibility.ts';
import { helperOf, helperText } from './prototype.ts';
import { acquireReference, checkLeaks, forgetPacketPointers, releaseReference } from './references.ts';
import { markResult } from './result.ts';
import { clobberCallerSaved } from './subprog.ts';

/** The current instruction calls a helper. */
export function checkHelperCall(env: Env): void {
  const { program, insn } = env;
  const id = program.imm[insn]!;
  const proto = allowedHelper(env, id);
  const call = newCall(id, proto);
  for (let i = 0; i < 5; i++) checkArgument(env, call, i);
  recordMap(env, call);
  recordTailCallIndex(env, call);
  if (call.raw.size > 0) fillStack(env, call.raw.reg, call.raw.size);
  release(env, call);
  checkSpecial(env, call);
  clobberCallerSaved(env, env.frame);
  markResult(env, call);
  noteReference(env, call);
  refineResult(env, call);
  if (call.map !== undefined) checkMapHelper(env, call.map, id);
  if (id === GET_FUNC_IP) checkGetFuncIp(env);
  if (changesPacketData(id)) forgetPacketPointers(env);
}

/** The prototype, if the program may call this helper at all. */
function allowedHelper(env: Env, id: number): HelperProto {
  const name = helperText(id);
  if (name === 'unknown') env.reject('unknown-helper', EINVAL, `invalid func unknown#${id}`);
  const proto = helperOf(env, id);
  if (proto === undefined)
    env.reject('helper-not-allowed', EINVAL, `program of this type cannot use helper ${name}#${id}`);
  if (proto.gplOnly && !env.gplCompatible)
    env.reject('gpl-only', EINVAL, 'cannot call GPL-restricted function from non-GPL compatible program');
  if (proto.allowed !== undefined && !isAllowed(env, proto.allowed))
    env.reject('helper-not-allowed', EINVAL, 'helper call is not allowed in probe');
  if (proto.mightSleep && !env.sleepable)
    env.reject('helper-might-sleep', EINVAL, 'helper call might sleep in a non-sleepable prog');
  return proto;
}

/** Functions from which bpf_d_path is safe, besides LSM hooks (btf_allowlist_d_path). */
const D_PATH_FUNCTIONS: readonly string[] = [
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
];

function isAllowed(env: Env, rule: NonNullable<HelperProto['allowed']>): boolean {
  const { type, attachType } = env.input;
  const name = env.attach?.name ?? '';
  switch (rule) {
    case 'bpf_d_path_allowed':
      if (type === P.BPF_PROG_TYPE_TRACING && attachType === A.BPF_TRACE_ITER) return true;
      if (type === P.BPF_PROG_TYPE_LSM) return SLEEPABLE_LSM_HOOKS.has(name);
      return D_PATH_FUNCTIONS.includes(name);
    case 'bpf_ima_inode_hash_allowed':
      return SLEEPABLE_LSM_HOOKS.has(name);
    case 'bpf_sk_storage_tracing_allowed':
      return sockStorageAllowed(attachType, name);
  }
}

/** Tracing must not recurse into the storage's own functions (bpf_sk_storage_tracing_allowed). */
function sockStorageAllowed(attachType: number, name: string): boolean {
  switch (attachType) {
    case A.BPF_TRACE_ITER:
    case A.BPF_TRACE_RAW_TP:
      return true;
    case A.BPF_TRACE_FENTRY:
    case A.BPF_TRACE_FEXIT:
      return !name.startsWith('bpf_sk_storage');
    default:
      return false;
  }
}

function recordMap(env: Env, call: CallMeta): void {
  if (!recordsMap(call.helper)) return;
  const { map } = call;
  if (map === undefined) env.reject('verifier-bug', EINVAL, 'kernel subsystem misconfigured verifier');
  const writes = [MAP_DELETE, MAP_UPDATE, MAP_PUSH, MAP_POP].includes(call.helper);
  if (writes && (map.flags & BPF_F_RDONLY_PROG) !== 0)
    env.reject('map-direction', EACCES, 'write into map forbidden');
  env.callMaps[env.insn] = map.index;
}

/** A known index into a program array lets the JIT compiler jump directly: then it must stay known. */
function recordTailCallIndex(env: Env, call: CallMeta): void {
  if (call.helper !== TAIL_CALL) return;
  const { map } = call;
  if (map === undefined || map.info.type !== M.BPF_MAP_TYPE_PROG_ARRAY)
    env.reject('verifier-bug', EINVAL, 'kernel subsystem misconfigured verifier');
  const { words } = env.frame;
  const o = regAt(3);
  if (isConstScalar(words, o, 64) && unsignedNumber(words, o + VAR_VALUE_LO) < map.info.maxEntries)
    markPrecise(env, 3);
}

function release(env: Env, call: CallMeta): void {
  if (call.releaseReg === 0) return;
  const released =
    call.ref !== 0 ? releaseReference(env, call.ref) : isNull(env.frame.words, regAt(call.releaseReg));
  if (released) return;
  env.reject(
    'not-a-reference',
    EINVAL,
    `func ${helperName(call.helper)}#${call.helper} reference has not been acquired before`,
  );
}

/** Rules of single helpers. */
function checkSpecial(env: Env, call: CallMeta): void {
  const { words } = env.frame;
  switch (call.helper) {
    case TAIL_CALL:
      if (env.state.lockMap !== 0)
        env.reject('call-with-lock', EINVAL, 'tail_call cannot be used inside bpf_spin_lock-ed region');
      checkLeaks(env, 'tail_call would lead to reference leak');
      return;
    case GET_LOCAL_STORAGE:
      if (!isNull(words, regAt(2)))
        env.reject('bad-argument', EINVAL, "get_local_storage() doesn't support non-zero flags");
      markPrecise(env, 2);
      return;
    case FOR_EACH_MAP_ELEM:
      pushCallback(env, call.subprog, mapElementArgs);
      return;
    case FIND_VMA:
      pushCallback(env, call.subprog, findVmaArgs);
      return;
    case USER_RINGBUF_DRAIN:
      throw unsupported('dynptrs');
    case SNPRINTF:
      checkSnprintf(env);
      return;
    case LOOP:
      checkLoop(env, call);
      return;
    case SET_RETVAL:
      if (env.input.attachType === A.BPF_LSM_CGROUP && env.attach?.proto.returnType === 0)
        env.reject(
          'bad-return-value',
          EINVAL,
          "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
        );
      return;
  }
}

/** bpf_loop: one more round of the callback, unless there have been as many as it can make. */
function checkLoop(env: Env, call: CallMeta): void {
  const { frame } = env;
  noteInlining(env, call.subprog);
  markPrecise(env, 1);
  if (frame.callbackDepth < unsignedNumber(frame.words, regAt(1) + UMAX_LO)) {
    pushCallback(env, call.subprog, loopArgs);
    return;
  }
  frame.callbackDepth = 0;
  env.observer?.loopLimit?.(env);
}

/** Whether the call can be inlined depends on its flags: then these must be precise (update_loop_inline_state). */
function noteInlining(env: Env, subprog: number): void {
  const before = env.loopCalls.get(env.insn);
  if (before !== undefined && before.subprog < 0) return;
  const zero = isNull(env.frame.words, regAt(4));
  if (zero) markPrecise(env, 4);
  const same = before === undefined || before.subprog === subprog;
  env.loopCalls.set(env.insn, { subprog: zero && same ? subprog : -1 });
}

function checkSnprintf(env: Env): void {
  const { words } = env.frame;
  const size = words[regAt(5) + VAR_VALUE_LO]!;
  if (size % 8 !== 0) throw new Rejection('bad-format', EINVAL, '');
  const o = regAt(3);
  const content = env.mapOf(words[o + AUX]!).info.content ?? new Uint8Array(1);
  const start = words[o + OFF]! + constOffset(words, o);
  const end = content.indexOf(0, start);
  if (!isValidFormat(content.subarray(start, end < 0 ? undefined : end), size / 8))
    env.reject('bad-format', EINVAL, 'Invalid format string');
}

/** The result carries the argument's reference, or a new one. */
function noteReference(env: Env, call: CallMeta): void {
  const { words } = env.frame;
  const r0 = regAt(0);
  if (isCast(call.helper)) words[r0 + REF] = call.ref;
  else if (isAcquire(call.helper, call.map?.info.type ?? 0)) {
    const id = acquireReference(env, env.insn);
    words[r0 + ID] = id;
    words[r0 + REF] = id;
  }
}

function refineResult(env: Env, call: CallMeta): void {
  if (call.proto.ret !== RET_INTEGER) return;
  const { words } = env.frame;
  const r0 = regAt(0);
  if (returnsLength(call.helper)) {
    setWideNumber(words, r0 + SMAX_LO, call.maxSize);
    words[r0 + S32_MAX] = call.maxSize;
    setWideNumber(words, r0 + SMIN_LO, -MAX_ERRNO);
    words[r0 + S32_MIN] = -MAX_ERRNO;
    syncBounds(words, r0);
  } else if (call.helper === GET_SMP_PROCESSOR_ID) {
    const last = env.cpuCount - 1;
    for (const [wide, narrow, bound] of [
      [UMIN_LO, U32_MIN, 0],
      [SMIN_LO, S32_MIN, 0],
      [UMAX_LO, U32_MAX, last],
      [SMAX_LO, S32_MAX, last],
    ] as const) {
      setWideNumber(words, r0 + wide, bound);
      words[r0 + narrow] = bound;
    }
    syncBounds(words, r0);
  }
  checkInvariants(env, words, r0, 'retval');
}

function checkGetFuncIp(env: Env): void {
  const { type } = env.input;
  if (
    type === P.BPF_PROG_TYPE_KPROBE ||
    (type === P.BPF_PROG_TYPE_TRACING && hasTrampoline(type, env.input.attachType))
  )
    return;
  env.reject(
    'helper-not-allowed',
    Errno.ENOTSUPP,
    type === P.BPF_PROG_TYPE_TRACING
      ? `func bpf_get_func_ip#${GET_FUNC_IP} supported only for fentry/fexit/fmod_ret programs`
      : `func bpf_get_func_ip#${GET_FUNC_IP} not supported for program type ${type}`,
  );
}
