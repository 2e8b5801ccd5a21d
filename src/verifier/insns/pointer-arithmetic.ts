/**
 * A pointer plus or minus a number. What is known of the number goes into the fixed offset if it is a constant, and into the variable
 * part otherwise. Source: adjust_ptr_min_max_vals, check_reg_sane_offset in kernel/bpf/verifier.c.
 */
import { baseType } from '../../spec/index.ts';
import {
  addBounds64,
  announce,
  Bound,
  markUnbounded32,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  signedNumber,
  subBounds64,
  syncBounds,
  tnumAdd,
  tnumIsConst,
  tnumSub,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VAR_VALUE_LO,
} from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import { MAX_VAR_OFF } from '../limits.ts';
import { signedText } from '../log/numbers.ts';
import { regTypeName } from '../log/type-names.ts';
import { CLASS_ALU64, classOf, OP_ADD, OP_SUB } from '../program.ts';
import { AUX, AUX2, ID, OFF, regAt, TYPE } from '../state/layout.ts';
import { assignRegister, markRegUnknown } from '../state/reg.ts';
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  isPacketPointer,
  mayBeNull,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
} from '../state/reg-type.ts';

/** Operators by the upper four bits of the opcode, as messages show them (bpf_alu_string). */
export const ALU_SYMBOLS: readonly string[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
  'endian',
];

/** Pointers that any number may be added to. */
const MOVABLE: readonly number[] = [
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_MAP_KEY,
  PTR_TO_STACK,
  PTR_TO_PACKET_META,
  PTR_TO_PACKET,
  PTR_TO_TP_BUFFER,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TO_BUF,
  PTR_TO_FUNC,
  CONST_PTR_TO_DYNPTR,
];

const INT_MIN = -0x80000000;
const INT_MAX = 0x7fffffff;

function rangesAgree(n: Int32Array, o: number): boolean {
  const signedOrder =
    n[o + SMIN_HI]! < n[o + SMAX_HI]! ||
    (n[o + SMIN_HI] === n[o + SMAX_HI] && n[o + SMIN_LO]! >>> 0 <= n[o + SMAX_LO]! >>> 0);
  const unsignedOrder =
    n[o + UMIN_HI]! >>> 0 < n[o + UMAX_HI]! >>> 0 ||
    (n[o + UMIN_HI] === n[o + UMAX_HI] && n[o + UMIN_LO]! >>> 0 <= n[o + UMAX_LO]! >>> 0);
  return signedOrder && unsignedOrder;
}

function isOneValue(n: Int32Array, o: number): boolean {
  return (
    n[o + SMIN_LO] === n[o + SMAX_LO] &&
    n[o + SMIN_HI] === n[o + SMAX_HI] &&
    n[o + UMIN_LO] === n[o + UMAX_LO] &&
    n[o + UMIN_HI] === n[o + UMAX_HI]
  );
}

/**
 * The current instruction's result, with the pointer at `p` of `words` and the number at `n` of `numbers`. The pointer is the
 * destination itself or the source.
 */
export function adjustPointer(
  env: Env,
  op: number,
  words: Int32Array,
  p: number,
  numbers: Int32Array,
  n: number,
): void {
  const { program, insn } = env;
  const dst = program.dst[insn]!;
  const d = regAt(dst);
  const known = tnumIsConst(numbers, n);
  // Bounds that contradict each other come from code that cannot run.
  if ((known && !isOneValue(numbers, n)) || !rangesAgree(numbers, n)) {
    markRegUnknown(words, d);
    return;
  }
  if (classOf(program.code[insn]!) !== CLASS_ALU64) {
    if (op === OP_SUB) {
      markRegUnknown(words, d);
      return;
    }
    env.reject('pointer-arithmetic', EACCES, `R${dst} 32-bit pointer arithmetic prohibited`);
  }
  const type = words[p + TYPE]!;
  checkMovable(env, dst, type, op, known && signedNumber(numbers, n + SMIN_LO) === 0, known);
  if (d !== p) assignRegister(words, dst, words, program.src[insn]!);
  checkSaneOffset(env, numbers, n, type);
  checkSaneOffset(env, words, p, type);
  markUnbounded32(words, d);
  if (op === OP_ADD) add(env, words, d, p, numbers, n, known);
  else if (op === OP_SUB) subtract(env, words, d, p, numbers, n, known);
  else refuseOperator(env, dst, op);
  checkSaneOffset(env, words, d, type);
  syncBounds(words, d);
}

function checkMovable(env: Env, dst: number, type: number, op: number, zero: boolean, known: boolean): void {
  const refuse = (more: string): never =>
    env.reject(
      'pointer-arithmetic',
      EACCES,
      `R${dst} pointer arithmetic on ${regTypeName(type)} prohibited${more}`,
    );
  if (mayBeNull(type)) refuse(', null-check it first');
  const base = baseType(type);
  if (MOVABLE.includes(base)) return;
  if (base === PTR_TO_FLOW_KEYS && known) return;
  if ((base === PTR_TO_FLOW_KEYS || base === CONST_PTR_TO_MAP) && zero && op === OP_ADD) return;
  refuse('');
}

function refuseOperator(env: Env, dst: number, op: number): never {
  const symbol = ALU_SYMBOLS[op >> 4];
  const bitwise = symbol === '&=' || symbol === '|=' || symbol === '^=';
  env.reject(
    'pointer-arithmetic',
    EACCES,
    bitwise
      ? `R${dst} bitwise operator ${symbol} on pointer prohibited`
      : `R${dst} pointer arithmetic with ${symbol} operator prohibited`,
  );
}

/** Offsets stay far from where they could wrap around (check_reg_sane_offset). */
function checkSaneOffset(env: Env, r: Int32Array, o: number, type: number): void {
  const refuse = (message: (pointer: string) => string): never =>
    env.reject('pointer-out-of-bounds', EINVAL, message(`${regTypeName(type)} pointer`));
  const smin = signedNumber(r, o + SMIN_LO);
  if (tnumIsConst(r, o)) {
    const value = signedNumber(r, o + VAR_VALUE_LO);
    if (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF)
      refuse((pointer) => `math between ${pointer} and ${signedText(r, o + VAR_VALUE_LO)} is not allowed`);
  }
  const off = r[o + OFF]!;
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF)
    refuse((pointer) => `${pointer} offset ${off} is not allowed`);
  if (r[o + SMIN_HI] === INT_MIN && r[o + SMIN_LO] === 0)
    refuse((pointer) => `math between ${pointer} and register with unbounded min value is not allowed`);
  if (smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF)
    refuse((pointer) => `value ${signedText(r, o + SMIN_LO)} makes ${pointer} be out of bounds`);
}

function add(
  env: Env,
  words: Int32Array,
  d: number,
  p: number,
  numbers: Int32Array,
  n: number,
  known: boolean,
): void {
  if (known && setOffset(words, d, words[p + OFF]! + signedNumber(numbers, n + SMIN_LO))) return;
  addBounds64(words, d, numbers, n);
  tnumAdd(words, d, numbers, n);
  announce('add', Bound.All64 | Bound.Var, words, d);
  if (!isPacketPointer(words[p + TYPE]!)) return;
  words[d + ID] = ++env.idGen;
  forgetRange(words, d);
}

function subtract(
  env: Env,
  words: Int32Array,
  d: number,
  p: number,
  numbers: Int32Array,
  n: number,
  known: boolean,
): void {
  const dst = env.program.dst[env.insn]!;
  if (d !== p) env.reject('pointer-arithmetic', EACCES, `R${dst} tried to subtract pointer from scalar`);
  // A frame's upper end is fp; offsets from it are all that is tracked.
  if (words[p + TYPE] === PTR_TO_STACK)
    env.reject('pointer-arithmetic', EACCES, `R${dst} subtraction from stack pointer prohibited`);
  const smin = signedNumber(numbers, n + SMIN_LO);
  if (known && setOffset(words, d, words[p + OFF]! - smin)) return;
  subBounds64(words, d, numbers, n);
  tnumSub(words, d, numbers, n);
  announce('sub', Bound.All64 | Bound.Var, words, d);
  if (!isPacketPointer(words[p + TYPE]!)) return;
  words[d + ID] = ++env.idGen;
  // Moving back keeps what was checked; moving forward does not.
  if (smin < 0) forgetRange(words, d);
}

/** Takes a known number into the fixed part of the offset; false where that has no room for it. */
function setOffset(words: Int32Array, d: number, off: number): boolean {
  if (off < INT_MIN || off > INT_MAX) return false;
  words[d + OFF] = off;
  return true;
}

/** What was checked against the packet's end holds for the old offset only. */
function forgetRange(words: Int32Array, d: number): void {
  words[d + AUX] = 0;
  words[d + AUX2] = 0;
}
