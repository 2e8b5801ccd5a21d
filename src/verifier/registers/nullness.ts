/**
 * A pointer that may be NULL is compared with NULL: all its copies become NULL, or pointers. Source: mark_ptr_or_null_regs,
 * mark_ptr_not_null_reg, reg_not_null in kernel/bpf/verifier.c.
 */
import { baseType, BpfMapType as M, PTR_MAYBE_NULL } from '../../spec/index.ts';
import { SMAX_LO, SMIN_LO, signedNumber } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { MAX_VAR_OFF } from '../limits.ts';
import { isTrusted } from '../memory/kernel-pointer.ts';
import { AUX, AUX2, ID, REF, regAt, TYPE } from '../state/layout.ts';
import {
  CONST_PTR_TO_MAP,
  mayBeNull,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import { forEachRegister } from '../state/registers.ts';
import type { VerifierState } from '../state/state.ts';
import { hasField } from '../values/fields.ts';

/** Pointers that cannot be NULL once they are not marked so. */
const NEVER_NULL: readonly number[] = [
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TO_BUF,
  PTR_TO_MAP_VALUE,
  PTR_TO_MAP_KEY,
  PTR_TO_SOCK_COMMON,
  PTR_TO_MEM,
  CONST_PTR_TO_MAP,
];

/** Surely not NULL: no arithmetic on it can have wrapped around to 0. */
export function isNotNull(words: Int32Array, o: number): boolean {
  const type = words[o + TYPE]!;
  if (mayBeNull(type)) return false;
  if (signedNumber(words, o + SMIN_LO) <= -MAX_VAR_OFF || signedNumber(words, o + SMAX_LO) >= MAX_VAR_OFF)
    return false;
  const base = baseType(type);
  return NEVER_NULL.includes(base) || (base === PTR_TO_BTF_ID && isTrusted(words, o));
}

/** The pointer is not NULL; values of maps of maps and of sockets turn out to be what they hold. */
export function markNotNull(env: Env, words: Int32Array, o: number): void {
  const type = words[o + TYPE]!;
  if (baseType(type) !== PTR_TO_MAP_VALUE) {
    words[o + TYPE] = type & ~PTR_MAYBE_NULL;
    return;
  }
  const map = env.mapOf(words[o + AUX]!);
  if (map.inner !== undefined) {
    words[o + TYPE] = CONST_PTR_TO_MAP;
    words[o + AUX] = map.inner.index;
    // Two maps out of one look-up each are different maps: this matters for what holds a map's address.
    if (hasField(map.inner.fields, 'bpf_timer') || hasField(map.inner.fields, 'bpf_wq'))
      words[o + AUX2] = words[o + ID]!;
  } else if (map.info.type === M.BPF_MAP_TYPE_XSKMAP) words[o + TYPE] = PTR_TO_XDP_SOCK;
  else if (map.info.type === M.BPF_MAP_TYPE_SOCKMAP || map.info.type === M.BPF_MAP_TYPE_SOCKHASH)
    words[o + TYPE] = PTR_TO_SOCKET;
  else words[o + TYPE] = PTR_TO_MAP_VALUE;
}

/** In `state`, register `reg` and all its copies are NULL, or are not. */
export function decideNull(env: Env, state: VerifierState, reg: number, isNull: boolean): void {
  const { words } = state.frame;
  const id = words[regAt(reg) + ID]!;
  const ref = words[regAt(reg) + REF]!;
  // There was nothing to acquire.
  if (ref !== 0 && ref === id && isNull) state.frame.releaseRef(id);
  forEachRegister(state, (r, o) => {
    if (mayBeNull(r[o + TYPE]!) && r[o + ID] === id) decideOne(env, r, o, isNull);
  });
}

function decideOne(env: Env, words: Int32Array, o: number, isNull: boolean): void {
  if (isNull) {
    words[o + TYPE] = SCALAR_VALUE;
    words[o + ID] = 0;
    words[o + REF] = 0;
    return;
  }
  markNotNull(env, words, o);
  // The id has done its work, unless it tells locks apart.
  const holdsLock =
    words[o + TYPE] === PTR_TO_MAP_VALUE && hasField(env.mapOf(words[o + AUX]!).fields, 'bpf_spin_lock');
  if (!holdsLock) words[o + ID] = 0;
}
