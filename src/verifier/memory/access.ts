/**
 * One load or store, by what the pointer points to: the switchboard of memory checks.
 * Source: check_mem_access, check_helper_mem_access, may_access_direct_pkt_data, check_sock_access in kernel/bpf/verifier.c.
 */
import { baseType, FLOW_KEYS_SIZE, MEM_RDONLY, BpfProgType as P, SOCKET_VIEWS } from '../../spec/index.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_LO,
  SMIN_LO,
  setWideNumber,
  signExtendToSize,
  signedNumber,
  syncBounds,
  truncateToSize,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES } from '../errors.ts';
import { regTypeName } from '../log/type-names.ts';
import { checkInvariants } from '../registers/invariants.ts';
import { AUX, AUX2, ID, OFF, regAt, TYPE } from '../state/layout.ts';
import { isNull, markRegKnownZero, markRegUnknown } from '../state/reg.ts';
import {
  CONST_PTR_TO_MAP,
  isSocketPointer,
  mayBeNull,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import type { Access } from './access-kind.ts';
import { checkAlignment, checkBuffer, checkPacket, checkRegion, checkUnmodified } from './bounds.ts';
import { accessContext } from './context.ts';
import { accessKernelStruct, accessMapStruct } from './kernel-pointer.ts';
import { accessMapValue, checkMapDirection, checkMapValue } from './map-value.ts';
import { checkStackBounds, checkStackRange, type RawAccess, readStack } from './stack.ts';
import { writeStack } from './stack-write.ts';

/** A load or store through register `reg` at a fixed distance `off`. */
export function checkAccess(env: Env, reg: number, off: number, access: Access): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const { size, write, value } = access;
  checkAlignment(env, words, o, off, size, access.aligned === true);
  dispatch(env, reg, off + words[o + OFF]!, access);
  if (write || value < 0 || size === 8) return;
  const t = regAt(value);
  if (words[t + TYPE] !== SCALAR_VALUE) return;
  if (access.signed === true) signExtendToSize(words, t, size as 1 | 2 | 4);
  else truncateToSize(words, t, size as 1 | 2 | 4);
}

function dispatch(env: Env, reg: number, off: number, access: Access): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  const { size, write, value } = access;
  switch (baseType(type)) {
    case PTR_TO_MAP_KEY:
      if (type !== PTR_TO_MAP_KEY) break;
      if (write) env.reject('read-only', EACCES, `write to change key R${reg} not allowed`);
      checkRegion(env, reg, off, size, env.mapOf(words[o + AUX]!).info.keySize, false);
      loadAny(words, value, write);
      return;
    case PTR_TO_MAP_VALUE:
      if (type !== PTR_TO_MAP_VALUE) break;
      accessMapValue(env, reg, off, access);
      return;
    case PTR_TO_MEM:
      if (mayBeNull(type)) break;
      refuseReadOnly(env, reg, type, write);
      checkRegion(env, reg, off, size, words[o + AUX]!, false);
      loadAny(words, value, write);
      return;
    case PTR_TO_CTX:
      accessCtx(env, reg, off, access);
      return;
    case PTR_TO_STACK:
      checkStackBounds(env, reg, off, size, write ? 'write' : 'read');
      if (write) writeStack(env, reg, off, size, value);
      else readStack(env, reg, off, size, value);
      return;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      if (write && !mayTouchPacket(env, undefined, true))
        env.reject('read-only', EACCES, 'cannot write into packet');
      checkPacket(env, reg, off, size, false);
      loadAny(words, value, write);
      return;
    case PTR_TO_FLOW_KEYS:
      if (off < 0 || off + size > FLOW_KEYS_SIZE)
        env.reject('out-of-bounds', EACCES, `invalid access to flow keys off=${off} size=${size}`);
      loadAny(words, value, write);
      return;
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      if (!isSocketPointer(type)) break;
      if (write) env.reject('read-only', EACCES, `R${reg} cannot write into ${regTypeName(type)}`);
      accessSocket(env, reg, off, size);
      loadAny(words, value, write);
      return;
    case PTR_TO_TP_BUFFER:
      checkBuffer(env, 'tracepoint', reg, off, size);
      loadAny(words, value, write);
      return;
    case PTR_TO_BTF_ID:
      if (mayBeNull(type)) break;
      accessKernelStruct(env, reg, off, access);
      return;
    case CONST_PTR_TO_MAP:
      accessMapStruct(env, reg, off, access);
      return;
    case PTR_TO_BUF:
      if (mayBeNull(type)) break;
      refuseReadOnly(env, reg, type, write);
      checkBuffer(env, bufferKind(type), reg, off, size);
      loadAny(words, value, write);
      return;
  }
  env.reject('bad-pointer', EACCES, `R${reg} invalid mem access '${regTypeName(type)}'`);
}

/** The loaded register holds any number. */
function loadAny(words: Int32Array, value: number, write: boolean): void {
  if (!write && value >= 0) markRegUnknown(words, regAt(value));
}

function bufferKind(type: number): 'rdonly' | 'rdwr' {
  return (type & MEM_RDONLY) === 0 ? 'rdwr' : 'rdonly';
}

function refuseReadOnly(env: Env, reg: number, type: number, write: boolean): void {
  if (write && (type & MEM_RDONLY) !== 0)
    env.reject('read-only', EACCES, `R${reg} cannot write into ${regTypeName(type)}`);
}

function accessCtx(env: Env, reg: number, off: number, access: Access): void {
  const { words } = env.frame;
  checkUnmodified(env, words, reg, false);
  const given = accessContext(env, off, access.size, access.write, access.signed === true);
  if (access.write || access.value < 0) return;
  const t = regAt(access.value);
  if (given.type === SCALAR_VALUE) {
    markRegUnknown(words, t);
    if (given.range !== undefined) limitTo(env, words, t, given.range.min, given.range.max);
    return;
  }
  markRegKnownZero(words, t);
  if (mayBeNull(given.type)) words[t + ID] = ++env.idGen;
  words[t + AUX] = given.btf;
  words[t + AUX2] = given.btfId;
  words[t + TYPE] = given.type;
}

/** The number is in this 32-bit range (__mark_reg_s32_range). */
function limitTo(env: Env, words: Int32Array, t: number, min: number, max: number): void {
  words[t + S32_MIN] = Math.max(words[t + S32_MIN]!, min);
  words[t + S32_MAX] = Math.min(words[t + S32_MAX]!, max);
  setWideNumber(words, t + SMIN_LO, min);
  setWideNumber(words, t + SMAX_LO, max);
  syncBounds(words, t);
  checkInvariants(env, words, t, 's32_range');
}

/** Program types that may read the packet directly, and whether they may write it. */
const READS_PACKET: readonly number[] = [
  P.BPF_PROG_TYPE_LWT_IN,
  P.BPF_PROG_TYPE_LWT_OUT,
  P.BPF_PROG_TYPE_LWT_SEG6LOCAL,
  P.BPF_PROG_TYPE_SK_REUSEPORT,
  P.BPF_PROG_TYPE_FLOW_DISSECTOR,
  P.BPF_PROG_TYPE_CGROUP_SKB,
];
const WRITES_PACKET: readonly number[] = [
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_LWT_XMIT,
  P.BPF_PROG_TYPE_SK_SKB,
  P.BPF_PROG_TYPE_SK_MSG,
];

/** Whether the packet may be accessed, directly or (`helperAllows` given) by a helper (may_access_direct_pkt_data). */
export function mayTouchPacket(env: Env, helperAllows: boolean | undefined, write: boolean): boolean {
  const { type } = env.input;
  if (type === P.BPF_PROG_TYPE_CGROUP_SOCKOPT) return true;
  const reads = READS_PACKET.includes(type);
  if (reads && write) return false;
  return (reads || WRITES_PACKET.includes(type)) && (helperAllows ?? true);
}

function accessSocket(env: Env, reg: number, off: number, size: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  if (signedNumber(words, o + SMIN_LO) < 0)
    env.reject(
      'negative-offset',
      EACCES,
      `R${reg} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    );
  const name = regTypeName(type) as keyof typeof SOCKET_VIEWS;
  const allowed =
    off % size === 0 &&
    SOCKET_VIEWS[name].some(({ from, to, sizes }) => from <= off && off < to && sizes.includes(size));
  if (!allowed)
    env.reject('bad-struct-access', EACCES, `R${reg} invalid ${name} access off=${off} size=${size}`);
}

/** Program types whose context is memory as it is: helpers may get it as such (no convert_ctx_access). */
const PLAIN_CONTEXT: readonly number[] = [
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  P.BPF_PROG_TYPE_TRACING,
  P.BPF_PROG_TYPE_LSM,
  P.BPF_PROG_TYPE_SYSCALL,
  P.BPF_PROG_TYPE_CGROUP_DEVICE,
  P.BPF_PROG_TYPE_LIRC_MODE2,
  P.BPF_PROG_TYPE_NETFILTER,
];

/** A helper reads, or writes, `size` bytes behind a register (check_helper_mem_access). */
export function checkHelperMemory(
  env: Env,
  reg: number,
  size: number,
  write: boolean,
  emptyAllowed: boolean,
  raw: RawAccess | undefined,
): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  const off = words[o + OFF]!;
  switch (baseType(type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      checkPacket(env, reg, off, size, emptyAllowed);
      return;
    case PTR_TO_MAP_KEY:
      if (write) env.reject('read-only', EACCES, `R${reg} cannot write into ${regTypeName(type)}`);
      checkRegion(env, reg, off, size, env.mapOf(words[o + AUX]!).info.keySize, false);
      return;
    case PTR_TO_MAP_VALUE:
      checkMapDirection(env, reg, off, size, write);
      checkMapValue(env, reg, off, size, emptyAllowed, false);
      return;
    case PTR_TO_MEM:
      refuseReadOnly(env, reg, type, write);
      checkRegion(env, reg, off, size, words[o + AUX]!, emptyAllowed);
      return;
    case PTR_TO_BUF:
      refuseReadOnly(env, reg, type, write);
      checkBuffer(env, bufferKind(type), reg, off, size);
      return;
    case PTR_TO_STACK:
      if (size === 0 && !emptyAllowed) env.reject('zero-size', EACCES, 'invalid zero-sized read');
      checkStackRange(env, reg, off, size, 'helper', raw);
      return;
    case PTR_TO_BTF_ID:
      accessKernelStruct(env, reg, off, { size, write: false, value: -1 });
      return;
    case PTR_TO_CTX:
      if (PLAIN_CONTEXT.includes(env.input.type) && (size > 0 || emptyAllowed)) {
        // The last byte tells: contexts have no holes.
        if (size > 0) checkAccess(env, reg, size - 1, { size: 1, write, value: -1 });
        return;
      }
  }
  if (emptyAllowed && size === 0 && isNull(words, o)) return;
  env.reject('bad-pointer', EACCES, `R${reg} type=${regTypeName(type)} expected=fp`);
}
