/**
 * Liveness: a checkpoint learns which of its registers and slots some path read before writing them. Only those matter when another
 * state is compared with it. A read travels up the chain of checkpoints until a write screens it off.
 * Source: mark_reg_read, __check_reg_arg, is_reg64 in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import {
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_STX,
  classOf,
  OP_CALL,
  OP_END,
  opOf,
  PSEUDO_CALL,
  sizeOf,
} from '../program.ts';
import {
  FP,
  isWritten,
  markWritten,
  READ32,
  READ64,
  REGISTERS,
  regAt,
  TYPE,
  WRITTEN,
} from '../state/layout.ts';
import { parentOf, recordOf } from '../state/pool.ts';
import { markRegUnknown } from '../state/reg.ts';
import { NOT_INIT, SCALAR_VALUE } from '../state/reg-type.ts';

/** A register or slot is read, all of it or its lower half: the checkpoints that it comes from learn of it (mark_reg_read). */
export function markRead(env: Env, words: Int32Array, record: number, whole: boolean): void {
  if (!isWritten(words, record)) markAncestors(env, parentOf(words, record), whole);
}

/** A read travels up: this record was read before anything was written to it, and so were those that it comes from. */
export function markAncestors(env: Env, first: number, whole: boolean): void {
  let steps = 0;
  for (let ancestor = first; ancestor !== 0; steps++) {
    const { words, finished } = env.pool.frameOf(ancestor);
    if (finished) env.reject('verifier-bug', Errno.EFAULT, 'verifier BUG: a finished checkpoint is read');
    const record = recordOf(ancestor);
    const word = record >> 5;
    const bit = 1 << (record & 31);
    // Marked already: then all further ancestors are too.
    if (((words[READ64 + word]! | (whole ? 0 : words[READ32 + word]!)) & bit) !== 0) break;
    words[(whole ? READ64 : READ32) + word]! |= bit;
    if (whole) words[READ32 + word]! &= ~bit;
    ancestor = (words[WRITTEN + word]! & bit) === 0 ? parentOf(words, record) : 0;
  }
  if (steps > env.longestMarkRead) env.longestMarkRead = steps;
}

/** Whether the current instruction reads all 64 bits of an operand (is_reg64 for SRC_OP). */
function readsWhole(env: Env, type: number): boolean {
  const { program, insn } = env;
  const code = program.code[insn]!;
  switch (classOf(code)) {
    case CLASS_JMP:
      return opOf(code) !== OP_CALL || program.src[insn] !== PSEUDO_CALL;
    case CLASS_ALU64:
      return opOf(code) !== OP_END || program.imm[insn] === 64;
    case CLASS_ALU:
      return opOf(code) === OP_END && program.imm[insn] === 64;
    case CLASS_JMP32:
      return false;
    case CLASS_STX:
      return type !== SCALAR_VALUE || sizeOf(code) === 8;
    default:
      return true;
  }
}

/** The current instruction reads a register, which must be initialized. */
export function readRegister(env: Env, reg: number): void {
  checkNumber(env, reg);
  env.scratchReg(reg);
  const { words } = env.frame;
  const type = words[regAt(reg) + TYPE]!;
  if (type === NOT_INIT) env.reject('uninitialized-register', EACCES, `R${reg} !read_ok`);
  if (reg === FP) return;
  markRead(env, words, reg, readsWhole(env, type));
}

/** The current instruction writes a register; what, the caller says (DST_OP_NO_MARK). */
export function writeRegister(env: Env, reg: number): void {
  checkNumber(env, reg);
  env.scratchReg(reg);
  if (reg === FP) env.reject('frame-pointer-write', EACCES, 'frame pointer is read only');
  markWritten(env.frame.words, reg);
}

/** The current instruction writes any number to a register (DST_OP). */
export function clobberRegister(env: Env, reg: number): void {
  writeRegister(env, reg);
  markRegUnknown(env.frame.words, regAt(reg));
}

function checkNumber(env: Env, reg: number): void {
  if (reg >= REGISTERS) env.reject('bad-register', EINVAL, `R${reg} is invalid`);
}
