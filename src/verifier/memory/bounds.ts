/**
 * Offset and size against the end of what is pointed to: the checks that all kinds of memory share.
 * Source: __check_mem_access, check_mem_region_access, __check_ptr_off_reg, check_ptr_alignment, __check_buffer_access in
 * kernel/bpf/verifier.c.
 */
import {
  formatTnum,
  SMIN_LO,
  signedNumber,
  tnumIsAligned,
  UMAX_LO,
  unsignedNumber,
  VAR_MASK_HI,
  VAR_MASK_LO,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES } from '../errors.ts';
import type { BufferKind } from '../input.ts';
import { MAX_VAR_OFF } from '../limits.ts';
import { regTypeName } from '../log/type-names.ts';
import { AUX, ID, OFF, regAt, TYPE } from '../state/layout.ts';
import {
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from '../state/reg-type.ts';

/** Whether `size` bytes at `off` lie in a region of `limit` bytes; an empty access is one only where allowed. */
function fits(off: number, size: number, limit: number, emptyAllowed: boolean): boolean {
  return off >= 0 && (size > 0 || (size === 0 && emptyAllowed)) && off + size <= limit;
}

/** The message about an access outside of a region; C prints its numbers as ints. */
function outsideText(env: Env, reg: number, off: number, size: number, limit: number): string {
  const { words } = env.frame;
  const o = regAt(reg);
  const at = off | 0;
  switch (words[o + TYPE]) {
    case PTR_TO_MAP_KEY:
      return `invalid access to map key, key_size=${limit} off=${at} size=${size}`;
    case PTR_TO_MAP_VALUE:
      return `invalid access to map value, value_size=${limit} off=${at} size=${size}`;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      return `invalid access to packet, off=${at} size=${size}, R${reg}(id=${words[o + ID]},off=${at},r=${limit})`;
    default:
      return `invalid access to memory, mem_size=${limit >>> 0} off=${at} size=${size}`;
  }
}

const NEGATIVE = 'min value is negative, either use unsigned index or do a if (index >=0) check.';

/** A fixed and a variable offset into a region: least and greatest must both fit (check_mem_region_access). */
export function checkRegion(
  env: Env,
  reg: number,
  off: number,
  size: number,
  limit: number,
  emptyAllowed: boolean,
): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const least = signedNumber(words, o + SMIN_LO) + off;
  if (least - off < 0 && (least < 0 || least !== (least | 0)))
    env.reject('negative-offset', EACCES, `R${reg} ${NEGATIVE}`);
  // As in the kernel, cut to 32 bits: what is lost is noticed below, as an unbounded access.
  if (!fits(least | 0, size, limit, emptyAllowed)) {
    env.print(`${outsideText(env, reg, least, size, limit)}\n`);
    env.reject('out-of-bounds', EACCES, `R${reg} min value is outside of the allowed memory range`);
  }
  const greatest = unsignedNumber(words, o + UMAX_LO);
  if (greatest >= MAX_VAR_OFF)
    env.reject(
      'unbounded-offset',
      EACCES,
      `R${reg} unbounded memory access, make sure to bounds check any such access`,
    );
  if (!fits(greatest + off, size, limit, emptyAllowed)) {
    env.print(`${outsideText(env, reg, greatest + off, size, limit)}\n`);
    env.reject('out-of-bounds', EACCES, `R${reg} max value is outside of the allowed memory range`);
  }
}

/** A packet pointer's range was found by comparing it with the packet's end (check_packet_access). */
export function checkPacket(env: Env, reg: number, off: number, size: number, emptyAllowed: boolean): void {
  const { words } = env.frame;
  const o = regAt(reg);
  if (signedNumber(words, o + SMIN_LO) < 0) env.reject('negative-offset', EACCES, `R${reg} ${NEGATIVE}`);
  const range = words[o + AUX]!;
  if (range >= 0 && fits(off, size, range, emptyAllowed)) return;
  if (range >= 0) env.print(`${outsideText(env, reg, off, size, range)}\n`);
  env.reject('packet-out-of-bounds', range < 0 ? 22 : EACCES, `R${reg} offset is outside of the packet`);
}

/** The pointer must be as it was given: no variable offset, and no fixed one unless `fixedAllowed`. */
export function checkUnmodified(env: Env, words: Int32Array, reg: number, fixedAllowed: boolean): void {
  const o = regAt(reg);
  const off = words[o + OFF]!;
  if (off >= 0 && (fixedAllowed || off === 0) && isZero(words, o)) return;
  const name = regTypeName(words[o + TYPE]!);
  if (off < 0)
    env.reject('modified-pointer', EACCES, `negative offset ${name} ptr R${reg} off=${off} disallowed`);
  if (!fixedAllowed && off !== 0)
    env.reject(
      'modified-pointer',
      EACCES,
      `dereference of modified ${name} ptr R${reg} off=${off} disallowed`,
    );
  env.reject(
    'modified-pointer',
    EACCES,
    `variable ${name} access var_off=${formatTnum(words, o)} disallowed`,
  );
}

/** The variable part of the offset is known to be 0. */
export function isZero(words: Int32Array, o: number): boolean {
  return (
    (words[o + VAR_VALUE_LO]! |
      words[o + VAR_VALUE_HI]! |
      words[o + VAR_MASK_LO]! |
      words[o + VAR_MASK_HI]!) ===
    0
  );
}

/** Buffers take fixed offsets only; how far they reach is checked when the program attaches. */
export function checkBuffer(env: Env, what: BufferKind, reg: number, off: number, size: number): void {
  const { words } = env.frame;
  if (off < 0)
    env.reject('negative-offset', EACCES, `R${reg} invalid ${what} buffer access: off=${off}, size=${size}`);
  if (!isZero(words, regAt(reg)))
    env.reject(
      'variable-offset',
      EACCES,
      `R${reg} invalid variable buffer offset: off=${off}, var_off=${formatTnum(words, regAt(reg))}`,
    );
  env.bufferBytes[what] = Math.max(env.bufferBytes[what], off + size);
}

/** What messages about alignment call the memory. */
const ALIGNED: Readonly<Record<number, string>> = {
  [PTR_TO_FLOW_KEYS]: 'flow keys ',
  [PTR_TO_MAP_KEY]: 'key ',
  [PTR_TO_MAP_VALUE]: 'value ',
  [PTR_TO_CTX]: 'context ',
  [PTR_TO_STACK]: 'stack ',
  [PTR_TO_SOCKET]: 'sock ',
  [PTR_TO_SOCK_COMMON]: 'sock_common ',
  [PTR_TO_TCP_SOCK]: 'tcp_sock ',
  [PTR_TO_XDP_SOCK]: 'xdp_sock ',
};

const scratch = new Int32Array(16);

/** Bytes that network drivers put in front so that the IP header is aligned. */
const NET_IP_ALIGN = 2;

/** Access aligned to its size, where that is asked for, and always on the stack (check_ptr_alignment). */
export function checkAlignment(
  env: Env,
  words: Int32Array,
  o: number,
  off: number,
  size: number,
  strictOnce: boolean,
): void {
  const type = words[o + TYPE]!;
  const strict = env.strictAlignment || strictOnce || type === PTR_TO_STACK;
  if (!strict || size === 1 || type === PTR_TO_ARENA) return;
  const packet = type === PTR_TO_PACKET || type === PTR_TO_PACKET_META;
  const fixed = words[o + OFF]! + off + (packet ? NET_IP_ALIGN : 0);
  if (isAligned(words, o, fixed, size)) return;
  const place = `${formatTnum(words, o)}+${words[o + OFF]}+${off} size ${size}`;
  env.reject(
    'misaligned',
    EACCES,
    packet
      ? `misaligned packet access off ${NET_IP_ALIGN}+${place}`
      : `misaligned ${ALIGNED[type] ?? ''}access off ${place}`,
  );
}

/** Whether variable plus fixed offset has no bit below the size: the sum of the known bits, if no unknown bit is below. */
function isAligned(words: Int32Array, o: number, fixed: number, size: number): boolean {
  if ((words[o + VAR_MASK_LO]! & (size - 1)) !== 0) return false;
  scratch[VAR_VALUE_LO] = (words[o + VAR_VALUE_LO]! + fixed) | 0;
  scratch[VAR_MASK_LO] = 0;
  return tnumIsAligned(scratch, 0, size);
}

/** The offset of a register whose variable part is a constant. */
export function constOffset(words: Int32Array, o: number): number {
  return signedNumber(words, o + VAR_VALUE_LO);
}
