/**
 * Whether a concrete value is one of those that a register record of the verifier stands for. Knows the record's layout and where
 * things lie in linear memory, nothing of paths.
 */
import { baseType } from '../../src/spec/index.ts';
import {
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VAR_MASK_HI,
  VAR_MASK_LO,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from '../../src/verifier/domain/layout.ts';
import { AUX, FRAMENO, OFF, TYPE } from '../../src/verifier/state/layout.ts';
import {
  CONST_PTR_TO_MAP,
  mayBeNull,
  NOT_INIT,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../../src/verifier/state/reg-type.ts';

/** Where what pointers point to lies in one run. Maps are named as registers name them. */
export interface Regions {
  readonly ctx: number;
  readonly packetMeta: number;
  readonly packet: number;
  readonly packetEnd: number;
  /** Frame pointers by frame number. */
  readonly framePointers: readonly number[];
  /** What a register that holds a map holds; undefined if that is not known. */
  mapAddress(map: number): number | undefined;
  /** Addresses of the values of a map; undefined if they are not known. */
  mapValues(map: number): readonly number[] | undefined;
}

const TWO_32 = 0x1_0000_0000;

/** The 64-bit number with these halves satisfies all that is known of the record's number. */
export function containsNumber(r: Int32Array, o: number, lo: number, hi: number): boolean {
  const unsignedHi = hi >>> 0;
  const unsignedLo = lo >>> 0;
  return (
    ((lo ^ r[o + VAR_VALUE_LO]!) & ~r[o + VAR_MASK_LO]!) === 0 &&
    ((hi ^ r[o + VAR_VALUE_HI]!) & ~r[o + VAR_MASK_HI]!) === 0 &&
    atMost(r[o + SMIN_HI]!, r[o + SMIN_LO]! >>> 0, hi, unsignedLo) &&
    atMost(hi, unsignedLo, r[o + SMAX_HI]!, r[o + SMAX_LO]! >>> 0) &&
    atMost(r[o + UMIN_HI]! >>> 0, r[o + UMIN_LO]! >>> 0, unsignedHi, unsignedLo) &&
    atMost(unsignedHi, unsignedLo, r[o + UMAX_HI]! >>> 0, r[o + UMAX_LO]! >>> 0) &&
    lo >= r[o + S32_MIN]! &&
    lo <= r[o + S32_MAX]! &&
    unsignedLo >= r[o + U32_MIN]! >>> 0 &&
    unsignedLo <= r[o + U32_MAX]! >>> 0
  );
}

/**
 * A number that the record stands for can have these lower bytes: a spill of part of a register keeps what was known of all of it. If the
 * greatest number fits into them, they are all of it.
 */
export function containsLow(r: Int32Array, o: number, low: number, size: number): boolean {
  const bits = 8 * size;
  const fits = r[o + UMAX_HI] === 0 && (size >= 4 || r[o + UMAX_LO]! >>> 0 < 2 ** bits);
  if (fits) return containsNumber(r, o, low, 0);
  const mask = size >= 4 ? -1 : 2 ** bits - 1;
  if (((low ^ r[o + VAR_VALUE_LO]!) & ~r[o + VAR_MASK_LO]! & mask) !== 0) return false;
  return size < 4 || (low >= r[o + S32_MIN]! && low <= r[o + S32_MAX]!);
}

function atMost(hi: number, lo: number, otherHi: number, otherLo: number): boolean {
  return hi < otherHi || (hi === otherHi && lo <= otherLo);
}

/** The value, a number or a pointer, is one that the record stands for. What cannot be read may hold anything. */
export function contains(r: Int32Array, o: number, lo: number, hi: number, regions: Regions): boolean {
  const type = r[o + TYPE]!;
  if (type === NOT_INIT) return true;
  if (type === SCALAR_VALUE) return containsNumber(r, o, lo, hi);
  if ((lo | hi) === 0) return mayBeNull(type);
  const value = hi * TWO_32 + (lo >>> 0);
  const from = (base: number): boolean => isOffset(r, o, value - base);
  switch (baseType(type)) {
    case PTR_TO_STACK:
      return from(regions.framePointers[r[o + FRAMENO]!] ?? 0);
    case PTR_TO_CTX:
      return from(regions.ctx);
    case PTR_TO_MAP_VALUE:
      return regions.mapValues(r[o + AUX]!)?.some(from) ?? true;
    case CONST_PTR_TO_MAP:
      return (regions.mapAddress(r[o + AUX]!) ?? value) === value;
    case PTR_TO_PACKET:
      return from(regions.packet) && reaches(r, o, value, regions.packetEnd);
    case PTR_TO_PACKET_META:
      return from(regions.packetMeta) && reaches(r, o, value, regions.packet);
    case PTR_TO_PACKET_END:
      return value === regions.packetEnd;
    case PTR_TO_FUNC:
      return true;
    default:
      // Kernel objects and their like: that it is not NULL is all that can be said.
      return true;
  }
}

/** The pointer's fixed and variable offset can add up to this. */
function isOffset(r: Int32Array, o: number, distance: number): boolean {
  const variable = distance - r[o + OFF]!;
  return containsNumber(r, o, variable | 0, Math.floor(variable / TWO_32) | 0);
}

/** As many bytes as the walk found out are there, counted from the pointer without its fixed offset. */
function reaches(r: Int32Array, o: number, value: number, end: number): boolean {
  const range = r[o + AUX]!;
  return range <= 0 || value - r[o + OFF]! + range <= end;
}
