/** Registers and stack bytes in plain words: "a number from 0 to 255", "a value of map counts, or NULL". */
import { baseType } from '../../spec/index.ts';
import { formatSigned, formatUnsigned, tnumIsConst, viewScalar } from '../domain/index.ts';
import { formatRegister } from '../log/state-text.ts';
import type { Frame } from '../state/frame.ts';
import {
  AUX,
  AUX2,
  FRAMENO,
  isSpill,
  OFF,
  PRECISE,
  REGISTERS,
  regAt,
  STACK_INVALID,
  STACK_ZERO,
  slotAt,
  slotKind,
  TYPE,
} from '../state/layout.ts';
import {
  CONST_PTR_TO_MAP,
  isPacketPointer,
  mayBeNull,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import type { Walk } from '../walk.ts';

const S64_MIN = -(1n << 63n);
const S64_MAX = (1n << 63n) - 1n;
const U64_MAX = (1n << 64n) - 1n;

/** A record's state in the kernel's notation and in words; `record` numbers registers, then slots. */
export interface Described {
  readonly state: string;
  readonly meaning: string;
}

/** Describes a register or stack slot of a frame. */
export function describeRecord(walk: Walk, frame: Frame, record: number): Described {
  if (record < REGISTERS) return describeRegister(walk, frame, regAt(record));
  const slot = record - REGISTERS;
  if (slot >= frame.slots) return { state: '?', meaning: 'nothing: never written on this path' };
  if (isSpill(frame.words, slot)) return describeRegister(walk, frame, slotAt(frame.words, slot));
  return describeBytes(frame.words, slot);
}

function describeRegister(walk: Walk, frame: Frame, o: number): Described {
  const { words } = frame;
  if (words[o + TYPE] === NOT_INIT) return { state: '?', meaning: 'nothing: it has no value on this path' };
  // Whether it is precise tells of the verifier's work, not of the value.
  const precise = words[o + PRECISE]!;
  words[o + PRECISE] = 0;
  const state = formatRegister(walk, frame, o);
  words[o + PRECISE] = precise;
  return { state, meaning: meaningOf(walk, words, o) };
}

function describeBytes(words: Int32Array, slot: number): Described {
  let letters = '';
  let written = 0;
  let zero = 0;
  for (let i = 0; i < 8; i++) {
    const kind = slotKind(words, slot, i);
    letters += '?rm0'[kind] ?? '?';
    if (kind !== STACK_INVALID) written++;
    if (kind === STACK_ZERO) zero++;
  }
  if (written === 0) return { state: letters, meaning: 'nothing: never written on this path' };
  if (zero === 8) return { state: letters, meaning: 'eight bytes of zero' };
  if (written === 8) return { state: letters, meaning: 'eight bytes of any value' };
  return { state: letters, meaning: `${written} of its 8 bytes written, the others never` };
}

function meaningOf(walk: Walk, words: Int32Array, o: number): string {
  const type = words[o + TYPE]!;
  if (type === SCALAR_VALUE) return scalarMeaning(words, o);
  const pointee = pointeeOf(walk, words, o);
  return mayBeNull(type) ? `${pointee}, or NULL` : pointee;
}

/** A number. */
function scalarMeaning(words: Int32Array, o: number): string {
  const { value, mask, smin, smax, umin, umax, u32Max } = viewScalar(words, o);
  if (mask === 0n) return `the number ${decimal(BigInt.asIntN(64, value))}`;
  if (umin === umax) return `the number ${decimal(BigInt.asIntN(64, umin))}`;
  const bits = alignedBits(value, mask);
  const unsigned = umin !== 0n || umax !== U64_MAX;
  const signed = smin !== S64_MIN || smax !== S64_MAX;
  if (unsigned && umax <= S64_MAX) return `a number from ${decimal(umin)} to ${decimal(umax)}${bits}`;
  if (signed) return `a signed number from ${decimal(smin)} to ${decimal(smax)}${bits}`;
  if (unsigned) return `an unsigned number from ${decimal(umin)} to ${decimal(umax)}${bits}`;
  if (u32Max !== 0xffffffffn) return `any number whose lower 32 bits are at most ${decimal(u32Max)}${bits}`;
  return `any 64-bit number${bits}`;
}

/** Lowest bits that are known to be 0. */
function alignedBits(value: bigint, mask: bigint): string {
  let bits = 0n;
  while (bits < 16n && (((value | mask) >> bits) & 1n) === 0n) bits++;
  return bits === 0n ? '' : `, a multiple of ${1n << bits}`;
}

function decimal(value: bigint): string {
  return value > 0xffffffffn || value < -0xffffffffn
    ? `${value < 0n ? '-' : ''}0x${abs(value).toString(16)}`
    : `${value}`;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** What a pointer points to, ignoring that it may be NULL. */
function pointeeOf(walk: Walk, words: Int32Array, o: number): string {
  const type = words[o + TYPE]!;
  const where = offsetText(words, o);
  if (isPacketPointer(type)) return packetMeaning(words, o, where);
  switch (baseType(type)) {
    case PTR_TO_CTX:
      return `the context${where}`;
    case CONST_PTR_TO_MAP:
      return `the map ${mapName(walk, words, o)}`;
    case PTR_TO_MAP_VALUE:
      return `a value of map ${mapName(walk, words, o)} (${walk.mapOf(words[o + AUX]!).info.valueSize} bytes)${where}`;
    case PTR_TO_MAP_KEY:
      return `a key of map ${mapName(walk, words, o)} (${walk.mapOf(words[o + AUX]!).info.keySize} bytes)${where}`;
    case PTR_TO_STACK:
      return stackMeaning(words, o);
    case PTR_TO_PACKET_END:
      return 'the end of the packet (data_end)';
    case PTR_TO_MEM:
      return `memory of ${words[o + AUX]! >>> 0} bytes${where}`;
    case PTR_TO_BTF_ID:
      return `the kernel's struct ${walk.btfOf(words[o + AUX]!).nameOf(words[o + AUX2]!)}${where}`;
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      return `a socket${where}`;
    case PTR_TO_FLOW_KEYS:
      return `the flow keys${where}`;
    case PTR_TO_FUNC:
      return 'a function of the program';
    default:
      return `a buffer of the kernel${where}`;
  }
}

function mapName(walk: Walk, words: Int32Array, o: number): string {
  const { name } = walk.mapOf(words[o + AUX]!).info;
  return name === '' ? '(without a name)' : name;
}

/** `, 4 bytes from its start`; '' at the start. */
function offsetText(words: Int32Array, o: number): string {
  const off = BigInt(words[o + OFF]!);
  if (tnumIsConst(words, o)) {
    const total = off + BigInt.asIntN(64, viewScalar(words, o).value);
    return total === 0n ? '' : `, ${decimal(total)} bytes from its start`;
  }
  const { smin, smax, umin, umax } = viewScalar(words, o);
  if (umax <= S64_MAX) return `, ${decimal(umin + off)} to ${decimal(umax + off)} bytes from its start`;
  return `, ${decimal(smin + off)} to ${decimal(smax + off)} bytes from its start`;
}

function stackMeaning(words: Int32Array, o: number): string {
  const whose = words[o + FRAMENO] === 0 ? '' : ` of frame ${words[o + FRAMENO]}`;
  const { value, smin, smax } = viewScalar(words, o);
  const off = BigInt(words[o + OFF]!);
  if (!tnumIsConst(words, o)) return `the stack${whose}, from fp${sign(smin + off)} to fp${sign(smax + off)}`;
  const at = off + BigInt.asIntN(64, value);
  return at === 0n ? `the top of the stack${whose} (fp)` : `the stack${whose} at fp${sign(at)}`;
}

function sign(value: bigint): string {
  return value < 0n ? formatSigned(value) : `+${formatUnsigned(value)}`;
}

function packetMeaning(words: Int32Array, o: number, where: string): string {
  const range = words[o + AUX]!;
  const what = words[o + TYPE] === PTR_TO_PACKET ? 'the packet' : "the packet's metadata";
  if (range < 0) return `${what}${where}, at or behind its end`;
  // A range counts from where the pointer's fixed offset counts from.
  const proven =
    range === 0
      ? 'no byte of it proven to exist'
      : `the first ${range === 1 ? 'byte' : `${range} bytes`} ${tnumIsConst(words, o) ? '' : 'from its variable offset '}proven to exist`;
  return `${what}${where}, ${proven}`;
}
