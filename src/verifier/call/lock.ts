/** bpf_spin_lock and bpf_spin_unlock: one lock at a time, given back before the program ends. Source: process_spin_lock. */
import { tnumIsConst, VAR_VALUE_LO } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import { AUX, ID, OFF, regAt, TYPE } from '../state/layout.ts';
import { PTR_TO_MAP_VALUE } from '../state/reg-type.ts';

/** Takes or gives back the lock that a register points to. */
export function checkLock(env: Env, reg: number, take: boolean): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const refuse: (message: string) => never = (message) => env.reject('spin-lock', EINVAL, message);
  if (!tnumIsConst(words, o))
    refuse(`R${reg} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`);
  if (words[o + TYPE] !== PTR_TO_MAP_VALUE) throw unsupported('locks in objects of the program');
  const map = env.mapOf(words[o + AUX]!);
  if (map.info.btf === undefined)
    refuse(`map '${map.info.name}' has to have BTF in order to use bpf_spin_lock`);
  const lock = map.fields.find(({ kind }) => kind === 'bpf_spin_lock');
  if (lock === undefined) refuse(`map '${map.info.name}' has no valid bpf_spin_lock`);
  const off = words[o + VAR_VALUE_LO]! + words[o + OFF]!;
  if (lock.offset !== off)
    refuse(`off ${off} doesn't point to 'struct bpf_spin_lock' that is at ${lock.offset}`);
  const { state } = env;
  if (take) {
    if (state.lockMap !== 0) refuse('Locking two bpf_spin_locks are not allowed');
    state.lockMap = map.index;
    state.lockId = words[o + ID]!;
    return;
  }
  if (state.lockMap === 0) refuse('bpf_spin_unlock without taking a lock');
  if (state.lockMap !== map.index || state.lockId !== words[o + ID])
    refuse('bpf_spin_unlock of different lock');
  state.lockMap = 0;
  state.lockId = 0;
}
