/**
 * Map values: whether the map may be read or written, special fields that may not, and constants folded from frozen maps.
 * Source: check_map_access_type, check_map_access, bpf_map_is_rdonly, bpf_map_direct_read in kernel/bpf/verifier.c.
 */
import { BpfMapType as M } from '../../spec/index.ts';
import { SMIN_LO, signedNumber, tnumIsConst, UMAX_LO, unsignedNumber } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES } from '../errors.ts';
import type { UsedMap } from '../found.ts';
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../limits.ts';
import { AUX, regAt, TYPE } from '../state/layout.ts';
import { markRegKnown, markRegUnknown } from '../state/reg.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import { fieldAt } from '../values/fields.ts';
import type { Access } from './access-kind.ts';
import { checkRegion, constOffset } from './bounds.ts';
import { accessPointerField } from './pointer-field.ts';

/** The map may be accessed in this way by programs at all. */
export function checkMapDirection(env: Env, reg: number, off: number, size: number, write: boolean): void {
  const { info, flags } = env.mapOf(env.frame.words[regAt(reg) + AUX]!);
  const forbidden = write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG;
  if ((flags & forbidden) === 0) return;
  env.reject(
    'map-direction',
    EACCES,
    `${write ? 'write into' : 'read from'} map forbidden, value_size=${info.valueSize} off=${off} size=${size}`,
  );
}

/** The access lies in the value and outside of its special fields. */
export function checkMapValue(
  env: Env,
  reg: number,
  off: number,
  size: number,
  emptyAllowed: boolean,
  direct: boolean,
): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const map = env.mapOf(words[o + AUX]!);
  checkRegion(env, reg, off, size, map.info.valueSize, emptyAllowed);
  const least = signedNumber(words, o + SMIN_LO) + off;
  const end = unsignedNumber(words, o + UMAX_LO) + off + size;
  for (const field of map.fields) {
    if (least >= field.offset + field.size || field.offset >= end) continue;
    if (field.kind === 'kptr' || field.kind === 'percpu_kptr') {
      if (!direct) env.reject('special-field', EACCES, 'kptr cannot be accessed indirectly by helper');
      checkPointerField(env, reg, off, size, field.offset);
    } else env.reject('special-field', EACCES, `${field.kind} cannot be accessed directly by load/store`);
  }
}

/** A kernel pointer in a value is loaded and stored as a whole. */
function checkPointerField(env: Env, reg: number, off: number, size: number, field: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const refuse = (message: string): never => env.reject('special-field', EACCES, message);
  if (!tnumIsConst(words, o)) refuse('kptr access cannot have variable offset');
  const at = off + constOffset(words, o);
  if (field !== at) refuse(`kptr access misaligned expected=${field} off=${at}`);
  if (size !== 8) refuse('kptr access size must be BPF_DW');
}

/** A load or store of a map value. */
export function accessMapValue(env: Env, reg: number, off: number, access: Access): void {
  const { size, write, value } = access;
  checkMapDirection(env, reg, off, size, write);
  checkMapValue(env, reg, off, size, false, true);
  const { words } = env.frame;
  const o = regAt(reg);
  const map = env.mapOf(words[o + AUX]!);
  const fixed = tnumIsConst(words, o);
  const at = off + constOffset(words, o);
  const pointer = fixed ? fieldAt(map.fields, at, ['kptr', 'percpu_kptr']) : undefined;
  if (pointer !== undefined) {
    accessPointerField(env, map, pointer, value);
    return;
  }
  if (write || value < 0) return;
  const t = regAt(value);
  if (!fixed || !isConstant(map)) {
    markRegUnknown(words, t);
    return;
  }
  foldConstant(words, t, map.info.content, at, size, access.signed === true);
}

/** Neither programs nor user space can change the only value of this map (bpf_map_is_rdonly). */
export function isConstant(map: UsedMap): boolean {
  const { info } = map;
  return (
    (map.flags & BPF_F_RDONLY_PROG) !== 0 &&
    info.frozen === true &&
    info.type === M.BPF_MAP_TYPE_ARRAY &&
    info.maxEntries === 1
  );
}

function foldConstant(
  words: Int32Array,
  t: number,
  content: Uint8Array | undefined,
  at: number,
  size: number,
  signed: boolean,
): void {
  const byte = (i: number): number => content?.[at + i] ?? 0;
  const half = (i: number): number =>
    byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
  let lo = half(0);
  let hi = size === 8 ? half(4) : 0;
  if (size < 4) {
    const cut = 32 - 8 * size;
    lo = signed ? (lo << cut) >> cut : (lo << cut) >>> cut;
  }
  if (size < 8 && signed) hi = lo >> 31;
  words[t + TYPE] = SCALAR_VALUE;
  markRegKnown(words, t, lo, hi);
}
