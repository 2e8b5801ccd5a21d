/**
 * Checksum helpers (net/core/filter.c, include/net/checksum.h). Sums are kept as the kernel keeps them: 32-bit ones-complement
 * sums of little-endian words, which is the byte-swapped Internet checksum (RFC 1071, section 2.B). Simulated packets carry no
 * checksum of the device (CHECKSUM_NONE).
 */
import { Errno } from '../base/errno.ts';
import {
  type FamilyMaker,
  type HighHalf,
  type Implementation,
  plain,
  wideInt,
  wideU32,
} from './implementation.ts';
import { PacketWindow } from './packet-window.ts';

const BPF_F_HDR_FIELD_MASK = 0xf;
const BPF_F_PSEUDO_HDR = 1 << 4;
const BPF_F_MARK_MANGLED_0 = 1 << 5;
const BPF_F_MARK_ENFORCE = 1 << 6;
const BPF_F_IPV6 = 1 << 7;
const L4_FLAGS =
  BPF_F_HDR_FIELD_MASK | BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_IPV6;

/** What a UDP header holds instead of a checksum of zero (RFC 768). */
const CSUM_MANGLED_0 = 0xffff;
/** MAX_BPF_STACK: most bytes of both buffers of bpf_csum_diff. */
const MAX_DIFF_BYTES = 512;
const MAX_OFFSET = 0xffff;

const BPF_CSUM_LEVEL_QUERY = 0;
const BPF_CSUM_LEVEL_RESET = 3;

/** Checksums of headers after changes. */
export const checksumHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;
  const window = new PacketWindow(runtime);

  /** Updates the 16-bit checksum at an offset of the packet. */
  const replace = (
    offset: number,
    fromLo: number,
    fromHi: number,
    toLo: number,
    flags: number,
    l4: boolean,
  ): number => {
    const at = window.data + (offset >>> 0);
    const old = memory.view.getUint16(at, true);
    const keepsZero = (flags & (BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE)) === BPF_F_MARK_MANGLED_0;
    if (keepsZero && old === 0) return 0;
    const sum = replaced(old, fromLo, fromHi, toLo, flags & BPF_F_HDR_FIELD_MASK, l4);
    if (sum < 0) return sum;
    const mangled = sum === 0 && (flags & BPF_F_MARK_MANGLED_0) !== 0;
    memory.view.setUint16(at, mangled ? CSUM_MANGLED_0 : sum, true);
    return 0;
  };

  const replacer = (helper: string, allowed: number): Implementation =>
    plain((_context, offset, _offsetHi, fromLo, fromHi, toLo, _toHi, flagsLo, flagsHi) => {
      window.open('skb', helper);
      if ((flagsLo & ~allowed) !== 0 || flagsHi !== 0) return -Errno.EINVAL;
      if (offset >>> 0 > MAX_OFFSET || (offset & 1) !== 0) return -Errno.EFAULT;
      if ((offset >>> 0) + 2 > window.length) return -Errno.EFAULT;
      return replace(offset, fromLo, fromHi, toLo, flagsLo, allowed === L4_FLAGS);
    });

  return {
    bpf_l3_csum_replace: replacer('bpf_l3_csum_replace', BPF_F_HDR_FIELD_MASK),
    bpf_l4_csum_replace: replacer('bpf_l4_csum_replace', L4_FLAGS),

    // The sum of `to` less that of `from`, onto a seed.
    bpf_csum_diff: plain((from, fromSize, to, toSize, seed) =>
      difference(memory.view, result, from >>> 0, fromSize >>> 0, to >>> 0, toSize >>> 0, seed),
    ),

    bpf_csum_update: plain(() => wideInt(result, -Errno.ENOTSUPP)),
    bpf_csum_level: plain((_context, level, levelHi) => {
      if (levelHi !== 0 || level < 0 || level > BPF_CSUM_LEVEL_RESET) return -Errno.EINVAL;
      return level === BPF_CSUM_LEVEL_QUERY ? -Errno.EACCES : 0;
    }),
  };
};

function difference(
  view: DataView,
  result: HighHalf,
  from: number,
  fromSize: number,
  to: number,
  toSize: number,
  seed: number,
): number {
  if (((fromSize | toSize) & 3) !== 0 || fromSize + toSize > MAX_DIFF_BYTES)
    return wideInt(result, -Errno.EINVAL);
  let sum = seed >>> 0;
  for (let i = 0; i < fromSize; i += 4) sum = add32(sum, ~view.getInt32(from + i, true) >>> 0);
  for (let i = 0; i < toSize; i += 4) sum = add32(sum, view.getUint32(to + i, true));
  return wideU32(result, sum);
}

/** The new checksum, or -EINVAL for a field size that there is not (0 stands for a ready difference). */
function replaced(
  old: number,
  fromLo: number,
  fromHi: number,
  toLo: number,
  size: number,
  l4: boolean,
): number {
  if (size === 0) {
    if ((fromLo | fromHi) !== 0) return -Errno.EINVAL;
    return fold(add32(toLo >>> 0, ~old >>> 0));
  }
  if (size === 4) return replaced32(old, fromLo, toLo);
  if (size !== 2) return -Errno.EINVAL;
  const [from, to] = [fromLo & 0xffff, toLo & 0xffff];
  // The two ways agree but for the two zeros of ones-complement numbers.
  return l4 ? replaced32(old, from, to) : replaced16(old, from, to);
}

/** csum_replace2. */
function replaced16(old: number, from: number, to: number): number {
  return ~add16(add16(~old & 0xffff, ~from & 0xffff), to) & 0xffff;
}

/** csum_replace4. */
function replaced32(old: number, from: number, to: number): number {
  return fold(add32(add32(~old >>> 0, ~from >>> 0), to >>> 0));
}

/** Ones-complement sum of unsigned 32-bit numbers. */
function add32(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? (sum + 1) >>> 0 : sum;
}

function add16(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffff ? (sum + 1) & 0xffff : sum;
}

/** The checksum field of a 32-bit sum (csum_fold). */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  const twice = (once & 0xffff) + (once >>> 16);
  return ~twice & 0xffff;
}
