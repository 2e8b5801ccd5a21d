/**
 * The stack: where an access lies, and the walk's picture of each byte there. Reads and writes at fixed offsets see spilled registers;
 * those at variable offsets only kinds of bytes. Source: check_stack_access_within_bounds, check_stack_read_fixed_off,
 * check_stack_read_var_off, check_stack_range_initialized in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import {
  formatTnum,
  isConstNumber,
  SMAX_LO,
  SMIN_LO,
  signedNumber,
  tnumIsConst,
  unsignedWidth,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import { MAX_STACK, MAX_VAR_OFF } from '../limits.ts';
import { stackAccess } from '../precision/history.ts';
import { markRead } from '../registers/liveness.ts';
import type { Frame } from '../state/frame.ts';
import {
  FIRST_SLOT,
  FRAMENO,
  isSpill,
  markWritten,
  regAt,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  setSlotKind,
  setSlotKinds,
  slotAt,
  slotKind,
  slotKinds,
  TYPE,
} from '../state/layout.ts';
import { clearScalarId, copyRegister, markRegConstZero, markRegUnknown } from '../state/reg.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import { checkFastcallContract } from '../structure/fastcall.ts';
import { constOffset } from './bounds.ts';

/** The frame whose stack a register points into. */
export function stackFrame(env: Env, reg: number): Frame {
  return env.state.frames[env.frame.words[regAt(reg) + FRAMENO]!]!;
}

/** The slot of a byte, by its offset from fp. */
export function slotOf(off: number): number {
  return (-off - 1) >> 3;
}

/** Number of a byte in its slot. */
export function byteOf(off: number): number {
  return (-off - 1) & 7;
}

/** Offset of the first byte that is not in the slot of this one any more. */
export function nextSlot(off: number): number {
  return (off | 7) + 1;
}

/** What an access is for, as messages say it. */
export type StackUse = 'read' | 'write' | 'helper';

const USE_TEXT: Readonly<Record<StackUse, string>> = {
  read: ' read from',
  write: ' write to',
  helper: ' indirect access to',
};

/** Refuses accesses outside of the 512 bytes; makes the picture of the stack as deep as the access. */
export function checkStackBounds(env: Env, reg: number, off: number, size: number, use: StackUse): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const fixed = tnumIsConst(words, o);
  const smin = signedNumber(words, o + SMIN_LO);
  const smax = signedNumber(words, o + SMAX_LO);
  if (!fixed && (smax >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF))
    env.reject('unbounded-offset', EACCES, `invalid unbounded variable-offset${USE_TEXT[use]} stack R${reg}`);
  const least = (fixed ? constOffset(words, o) : smin) + off;
  const end = (fixed ? least : smax + off) + size;
  let errno = 0;
  if (least < -MAX_STACK || least > -1) errno = EACCES;
  else if (end > 0) errno = EINVAL;
  else if (size < 0) errno = Errno.EFAULT;
  if (errno !== 0) {
    const what = fixed
      ? `invalid${USE_TEXT[use]} stack R${reg} off=${off} size=${size}`
      : `invalid variable-offset${USE_TEXT[use]} stack R${reg} var_off=${formatTnum(words, o)} off=${off} size=${size}`;
    env.reject('stack-out-of-bounds', errno, what);
  }
  growStack(env, stackFrame(env, reg), -least);
}

function growStack(env: Env, frame: Frame, bytes: number): void {
  const slots = (bytes + 7) >> 3;
  if (slots <= frame.slots) return;
  frame.grow(slots);
  const subprog = env.subprogs[frame.subprog]!;
  if (subprog.stackDepth < 8 * slots) subprog.stackDepth = 8 * slots;
}

/** A load from the stack into `target`, or a check that it could be loaded (-1). The bounds have been checked. */
export function readStack(env: Env, reg: number, off: number, size: number, target: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const frame = stackFrame(env, reg);
  if (tnumIsConst(words, o)) {
    readFixed(env, frame, off + constOffset(words, o), size, target);
    return;
  }
  if (target < 0)
    env.reject(
      'variable-offset',
      EACCES,
      `variable offset stack pointer cannot be passed into helper function; var_off=${formatTnum(words, o)} off=${off} size=${size}`,
    );
  checkStackRange(env, reg, off, size, 'direct');
  const least = signedNumber(words, o + SMIN_LO) + off;
  const greatest = signedNumber(words, o + SMAX_LO) + off;
  readBytes(env, frame, least, greatest + size, target);
  checkFastcallContract(env, frame.subprog, env.insn, least);
}

function readFixed(env: Env, frame: Frame, off: number, size: number, target: number): void {
  const spi = slotOf(off);
  const { words } = frame;
  env.scratchSlot(spi);
  checkFastcallContract(env, env.frame.subprog, env.insn, off);
  let spilled = false;
  if (!isSpill(words, spi)) {
    checkReadable(env, words, spi, off, size);
    markRead(env, words, FIRST_SLOT + spi, true);
    if (target >= 0) readBytes(env, frame, off, off + size, target);
  } else spilled = readSpill(env, words, spi, off, size, target);
  if (spilled) env.history.push(env.state, env.insn, env.prevInsn, stackAccess(frame.frameno, spi));
}

/** Bytes of a spilled register. True if the result came from it, so that backtracking goes on there. */
function readSpill(
  env: Env,
  words: Int32Array,
  spi: number,
  off: number,
  size: number,
  target: number,
): boolean {
  const o = slotAt(words, spi);
  const spillSize = spilledBytes(words, spi);
  const targetWords = env.frame.words;
  const t = regAt(target);
  if (size === 8 && spillSize === 8) {
    if (target >= 0) {
      copyRegister(targetWords, t, words, o);
      markWritten(targetWords, target);
    }
    markRead(env, words, FIRST_SLOT + spi, true);
    return true;
  }
  if (words[o + TYPE] !== SCALAR_VALUE) {
    env.observer?.source?.(env.insn, '; ');
    env.reject('partial-fill', EACCES, 'invalid size of register fill');
  }
  markRead(env, words, FIRST_SLOT + spi, true);
  if (target < 0) return false;
  let spilled = true;
  if (size <= spillSize && (off & 7) === 0) {
    copyRegister(targetWords, t, words, o);
    if (unsignedWidth(targetWords, t) > size * 8) clearScalarId(targetWords, t);
  } else spilled = readParts(env, words, spi, off, size, target);
  markWritten(targetWords, target);
  return spilled;
}

/** A read that is not the start of a spill: zero if all of it is, else anything. */
function readParts(
  env: Env,
  words: Int32Array,
  spi: number,
  off: number,
  size: number,
  target: number,
): boolean {
  const t = regAt(target);
  let spills = 0;
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    const kind = slotKind(words, spi, byteOf(off + i));
    if (kind === STACK_SPILL) spills++;
    else if (kind === STACK_ZERO) zeros++;
  }
  if (spills === size && isConstNumber(words, slotAt(words, spi), 0)) {
    markRegConstZero(env.frame.words, t);
    return true;
  }
  if (zeros === size) markRegConstZero(env.frame.words, t);
  else markRegUnknown(env.frame.words, t);
  return false;
}

/** Bytes of the register that are in the slot. */
function spilledBytes(words: Int32Array, spi: number): number {
  return Math.clz32(slotKinds(words, spi) ^ ALL_SPILL) >> 2;
}

/** Upper bytes of a slot that ends in no spill can still be none: all that may be read is misc, zero and uninitialized. */
function checkReadable(env: Env, words: Int32Array, spi: number, off: number, size: number): void {
  for (let i = 0; i < size; i++)
    if (slotKind(words, spi, byteOf(off + i)) === STACK_SPILL)
      env.reject('invalid-stack-read', EACCES, `invalid read from stack off ${off}+${i} size ${size}`);
}

/** The result of reading any bytes from `least` up to `end`: 0 if all are zero, else anything (mark_reg_stack_read). */
function readBytes(env: Env, frame: Frame, least: number, end: number, target: number): void {
  let zeros = 0;
  for (let off = least; off < end; off++) {
    env.scratchSlot(slotOf(off));
    if (slotKind(frame.words, slotOf(off), byteOf(off)) !== STACK_ZERO) break;
    zeros++;
  }
  const { words } = env.frame;
  const t = regAt(target);
  if (zeros === end - least) markRegConstZero(words, t);
  else markRegUnknown(words, t);
  markWritten(words, target);
}

/** What a helper will do with a range of the stack. */
export interface RawAccess {
  /** The helper fills the memory: it need not be initialized. */
  raw: boolean;
  /** The range that the helper may write, to be marked once all arguments are checked. */
  size: number;
  reg: number;
}

/**
 * A range of the stack is readable; if a helper gets it, it may also write it, so that nothing is known afterwards
 * (check_stack_range_initialized).
 */
export function checkStackRange(
  env: Env,
  reg: number,
  off: number,
  size: number,
  source: 'direct' | 'helper',
  access?: RawAccess,
): void {
  const helper = source === 'helper';
  checkStackBounds(env, reg, off, size, helper ? 'helper' : 'read');
  const { words } = env.frame;
  const o = regAt(reg);
  const fixed = tnumIsConst(words, o);
  const least = off + (fixed ? constOffset(words, o) : signedNumber(words, o + SMIN_LO));
  const greatest = fixed ? least : off + signedNumber(words, o + SMAX_LO);
  if (fixed && access?.raw === true) {
    access.size = size;
    access.reg = reg;
    return;
  }
  const frame = stackFrame(env, reg);
  const end = greatest + size;
  for (let at = least; at < end; at = nextSlot(at)) {
    const spi = slotOf(at);
    const last = Math.min(nextSlot(at), end) - 1;
    if (slotKinds(frame.words, spi) !== ALL_MISC)
      for (let i = byteOf(at); i >= byteOf(last); i--) touchByte(env, frame.words, spi, i, helper);
    markRead(env, frame.words, FIRST_SLOT + spi, true);
  }
}

/** Kinds of a slot of any bytes, and of one that holds a whole register. */
const ALL_MISC = STACK_MISC * 0x11111111;
const ALL_SPILL = STACK_SPILL * 0x11111111;

/** One byte of a range: all kinds may be read; if it may be written too, its value is forgotten. */
function touchByte(env: Env, words: Int32Array, spi: number, byte: number, clobber: boolean): void {
  const kind = slotKind(words, spi, byte);
  if (kind === STACK_MISC) return;
  if (kind === STACK_ZERO || kind === STACK_INVALID) {
    if (clobber) setSlotKind(words, spi, byte, STACK_MISC);
    return;
  }
  if (!isSpill(words, spi))
    env.reject('verifier-bug', Errno.EFAULT, 'verifier bug: a spill without its lowest byte');
  if (!clobber) return;
  markRegUnknown(words, slotAt(words, spi));
  scrubSpill(words, spi);
}

/** A spill that is no longer whole: its bytes are misc (scrub_spilled_slot). */
export function scrubSpill(words: Int32Array, spi: number): void {
  if (slotKinds(words, spi) === ALL_SPILL) setSlotKinds(words, spi, STACK_MISC);
  else
    for (let i = 0; i < 8; i++)
      if (slotKind(words, spi, i) !== STACK_INVALID) setSlotKind(words, spi, i, STACK_MISC);
}
