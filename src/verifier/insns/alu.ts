/**
 * Arithmetic and moves. Source: check_alu_op, adjust_reg_min_max_vals, assign_scalar_id_before_mov in kernel/bpf/verifier.c.
 */

import { BpfMapType as M } from '../../spec/index.ts';
import {
  aluScalar,
  markKnownSubreg,
  type ScalarOp,
  signExtendSubregToSize,
  signExtendToSize,
  syncBounds,
  tnumIsConst,
  UMAX_LO,
  unsignedNumber,
  unsignedWidth,
  VAR_VALUE_HI,
  VAR_VALUE_LO,
  zeroExtend32,
  zeroOrMinusOneWidth,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL, unsupported } from '../errors.ts';
import { pushState } from '../explore/pending.ts';
import { markPrecise } from '../precision/chain.ts';
import {
  CLASS_ALU64,
  classOf,
  OP_ADD,
  OP_ARSH,
  OP_DIV,
  OP_END,
  OP_LSH,
  OP_MOD,
  OP_MOV,
  OP_NEG,
  OP_RSH,
  OP_SUB,
  opOf,
  SRC_X,
} from '../program.ts';
import { checkInvariants } from '../registers/invariants.ts';
import { clobberRegister, readRegister, writeRegister } from '../registers/liveness.ts';
import { ADD_CONST, ID, OFF, PRECISE, regAt, TYPE } from '../state/layout.ts';
import { clearScalarId, copyRegister, isConstScalar, markRegKnown, markRegUnknown } from '../state/reg.ts';
import { SCALAR_VALUE } from '../state/reg-type.ts';
import { ALU_SYMBOLS, adjustPointer } from './pointer-arithmetic.ts';

/** Operations by the upper four bits of the opcode, as the domain and the log name them. */
const OPS: readonly (ScalarOp | undefined)[] = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  undefined,
  'mod',
  'xor',
  undefined,
  'arsh',
];

/** The offset of a move that is a cast between address spaces. */
const ADDR_SPACE_CAST = 1;

/** Checks the current instruction, of class ALU or ALU64. */
export function checkAlu(env: Env): void {
  const { program, insn } = env;
  const op = opOf(program.code[insn]!);
  if (op === OP_END || op === OP_NEG) checkUnary(env, op);
  else if (op === OP_MOV) checkMove(env);
  else if (op > OP_END) env.reject('unknown-opcode', EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}`);
  else checkBinary(env, op);
  checkInvariants(env, env.frame.words, regAt(program.dst[insn]!), 'alu');
}

function reserved(env: Env, what: string): never {
  env.reject('reserved-field', EINVAL, `${what} uses reserved fields`);
}

/** neg and byte swaps: the result is any number. */
function checkUnary(env: Env, op: number): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  const imm = program.imm[insn]!;
  const operands = program.src[insn] !== 0 || program.off[insn] !== 0;
  if (op === OP_NEG) {
    if ((code & SRC_X) !== 0 || operands || imm !== 0) reserved(env, 'BPF_NEG');
  } else {
    const sized = imm === 16 || imm === 32 || imm === 64;
    if (operands || !sized || (classOf(code) === CLASS_ALU64 && (code & SRC_X) !== 0))
      reserved(env, 'BPF_END');
  }
  readRegister(env, program.dst[insn]!);
  clobberRegister(env, program.dst[insn]!);
}

function checkMove(env: Env): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  const wide = classOf(code) === CLASS_ALU64;
  const off = program.off[insn]!;
  const imm = program.imm[insn]!;
  if ((code & SRC_X) === 0) {
    if (program.src[insn] !== 0 || off !== 0) reserved(env, 'BPF_MOV');
    writeRegister(env, program.dst[insn]!);
    const { words } = env.frame;
    const d = regAt(program.dst[insn]!);
    markRegUnknown(words, d);
    markRegKnown(words, d, imm, wide ? imm >> 31 : 0);
    return;
  }
  if (wide && off === ADDR_SPACE_CAST) refuseCast(env, imm);
  if ((off !== 0 && off !== 8 && off !== 16 && !(wide && off === 32)) || imm !== 0) reserved(env, 'BPF_MOV');
  readRegister(env, program.src[insn]!);
  writeRegister(env, program.dst[insn]!);
  const { words } = env.frame;
  const d = regAt(program.dst[insn]!);
  const s = regAt(program.src[insn]!);
  if (wide) moveWide(env, words, d, s, off);
  else moveNarrow(env, words, d, s, off);
}

function refuseCast(env: Env, imm: number): never {
  if (imm !== 1 && imm !== 0x10000)
    env.reject(
      'reserved-field',
      EINVAL,
      'addr_space_cast insn can only convert between address space 1 and 0',
    );
  if (!env.maps.some((map) => map.info.type === M.BPF_MAP_TYPE_ARENA))
    env.reject(
      'no-arena',
      EINVAL,
      'addr_space_cast insn can only be used in a program that has an associated arena',
    );
  throw unsupported('arenas');
}

/** A 64-bit move: a copy, or the sign-extended lower `bits`. */
function moveWide(env: Env, words: Int32Array, d: number, s: number, bits: number): void {
  if (bits === 0) {
    linkBeforeMove(env, words, s);
    copyRegister(words, d, words, s);
  } else if (words[s + TYPE] === SCALAR_VALUE) {
    moveExtended(env, words, d, s, bits);
    signExtendToSize(words, d, (bits >> 3) as 1 | 2 | 4);
  } else markRegUnknown(words, d);
}

/** A 32-bit move: the upper half becomes zero. */
function moveNarrow(env: Env, words: Int32Array, d: number, s: number, bits: number): void {
  if (words[s + TYPE] !== SCALAR_VALUE) markRegUnknown(words, d);
  else if (bits === 0) {
    const same = unsignedWidth(words, s) <= 32;
    if (same) linkBeforeMove(env, words, s);
    copyRegister(words, d, words, s);
    if (!same) clearScalarId(words, d);
  } else {
    moveExtended(env, words, d, s, bits);
    signExtendSubregToSize(words, d, (bits >> 3) as 1 | 2);
  }
  zeroExtend32(words, d);
  syncBounds(words, d);
}

/** A copy that will be sign-extended: the same number if it is small and not negative. */
function moveExtended(env: Env, words: Int32Array, d: number, s: number, bits: number): void {
  const same = unsignedNumber(words, s + UMAX_LO) < 2 ** (bits - 1);
  if (same) linkBeforeMove(env, words, s);
  copyRegister(words, d, words, s);
  if (!same) clearScalarId(words, d);
}

/** Gives a scalar that is about to be copied an id, so that what is learnt of one copy holds for the other. */
export function linkBeforeMove(env: Env, words: Int32Array, s: number): void {
  if (words[s + TYPE] !== SCALAR_VALUE) return;
  if ((words[s + ID]! & ADD_CONST) !== 0) clearScalarId(words, s);
  if (words[s + ID] === 0 && !tnumIsConst(words, s)) words[s + ID] = ++env.idGen;
}

function checkBinary(env: Env, op: number): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  const off = program.off[insn]!;
  const imm = program.imm[insn]!;
  const badOffset = off !== 0 && (off !== 1 || (op !== OP_MOD && op !== OP_DIV));
  const fromReg = (code & SRC_X) !== 0;
  if (badOffset || (fromReg ? imm !== 0 : program.src[insn] !== 0)) reserved(env, 'BPF_ALU');
  if (fromReg) readRegister(env, program.src[insn]!);
  readRegister(env, program.dst[insn]!);
  if (!fromReg) checkImmediate(env, op, imm, classOf(code) === CLASS_ALU64 ? 64 : 32);
  writeRegister(env, program.dst[insn]!);
  adjustRegisters(env, op);
}

function checkImmediate(env: Env, op: number, imm: number, width: number): void {
  if ((op === OP_MOD || op === OP_DIV) && imm === 0) env.reject('division-by-zero', EINVAL, 'div by zero');
  const shifts = op === OP_LSH || op === OP_RSH || op === OP_ARSH;
  if (shifts && (imm < 0 || imm >= width)) env.reject('bad-shift', EINVAL, `invalid shift ${imm}`);
}

/** Sorts out which operand is a pointer (adjust_reg_min_max_vals). */
function adjustRegisters(env: Env, op: number): void {
  const { program, insn, fake } = env;
  const { words } = env.frame;
  const dst = program.dst[insn]!;
  const d = regAt(dst);
  const pointer = words[d + TYPE] !== SCALAR_VALUE;
  if ((program.code[insn]! & SRC_X) === 0) {
    fake[TYPE] = SCALAR_VALUE;
    markRegKnown(fake, 0, program.imm[insn]!, program.imm[insn]! >> 31);
    if (pointer) adjustPointer(env, op, words, d, fake, 0);
    else adjustScalar(env, op, words, d, fake, 0);
    return;
  }
  const src = program.src[insn]!;
  const s = regAt(src);
  if (words[s + TYPE] !== SCALAR_VALUE) {
    if (!pointer) {
      // scalar += pointer is a pointer.
      markPrecise(env, dst);
      copyRegister(fake, 0, words, d);
      adjustPointer(env, op, words, s, fake, 0);
    } else if (op === OP_SUB) markRegUnknown(words, d);
    else
      env.reject('pointer-arithmetic', EACCES, `R${dst} pointer ${ALU_SYMBOLS[op >> 4]} pointer prohibited`);
    return;
  }
  if (pointer) {
    markPrecise(env, src);
    adjustPointer(env, op, words, d, words, s);
    return;
  }
  if (words[d + PRECISE] === 1) markPrecise(env, src);
  adjustScalar(env, op, words, d, words, s);
}

/** Two scalars; the result may still be a constant away from those that the first was equal to. */
function adjustScalar(
  env: Env,
  op: number,
  words: Int32Array,
  d: number,
  source: Int32Array,
  s: number,
): void {
  const width = classOf(env.program.code[env.insn]!) === CLASS_ALU64 ? 64 : 32;
  const name = OPS[op >> 4]!;
  if ((name === 'and' || name === 'or') && tnumIsConst(source, s)) forkOnSign(env, words, d);
  const added =
    op === OP_ADD &&
    width === 64 &&
    words[d + ID] !== 0 &&
    isConstScalar(source, s, 64) &&
    !(source === words && s === d);
  if (!aluScalar(name, width, words, d, source, s)) markRegUnknown(words, d);
  const small = source[s + VAR_VALUE_HI] === 0 && source[s + VAR_VALUE_LO]! >= 0;
  if (added && small && (words[d + ID]! & ADD_CONST) === 0) {
    words[d + ID]! |= ADD_CONST;
    words[d + OFF] = source[s + VAR_VALUE_LO]!;
  } else clearScalarId(words, d);
}

/** 0 or -1, as a sign bit that was shifted down: the walk goes on with each (maybe_fork_scalars). */
function forkOnSign(env: Env, words: Int32Array, d: number): void {
  const width = zeroOrMinusOneWidth(words, d);
  if (width === 0) return;
  const other = pushState(env, env.insn, env.insn).frame.words;
  if (width === 32) {
    markKnownSubreg(other, d, 0);
    markKnownSubreg(words, d, -1);
  } else {
    markRegKnown(other, d, 0, 0);
    markRegKnown(words, d, -1, -1);
  }
}
