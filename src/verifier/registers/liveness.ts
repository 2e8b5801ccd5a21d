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
  LIVE,
  LIVE_DONE,
  LIVE_READ,
  LIVE_READ32,
  LIVE_READ64,
  LIVE_WRITTEN,
  PARENT,
  REGISTERS,
  regAt,
  TYPE,
} from '../state/layout.ts';
import { recordOffset } from '../state/pool.ts';
import { markRegUnknown } from '../state/reg.ts';
import { NOT_INIT, SCALAR_VALUE } from '../state/reg-type.ts';

/** The record at `o` of `words` is read: tells its ancestors, from `parent` on (mark_reg_read). */
export function markRead(env: Env, words: Int32Array, o: number, parent: number, flag: number): void {
  let current = words;
  let at = o;
  let writesCount = parent === words[o + PARENT];
  let steps = 0;
  for (let ancestor = parent; ancestor !== 0; ancestor = current[at + PARENT]!) {
    if (writesCount && (current[at + LIVE]! & LIVE_WRITTEN) !== 0) break;
    const above = env.pool.frameOf(ancestor).words;
    const aboveAt = recordOffset(ancestor);
    const live = above[aboveAt + LIVE]!;
    if ((live & LIVE_DONE) !== 0)
      env.reject('verifier-bug', Errno.EFAULT, 'verifier BUG: a finished checkpoint is read');
    // Marked already: then all further ancestors are too.
    if ((live & LIVE_READ) === flag || (live & LIVE_READ64) !== 0) break;
    above[aboveAt + LIVE] = flag === LIVE_READ64 ? (live | flag) & ~LIVE_READ32 : live | flag;
    current = above;
    at = aboveAt;
    writesCount = true;
    steps++;
  }
  if (steps > env.longestMarkRead) env.longestMarkRead = steps;
}

/** The record is read as a whole: its own parent learns of it. */
export function markReadWhole(env: Env, words: Int32Array, o: number): void {
  markRead(env, words, o, words[o + PARENT]!, LIVE_READ64);
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
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  if (type === NOT_INIT) env.reject('uninitialized-register', EACCES, `R${reg} !read_ok`);
  if (reg === FP) return;
  markRead(env, words, o, words[o + PARENT]!, readsWhole(env, type) ? LIVE_READ64 : LIVE_READ32);
}

/** The current instruction writes a register; what, the caller says (DST_OP_NO_MARK). */
export function writeRegister(env: Env, reg: number): void {
  checkNumber(env, reg);
  env.scratchReg(reg);
  if (reg === FP) env.reject('frame-pointer-write', EACCES, 'frame pointer is read only');
  env.frame.words[regAt(reg) + LIVE]! |= LIVE_WRITTEN;
}

/** The current instruction writes any number to a register (DST_OP). */
export function clobberRegister(env: Env, reg: number): void {
  writeRegister(env, reg);
  markRegUnknown(env.frame.words, regAt(reg));
}

function checkNumber(env: Env, reg: number): void {
  if (reg >= REGISTERS) env.reject('bad-register', EINVAL, `R${reg} is invalid`);
}
