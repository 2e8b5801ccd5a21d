/**
 * Stores to the stack. A register that is stored whole can be read back as what it was.
 * Source: check_stack_write_fixed_off, check_stack_write_var_off, save_register_state in kernel/bpf/verifier.c.
 */
import {
  isConstNumber,
  REG_WORDS,
  SMAX_LO,
  SMIN_LO,
  signedNumber,
  tnumIsConst,
  unsignedWidth,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import { linkBeforeMove } from '../insns/alu.ts';
import { markPrecise } from '../precision/chain.ts';
import { stackAccess } from '../precision/history.ts';
import { CLASS_ST, classOf, MODE_MEM, modeOf } from '../program.ts';
import type { Frame } from '../state/frame.ts';
import {
  FIRST_SLOT,
  ID,
  isSpill,
  markWritten,
  OFF,
  regAt,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  setSlotKind,
  setSlotKinds,
  slotAt,
  slotKind,
  TYPE,
} from '../state/layout.ts';
import { copyRegister, isNull, markRegKnown } from '../state/reg.ts';
import { isSpillable, NOT_INIT, PTR_TO_STACK, SCALAR_VALUE } from '../state/reg-type.ts';
import { checkFastcallContract } from '../structure/fastcall.ts';
import { constOffset } from './bounds.ts';
import { byteOf, nextSlot, scrubSpill, slotOf, stackFrame } from './stack.ts';

/** A store of register `value`, or of something else (-1): an immediate, or bytes that nobody knows. Bounds have been checked. */
export function writeStack(env: Env, reg: number, off: number, size: number, value: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const frame = stackFrame(env, reg);
  if (tnumIsConst(words, o)) writeFixed(env, frame, off + constOffset(words, o), size, value);
  else writeVariable(env, frame, reg, off, size, value);
}

/** The current instruction stores an immediate. */
function isImmediateStore(env: Env): boolean {
  const code = env.program.code[env.insn]!;
  return classOf(code) === CLASS_ST && modeOf(code) === MODE_MEM;
}

function writeFixed(env: Env, frame: Frame, off: number, size: number, value: number): void {
  const spi = slotOf(off);
  checkFastcallContract(env, frame.subprog, env.insn, off);
  env.scratchSlot(spi);
  const { words } = env.frame;
  const aligned = (off & 7) === 0;
  const v = regAt(value);
  if (value >= 0 && aligned && words[v + TYPE] === SCALAR_VALUE) {
    const fits = unsignedWidth(words, v) <= 8 * size;
    if (fits) linkBeforeMove(env, words, v);
    save(frame, spi, words, v, size);
    // Cut off, it is not the same number any more.
    if (!fits) frame.words[slotAt(frame.words, spi) + ID] = 0;
  } else if (value < 0 && aligned && isImmediateStore(env)) {
    const { fake } = env;
    fake.fill(0, 0, REG_WORDS);
    markRegKnown(fake, 0, env.program.imm[env.insn]!, env.program.imm[env.insn]! >> 31);
    fake[TYPE] = SCALAR_VALUE;
    save(frame, spi, fake, 0, size);
  } else if (value >= 0 && isSpillable(words[v + TYPE]!)) spillPointer(env, frame, spi, value, size);
  else {
    writeBytes(env, frame, off, size, value);
    return;
  }
  env.history.push(env.state, env.insn, env.prevInsn, stackAccess(frame.frameno, spi));
}

function spillPointer(env: Env, frame: Frame, spi: number, value: number, size: number): void {
  const { words } = env.frame;
  if (size !== 8) {
    env.observer?.source?.(env.insn, '; ');
    env.reject('partial-spill', EACCES, 'invalid size of register spill');
  }
  // It would dangle once the callee has returned.
  if (frame !== env.frame && words[regAt(value) + TYPE] === PTR_TO_STACK)
    env.reject(
      'stack-pointer-escapes',
      EINVAL,
      'cannot spill pointers to stack into stack frame of the caller',
    );
  save(frame, spi, words, regAt(value), size);
}

/** The slot holds this register, or its lower `size` bytes (save_register_state). */
function save(frame: Frame, spi: number, source: Int32Array, s: number, size: number): void {
  const { words } = frame;
  copyRegister(words, slotAt(words, spi), source, s);
  if (size === 8) {
    markWritten(words, FIRST_SLOT + spi);
    setSlotKinds(words, spi, STACK_SPILL);
    return;
  }
  for (let i = 7; i >= 8 - size; i--) setSlotKind(words, spi, i, STACK_SPILL);
  for (let i = 7 - size; i >= 0; i--) {
    const kind = slotKind(words, spi, i);
    if (kind !== STACK_ZERO && kind !== STACK_INVALID) setSlotKind(words, spi, i, STACK_MISC);
  }
}

/** Bytes that are no register: zero, or anything. */
function writeBytes(env: Env, frame: Frame, off: number, size: number, value: number): void {
  const { words } = frame;
  const spi = slotOf(off);
  forgetSpill(words, spi);
  if (size === 8) markWritten(words, FIRST_SLOT + spi);
  const zero =
    value >= 0
      ? isNull(env.frame.words, regAt(value))
      : isImmediateStore(env) && env.program.imm[env.insn] === 0;
  if (zero && value >= 0) markPrecise(env, value);
  for (let i = 0; i < size; i++) setSlotKind(words, spi, byteOf(off + i), zero ? STACK_ZERO : STACK_MISC);
}

/** A helper fills `size` bytes that `reg` points to, at an offset that is known; the bounds have been checked. */
export function fillStack(env: Env, reg: number, size: number): void {
  const o = regAt(reg);
  const { words } = stackFrame(env, reg);
  const least = env.frame.words[o + OFF]! + constOffset(env.frame.words, o);
  const end = least + size;
  checkFastcallContract(env, stackFrame(env, reg).subprog, env.insn, least);
  for (let at = least; at < end; at = nextSlot(at)) {
    const spi = slotOf(at);
    const last = Math.min(nextSlot(at), end) - 1;
    env.scratchSlot(spi);
    forgetSpill(words, spi);
    for (let i = byteOf(at); i >= byteOf(last); i--) setSlotKind(words, spi, i, STACK_MISC);
  }
}

/** The slot no longer holds a register (scrub_special_slot). */
function forgetSpill(words: Int32Array, spi: number): void {
  words[slotAt(words, spi) + TYPE] = NOT_INIT;
  if (isSpill(words, spi)) scrubSpill(words, spi);
}

/** Any of several bytes is written: those that may be are misc, or stay zero if zero is written. */
function writeVariable(env: Env, frame: Frame, reg: number, off: number, size: number, value: number): void {
  const pointer = env.frame.words;
  const o = regAt(reg);
  const least = signedNumber(pointer, o + SMIN_LO) + off;
  const end = signedNumber(pointer, o + SMAX_LO) + off + size;
  const zero =
    value >= 0 ? isNull(pointer, regAt(value)) : isImmediateStore(env) && env.program.imm[env.insn] === 0;
  checkFastcallContract(env, frame.subprog, env.insn, least);
  const { words } = frame;
  let zeroUsed = false;
  for (let at = least; at < end; at++) {
    const spi = slotOf(at);
    const byte = byteOf(at);
    env.scratchSlot(spi);
    const kind = slotKind(words, spi, byte);
    const record = slotAt(words, spi);
    const spilledZero =
      isSpill(words, spi) && words[record + TYPE] === SCALAR_VALUE && isConstNumber(words, record, 0);
    if (zero && kind === STACK_SPILL && spilledZero) {
      zeroUsed = true;
      continue;
    }
    forgetSpill(words, spi);
    const staysZero = zero && slotKind(words, spi, byte) === STACK_ZERO;
    if (staysZero) zeroUsed = true;
    setSlotKind(words, spi, byte, staysZero ? STACK_ZERO : STACK_MISC);
  }
  if (zeroUsed && value >= 0) markPrecise(env, value);
}
