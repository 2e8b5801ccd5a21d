/** What a helper's result is, by its return type. Source: the second half of check_helper_call in kernel/bpf/verifier.c. */
import {
  BPF_PTR_POISON,
  baseType,
  MEM_RCU,
  MEM_RDONLY,
  RET_INTEGER,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_MAP_VALUE,
  RET_PTR_TO_MEM,
  RET_PTR_TO_MEM_OR_BTF_ID,
  RET_PTR_TO_SOCK_COMMON,
  RET_PTR_TO_SOCKET,
  RET_PTR_TO_TCP_SOCK,
  RET_VOID,
  typeFlags,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import { AUX, AUX2, ID, regAt, TYPE } from '../state/layout.ts';
import { markRegKnownZero, markRegUnknown } from '../state/reg.ts';
import {
  mayBeNull,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
} from '../state/reg-type.ts';
import { hasField } from '../values/fields.ts';
import type { CallMeta } from './arguments.ts';

const SIMPLE: Readonly<Record<number, number>> = {
  [RET_PTR_TO_SOCKET]: PTR_TO_SOCKET,
  [RET_PTR_TO_SOCK_COMMON]: PTR_TO_SOCK_COMMON,
  [RET_PTR_TO_TCP_SOCK]: PTR_TO_TCP_SOCK,
};

/** Sets r0. */
export function markResult(env: Env, call: CallMeta): void {
  const { words } = env.frame;
  const r0 = regAt(0);
  const { ret } = call.proto;
  const base = baseType(ret);
  const flags = typeFlags(ret);
  if (base === RET_INTEGER) {
    markRegUnknown(words, r0);
    return;
  }
  if (base === RET_VOID) {
    words[r0 + TYPE] = NOT_INIT;
    return;
  }
  markRegKnownZero(words, r0);
  switch (base) {
    case RET_PTR_TO_MAP_VALUE:
      markMapValue(env, call, words, r0, flags);
      break;
    case RET_PTR_TO_MEM:
      words[r0 + TYPE] = PTR_TO_MEM | flags;
      words[r0 + AUX] = call.memSize;
      break;
    case RET_PTR_TO_MEM_OR_BTF_ID:
      markPerCpu(env, call, words, r0, flags);
      break;
    case RET_PTR_TO_BTF_ID:
      markKernelStruct(env, call, words, r0, flags);
      break;
    default:
      words[r0 + TYPE] = (SIMPLE[base] ?? PTR_TO_SOCKET) | flags;
  }
  if (mayBeNull(words[r0 + TYPE]!)) words[r0 + ID] = ++env.idGen;
}

function markMapValue(env: Env, call: CallMeta, words: Int32Array, r0: number, flags: number): void {
  const { map } = call;
  if (map === undefined) env.reject('verifier-bug', EINVAL, 'kernel subsystem misconfigured verifier');
  words[r0 + AUX] = map.index;
  words[r0 + AUX2] = call.mapUid;
  words[r0 + TYPE] = PTR_TO_MAP_VALUE | flags;
  if (!mayBeNull(flags) && hasField(map.fields, 'bpf_spin_lock')) words[r0 + ID] = ++env.idGen;
}

/** The current CPU's copy of a per-CPU variable: a struct, or memory of its size. */
function markPerCpu(env: Env, call: CallMeta, words: Int32Array, r0: number, flags: number): void {
  const btf = env.btfOf(call.retBtf);
  const type = btf.resolve(call.retBtfId);
  if ((words[r0 + TYPE]! & MEM_RCU) !== 0) throw unsupported('per-CPU objects of the program');
  if (type.kind !== 'struct' && type.kind !== 'union') {
    words[r0 + TYPE] = PTR_TO_MEM | flags;
    words[r0 + AUX] = btf.sizeOf(call.retBtfId);
    return;
  }
  words[r0 + TYPE] = PTR_TO_BTF_ID | (flags & ~MEM_RDONLY);
  words[r0 + AUX] = call.retBtf;
  words[r0 + AUX2] = call.retBtfId;
}

function markKernelStruct(env: Env, call: CallMeta, words: Int32Array, r0: number, flags: number): void {
  const name = call.proto.retBtf;
  if (name === undefined || name === BPF_PTR_POISON)
    throw unsupported('kernel pointers in map values (kptrs)');
  const btf = env.input.kernelBtf;
  const type = btf?.findByName(name, 'struct');
  if (btf === undefined || type === undefined)
    throw unsupported(`the kernel struct ${name} without the kernel's BTF`);
  words[r0 + TYPE] = PTR_TO_BTF_ID | flags;
  words[r0 + AUX] = env.btfIndex(btf);
  words[r0 + AUX2] = type.id;
}
