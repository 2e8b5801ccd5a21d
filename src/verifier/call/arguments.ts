/**
 * The arguments of a helper call, one by one, by the kinds in its prototype. Source: check_func_arg, check_mem_size_reg,
 * check_reg_const_str in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import {
  ARG_ANYTHING,
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_DONTCARE,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_SPIN_LOCK,
  type ArgNumber,
  baseType,
  type HelperProto,
  BpfMapType as M,
  MEM_ALIGNED,
  MEM_FIXED_SIZE,
  MEM_UNINIT,
  MEM_WRITE,
  OBJ_RELEASE,
} from '../../spec/index.ts';
import {
  SMIN_LO,
  signedNumber,
  tnumIsConst,
  UMAX_LO,
  UMIN_LO,
  unsignedNumber,
  VAR_VALUE_LO,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import type { UsedMap } from '../found.ts';
import { MAX_VAR_SIZE } from '../limits.ts';
import { unsignedText } from '../log/numbers.ts';
import { checkHelperMemory, mayTouchPacket } from '../memory/access.ts';
import { checkAlignment, constOffset } from '../memory/bounds.ts';
import { checkMapValue, isConstant } from '../memory/map-value.ts';
import type { RawAccess } from '../memory/stack.ts';
import { markPrecise } from '../precision/chain.ts';
import { readRegister } from '../registers/liveness.ts';
import { AUX, AUX2, OFF, REF, regAt, TYPE } from '../state/layout.ts';
import { isNull } from '../state/reg.ts';
import { isPacketPointer, mayBeNull, PTR_TO_MAP_VALUE } from '../state/reg-type.ts';
import { checkArgOffset, checkArgType } from './arg-types.ts';
import { MAP_PEEK, SPIN_LOCK } from './helper-kinds.ts';
import { checkLock } from './lock.ts';

/** What the arguments of a call have told so far (struct bpf_call_arg_meta). */
export interface CallMeta {
  readonly helper: number;
  readonly proto: HelperProto;
  map: UsedMap | undefined;
  /** Index of the map's own id, for maps out of maps. */
  mapUid: number;
  readonly raw: RawAccess;
  /** Register whose object the call releases, 0 for none. */
  releaseReg: number;
  /** Reference that an argument holds. */
  ref: number;
  /** Greatest size that was passed. */
  maxSize: number;
  /** Bytes that are allocated. */
  memSize: number;
  /** Type that the result points to, from an argument. */
  retBtf: number;
  retBtfId: number;
  /** Function that is called back. */
  subprog: number;
}

/** A call whose arguments have not been looked at. */
export function newCall(helper: number, proto: HelperProto): CallMeta {
  return {
    helper,
    proto,
    map: undefined,
    mapUid: 0,
    raw: { raw: false, size: 0, reg: 0 },
    releaseReg: 0,
    ref: 0,
    maxSize: 0,
    memSize: 0,
    retBtf: 0,
    retBtfId: 0,
    subprog: 0,
  };
}

/** Argument number `index`, 0 to 4. */
export function checkArgument(env: Env, call: CallMeta, index: number): void {
  const given = call.proto.args[index] ?? ARG_DONTCARE;
  if (given === ARG_DONTCARE) return;
  const reg = index + 1;
  readRegister(env, reg);
  if (given === ARG_ANYTHING) return;
  const { words } = env.frame;
  const o = regAt(reg);
  if (isPacketPointer(words[o + TYPE]!) && !mayTouchPacket(env, call.proto.pktAccess, false))
    env.reject('packet-argument', EACCES, 'helper access to the packet is not allowed');
  const argType = baseType(given) === ARG_PTR_TO_MAP_VALUE ? valueArgument(env, call, given) : given;
  // NULL where it is allowed: that it is NULL must be known.
  if (isNull(words, o) && mayBeNull(argType)) markPrecise(env, reg);
  else {
    const base = baseType(argType);
    const named = base === ARG_PTR_TO_BTF_ID ? call.proto.argBtf?.[reg as ArgNumber] : undefined;
    checkArgType(env, reg, argType, named, call.helper);
    checkArgOffset(env, reg, argType);
  }
  noteReference(env, call, reg, argType);
  checkByKind(env, call, reg, index, argType);
}

/** Some maps hold sockets instead of values (resolve_map_arg_type). */
function valueArgument(env: Env, call: CallMeta, argType: number): number {
  if (call.map === undefined) env.reject('bad-argument', EACCES, 'invalid map_ptr to access map->type');
  switch (call.map.info.type) {
    case M.BPF_MAP_TYPE_SOCKMAP:
    case M.BPF_MAP_TYPE_SOCKHASH:
      if (argType === ARG_PTR_TO_MAP_VALUE) return ARG_PTR_TO_BTF_ID_SOCK_COMMON;
      env.reject('bad-argument', EINVAL, 'invalid arg_type for sockmap/sockhash');
      break;
    case M.BPF_MAP_TYPE_BLOOM_FILTER:
      // Peeking asks whether the value is there: it must be initialized.
      return call.helper === MAP_PEEK ? ARG_PTR_TO_MAP_VALUE : argType;
  }
  return argType;
}

function noteReference(env: Env, call: CallMeta, reg: number, argType: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const ref = words[o + REF]!;
  if ((argType & OBJ_RELEASE) !== 0) {
    if (ref === 0 && !isNull(words, o))
      env.reject('not-a-reference', EINVAL, `R${reg} must be referenced when passed to release function`);
    call.releaseReg = reg;
  }
  if (ref === 0) return;
  if (call.ref !== 0)
    env.reject(
      'verifier-bug',
      Errno.EFAULT,
      `verifier internal error: more than one arg with ref_obj_id R${reg} ${ref} ${call.ref}`,
    );
  call.ref = ref;
}

function checkByKind(env: Env, call: CallMeta, reg: number, index: number, argType: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const write = (argType & MEM_WRITE) !== 0;
  switch (baseType(argType)) {
    case ARG_CONST_MAP_PTR:
      call.map = env.mapOf(words[o + AUX]!);
      call.mapUid = words[o + AUX2]!;
      return;
    case ARG_PTR_TO_MAP_KEY:
      if (call.map === undefined) env.reject('bad-argument', EACCES, 'invalid map_ptr to access map->key');
      checkHelperMemory(env, reg, call.map.info.keySize, false, false, undefined);
      return;
    case ARG_PTR_TO_MAP_VALUE:
      if (mayBeNull(argType) && isNull(words, o)) return;
      call.raw.raw = (argType & MEM_UNINIT) !== 0;
      checkHelperMemory(env, reg, call.map?.info.valueSize ?? 0, write, false, call.raw);
      return;
    case ARG_PTR_TO_PERCPU_BTF_ID:
      call.retBtf = words[o + AUX]!;
      call.retBtfId = words[o + AUX2]!;
      return;
    case ARG_PTR_TO_SPIN_LOCK:
      checkLock(env, reg, call.helper === SPIN_LOCK);
      return;
    case ARG_PTR_TO_FUNC:
      call.subprog = words[o + AUX]!;
      return;
    case ARG_PTR_TO_MEM:
      call.raw.raw = (argType & MEM_UNINIT) !== 0;
      if ((argType & MEM_FIXED_SIZE) !== 0) checkFixedSize(env, call, reg, argType, write);
      return;
    case ARG_CONST_SIZE:
    case ARG_CONST_SIZE_OR_ZERO: {
      const writes = ((call.proto.args[index - 1] ?? 0) & MEM_WRITE) !== 0;
      checkSize(env, reg, writes, baseType(argType) === ARG_CONST_SIZE_OR_ZERO, call);
      return;
    }
    case ARG_CONST_ALLOC_SIZE_OR_ZERO:
      if (!tnumIsConst(words, o)) env.reject('bad-argument', EACCES, `R${reg} is not a known constant'`);
      call.memSize = words[o + VAR_VALUE_LO]!;
      markPrecise(env, reg);
      return;
    case ARG_PTR_TO_CONST_STR:
      checkConstString(env, reg);
      return;
  }
}

function checkFixedSize(env: Env, call: CallMeta, reg: number, argType: number, write: boolean): void {
  const size = call.proto.argSize?.[reg as ArgNumber] ?? 0;
  checkHelperMemory(env, reg, size, write, false, call.raw);
  if ((argType & MEM_ALIGNED) !== 0) checkAlignment(env, env.frame.words, regAt(reg), 0, size, true);
}

/** A size, and with its greatest value the memory in the register before it (check_mem_size_reg). */
function checkSize(env: Env, reg: number, write: boolean, zeroAllowed: boolean, call: CallMeta): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const most = unsignedNumber(words, o + UMAX_LO);
  call.maxSize = most;
  const known = tnumIsConst(words, o);
  if (signedNumber(words, o + SMIN_LO) < 0)
    env.reject(
      'negative-size',
      EACCES,
      `R${reg} min value is negative, either use unsigned or 'var &= const'`,
    );
  if (unsignedNumber(words, o + UMIN_LO) === 0 && !zeroAllowed)
    env.reject(
      'zero-size',
      EACCES,
      `R${reg} invalid zero-sized read: u64=[${unsignedText(words, o + UMIN_LO)},${unsignedText(words, o + UMAX_LO)}]`,
    );
  if (most >= MAX_VAR_SIZE)
    env.reject(
      'unbounded-size',
      EACCES,
      `R${reg} unbounded memory access, use 'var &= const' or 'if (var < const)'`,
    );
  // What of the memory is written is known only if the size is.
  checkHelperMemory(env, reg - 1, most, write, zeroAllowed, known ? call.raw : undefined);
  markPrecise(env, reg);
}

/** A string in a map that nobody can change, with an end. */
function checkConstString(env: Env, reg: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  if (words[o + TYPE] !== PTR_TO_MAP_VALUE) return;
  const map = env.mapOf(words[o + AUX]!);
  if (!isConstant(map)) env.reject('bad-argument', EACCES, `R${reg} does not point to a readonly map'`);
  if (!tnumIsConst(words, o)) env.reject('bad-argument', EACCES, `R${reg} is not a constant address'`);
  const off = words[o + OFF]!;
  checkMapValue(env, reg, off, map.info.valueSize - off, false, false);
  const start = off + constOffset(words, o);
  const content = map.info.content ?? new Uint8Array(map.info.valueSize);
  if (!content.subarray(start).includes(0) && content.length >= map.info.valueSize)
    env.reject('bad-argument', EINVAL, 'string is not zero-terminated');
}
