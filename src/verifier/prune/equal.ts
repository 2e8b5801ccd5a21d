/**
 * Whether a checkpoint covers the current state: every value that is possible now was possible then, as far as anything depended on it.
 * Source: states_equal, func_states_equal, regsafe, stacksafe, refsafe in kernel/bpf/verifier.c.
 */
import { baseType } from '../../spec/index.ts';
import { markUnknown, REG_WORDS, scalarWithin } from '../domain/index.ts';
import type { Env } from '../env.ts';
import type { Frame } from '../state/frame.ts';
import {
  ADD_CONST,
  AUX,
  FRAMENO,
  ID,
  isSpill,
  lowestBit,
  OFF,
  PRECISE,
  READ32,
  READ64,
  REF,
  REGISTERS,
  regAt,
  STACK_SPILL,
  slotAt,
  slotKind,
  slotKinds,
  TYPE,
} from '../state/layout.ts';
import { sameButIds, samePointee } from '../state/reg.ts';
import {
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';

/** Only what some path read and, for scalars, depended on must be covered. */
export const LOOSE = 0;
/** Everything must be the same: a loop that gets nowhere. */
export const EXACT = 1;
/** All registers must be covered, read or not: a loop whose checkpoint is not finished. */
export const COVERED = 2;
export type Strictness = 0 | 1 | 2;

/** Stands for the unknown contents of a slot that holds no spill. */
const unbound = new Int32Array(REG_WORDS);
markUnknown(unbound, 0);
unbound[TYPE] = SCALAR_VALUE;

/** What a comparison stumbled over: a value, or what is no place's. */
export interface Difference {
  what: 'value' | 'calls' | 'lock' | 'references' | 'unfinished';
  /** Frame, and register or slot; -1 for neither. */
  frame: number;
  reg: number;
  slot: number;
}

/** Where the last comparison that failed found the difference. */
export const difference: Difference = { what: 'value', frame: -1, reg: -1, slot: -1 };

/** Notes a difference; gives false, as what finds it does. */
export function differ(what: Difference['what'], frame: number, reg: number, slot: number): false {
  difference.what = what;
  difference.frame = frame;
  difference.reg = reg;
  difference.slot = slot;
  return false;
}

/** Compares a checkpoint with the current state. */
export function statesEqual(env: Env, old: VerifierState, current: VerifierState, how: Strictness): boolean {
  const { idMap } = env;
  // First of all, because it is cheap and tells most states of much-called functions apart.
  if (!sameCalls(old, current)) return differ('calls', -1, -1, -1);
  idMap.reset(env.idGen);
  if (old.lockMap !== current.lockMap || (old.lockId === 0) !== (current.lockId === 0))
    return differ('lock', -1, -1, -1);
  if (old.lockId !== 0 && !idMap.match(old.lockId, current.lockId)) return differ('lock', -1, -1, -1);
  for (let i = 0; i < old.frames.length; i++) {
    const before = old.frames[i]!;
    const now = current.frames[i]!;
    for (let mask = how === LOOSE ? readMask(before.words, 0) : ALL_REGISTERS; mask !== 0; mask &= mask - 1) {
      const reg = lowestBit(mask);
      if (!registerSafe(env, before.words, regAt(reg), now.words, regAt(reg), how))
        return differ('value', i, reg, -1);
    }
    if (!stackSafe(env, i, before, now, how) || !refsSafe(env, before, now)) return false;
  }
  return true;
}

const ALL_REGISTERS = (1 << REGISTERS) - 1;

/** The records of a word of the masks that some path read. */
function readMask(words: Int32Array, word: number): number {
  return words[READ32 + word]! | words[READ64 + word]!;
}

/** All frames were called from the same places, and callbacks have not had fewer rounds than then. */
function sameCalls(old: VerifierState, current: VerifierState): boolean {
  if (old.frames.length !== current.frames.length) return false;
  for (let i = 0; i < old.frames.length; i++) {
    const before = old.frames[i]!;
    const now = current.frames[i]!;
    if (before.callsite !== now.callsite || before.callbackDepth > now.callbackDepth) return false;
  }
  return true;
}

/** Everything but ids is the same, and the ids can be matched (regs_exact). */
export function registersExact(env: Env, a: Int32Array, ai: number, b: Int32Array, bi: number): boolean {
  return (
    sameButIds(a, ai, b, bi) &&
    env.idMap.match(a[ai + ID]!, b[bi + ID]!) &&
    env.idMap.match(a[ai + REF]!, b[bi + REF]!)
  );
}

/** Whether an old register, which was read if that matters, covers a current one (regsafe). */
function registerSafe(
  env: Env,
  old: Int32Array,
  oi: number,
  now: Int32Array,
  ni: number,
  how: Strictness,
): boolean {
  if (how === EXACT) return registersExact(env, old, oi, now, ni);
  const type = old[oi + TYPE]!;
  if (type === NOT_INIT && (how === LOOSE || now[ni + TYPE] === NOT_INIT)) return true;
  if (type !== now[ni + TYPE]) return false;
  switch (baseType(type)) {
    case SCALAR_VALUE:
      return scalarSafe(env, old, oi, now, ni, how);
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return (
        samePointee(old, oi, now, ni) &&
        scalarWithin(old, oi, now, ni) &&
        env.idMap.match(old[oi + ID]!, now[ni + ID]!) &&
        env.idMap.match(old[oi + REF]!, now[ni + REF]!)
      );
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
      return packetSafe(env, old, oi, now, ni);
    case PTR_TO_STACK:
      return registersExact(env, old, oi, now, ni) && old[oi + FRAMENO] === now[ni + FRAMENO];
    case PTR_TO_ARENA:
      return true;
    default:
      return registersExact(env, old, oi, now, ni);
  }
}

function scalarSafe(
  env: Env,
  old: Int32Array,
  oi: number,
  now: Int32Array,
  ni: number,
  how: Strictness,
): boolean {
  if (old[oi + PRECISE] === 0 && how === LOOSE) return true;
  const oldId = old[oi + ID]!;
  const nowId = now[ni + ID]!;
  // Both or neither may be a constant away from the scalars they are linked with, and by the same constant.
  if ((oldId & ADD_CONST) !== 0) {
    if ((nowId & ADD_CONST) === 0 || old[oi + OFF] !== now[ni + OFF]) return false;
  } else if (oldId !== 0 && (nowId & ADD_CONST) !== 0) return false;
  return env.idMap.matchScalar(oldId, nowId) && scalarWithin(old, oi, now, ni);
}

/** A packet pointer must be known to reach at least as far as then. */
function packetSafe(env: Env, old: Int32Array, oi: number, now: Int32Array, ni: number): boolean {
  const oldRange = old[oi + AUX]!;
  const nowRange = now[ni + AUX]!;
  if (oldRange < 0 || nowRange < 0 ? oldRange !== nowRange : oldRange > nowRange) return false;
  return (
    old[oi + OFF] === now[ni + OFF] &&
    env.idMap.match(old[oi + ID]!, now[ni + ID]!) &&
    scalarWithin(old, oi, now, ni)
  );
}

function stackSafe(env: Env, frame: number, old: Frame, now: Frame, how: Strictness): boolean {
  if (how !== LOOSE) {
    for (let spi = 0; spi < old.slots; spi++)
      if (
        spi >= now.slots ||
        slotKinds(old.words, spi) !== slotKinds(now.words, spi) ||
        !slotSafe(env, old, now, spi, how)
      )
        return differ('value', frame, -1, spi);
    return true;
  }
  for (let half = 0; half < 2; half++)
    for (let mask = readMask(old.words, 1 + half); mask !== 0; mask &= mask - 1) {
      const spi = 32 * half + lowestBit(mask);
      if (!slotSafe(env, old, now, spi, how)) return differ('value', frame, -1, spi);
    }
  return true;
}

/** One slot, byte by byte where it holds no whole scalar (stacksafe). */
function slotSafe(env: Env, old: Frame, now: Frame, spi: number, how: Strictness): boolean {
  const ow = old.words;
  const nw = now.words;
  // Uninitialized stack reads as anything, so misc covers it too.
  const wanted = spillsAndZeros(ow, spi);
  if (wanted === 0) return true;
  if (spi >= now.slots) return false;
  const oldScalar = wholeScalar(ow, spi);
  const nowScalar = wholeScalar(nw, spi);
  if (oldScalar !== undefined && nowScalar !== undefined)
    return registerSafe(
      env,
      oldScalar,
      oldScalar === unbound ? 0 : slotAt(ow, spi),
      nowScalar,
      nowScalar === unbound ? 0 : slotAt(nw, spi),
      how,
    );
  if (((slotKinds(ow, spi) ^ slotKinds(nw, spi)) & wanted) !== 0) return false;
  return !isSpill(ow, spi) || registerSafe(env, ow, slotAt(ow, spi), nw, slotAt(nw, spi), how);
}

/** The bytes of a slot that are part of a spill or zero, as a mask of their kinds. */
function spillsAndZeros(words: Int32Array, spi: number): number {
  // Of the four kinds, these two are odd.
  return Math.imul(slotKinds(words, spi) & 0x11111111, 15);
}

/** The slot as a scalar: a spilled one of eight bytes, or anything (scalar_reg_for_stack). */
function wholeScalar(words: Int32Array, spi: number): Int32Array | undefined {
  if (slotKind(words, spi, 0) === STACK_SPILL && words[slotAt(words, spi) + TYPE] === SCALAR_VALUE)
    return words;
  if (spillsAndZeros(words, spi) !== 0) return undefined;
  return unbound;
}

function refsSafe(env: Env, old: Frame, now: Frame): boolean {
  if (old.refCount !== now.refCount) return differ('references', old.frameno, -1, -1);
  for (let i = 0; i < old.refCount; i++)
    if (!env.idMap.match(old.refId(i), now.refId(i))) return differ('references', old.frameno, -1, -1);
  return true;
}
