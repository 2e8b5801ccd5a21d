/**
 * Loads, stores and atomic operations. Source: check_load_mem, check_store_reg, check_atomic, save_aux_ptr_type in
 * kernel/bpf/verifier.c.
 */
import { baseType, PTR_UNTRUSTED } from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import { regTypeName } from '../log/type-names.ts';
import { checkAccess } from '../memory/access.ts';
import {
  ATOMIC_CMPXCHG,
  ATOMIC_FETCH,
  CLASS_LDX,
  MODE_ATOMIC,
  MODE_MEM,
  MODE_MEMSX,
  modeOf,
  sizeOf,
} from '../program.ts';
import { checkInvariants } from '../registers/invariants.ts';
import { clobberRegister, readRegister, writeRegister } from '../registers/liveness.ts';
import { regAt, TYPE } from '../state/layout.ts';
import {
  isPacketPointer,
  isSocketPointer,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from '../state/reg-type.ts';

/** Class LDX. */
export function checkLoad(env: Env): void {
  const { program, insn } = env;
  const src = program.src[insn]!;
  const dst = program.dst[insn]!;
  readRegister(env, src);
  writeRegister(env, dst);
  const { words } = env.frame;
  const type = words[regAt(src) + TYPE]!;
  const code = program.code[insn]!;
  checkAccess(env, src, program.off[insn]!, {
    size: sizeOf(code),
    write: false,
    value: dst,
    signed: modeOf(code) === MODE_MEMSX,
  });
  notePointerType(env, type, true);
  checkInvariants(env, words, regAt(dst), 'ldx');
}

/** Class STX. */
export function checkStore(env: Env): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  if (modeOf(code) === MODE_ATOMIC) {
    checkAtomic(env);
    return;
  }
  if (modeOf(code) !== MODE_MEM || program.imm[insn] !== 0)
    env.reject('reserved-field', EINVAL, 'BPF_STX uses reserved fields');
  const dst = program.dst[insn]!;
  readRegister(env, program.src[insn]!);
  readRegister(env, dst);
  const type = env.frame.words[regAt(dst) + TYPE]!;
  checkAccess(env, dst, program.off[insn]!, { size: sizeOf(code), write: true, value: program.src[insn]! });
  notePointerType(env, type, false);
}

/** Class ST. */
export function checkStoreImmediate(env: Env): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  if (modeOf(code) !== MODE_MEM || program.src[insn] !== 0)
    env.reject('reserved-field', EINVAL, 'BPF_ST uses reserved fields');
  const dst = program.dst[insn]!;
  readRegister(env, dst);
  const type = env.frame.words[regAt(dst) + TYPE]!;
  checkAccess(env, dst, program.off[insn]!, { size: sizeOf(code), write: true, value: -1 });
  notePointerType(env, type, false);
}

/** add, or, and, xor without and with fetch; xchg; cmpxchg. */
const ATOMIC_OPS: readonly number[] = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];

function checkAtomic(env: Env): void {
  const { program, insn } = env;
  const op = program.imm[insn]!;
  if (!ATOMIC_OPS.includes(op))
    env.reject(
      'unknown-opcode',
      EINVAL,
      `BPF_ATOMIC uses invalid atomic opcode ${(op >>> 0).toString(16).padStart(2, '0')}`,
    );
  const size = sizeOf(program.code[insn]!);
  if (size < 4) env.reject('unknown-opcode', EINVAL, 'invalid atomic operand size');
  const dst = program.dst[insn]!;
  const src = program.src[insn]!;
  readRegister(env, src);
  readRegister(env, dst);
  if (op === ATOMIC_CMPXCHG) readRegister(env, 0);
  checkAtomicTarget(env, dst);
  const off = program.off[insn]!;
  const loaded = op === ATOMIC_CMPXCHG ? 0 : src;
  const fetches = (op & ATOMIC_FETCH) !== 0;
  if (fetches) clobberRegister(env, loaded);
  // Could it be read, does reading it give what is known, can it be written.
  checkAccess(env, dst, off, { size, write: false, value: -1, aligned: true });
  if (fetches) checkAccess(env, dst, off, { size, write: false, value: loaded, aligned: true });
  notePointerType(env, env.frame.words[regAt(dst) + TYPE]!, false);
  checkAccess(env, dst, off, { size, write: true, value: -1, aligned: true });
}

/** Contexts are rewritten and packets may be shared: no atomic operations there. */
function checkAtomicTarget(env: Env, reg: number): void {
  const type = env.frame.words[regAt(reg) + TYPE]!;
  if (type !== PTR_TO_CTX && !isPacketPointer(type) && type !== PTR_TO_FLOW_KEYS && !isSocketPointer(type))
    return;
  env.reject('bad-pointer', EACCES, `BPF_ATOMIC stores into R${reg} ${regTypeName(type)} is not allowed`);
}

/** Accesses through these pointers are rewritten by type. */
const REWRITTEN: readonly number[] = [
  PTR_TO_CTX,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TO_BTF_ID,
  PTR_TO_ARENA,
];

/** One instruction is rewritten once: it cannot access through pointers that are rewritten differently. */
function notePointerType(env: Env, type: number, trustMayDiffer: boolean): void {
  const { insn, pointerTypes } = env;
  const before = pointerTypes[insn]!;
  if (before === 0) {
    pointerTypes[insn] = type;
    return;
  }
  const mismatch =
    type !== before && (REWRITTEN.includes(baseType(type)) || REWRITTEN.includes(baseType(before)));
  if (!mismatch) return;
  if (trustMayDiffer && baseType(type) === PTR_TO_BTF_ID && baseType(before) === PTR_TO_BTF_ID)
    pointerTypes[insn] = PTR_TO_BTF_ID | PTR_UNTRUSTED;
  else env.reject('different-pointers', EINVAL, 'same insn cannot be used with different pointers');
}

/**
 * Slots of loads through pointers to kernel types, in ascending order. The kernel makes those through untrusted ones BPF_PROBE_MEM
 * (convert_ctx_accesses); here all are named, because simulated events need not bring the objects that trusted ones vouch for.
 */
export function probeLoads({ program, pointerTypes }: Env): number[] {
  const slots: number[] = [];
  pointerTypes.forEach((type, slot) => {
    if ((program.code[slot]! & 7) === CLASS_LDX && type !== 0 && baseType(type) === PTR_TO_BTF_ID)
      slots.push(slot);
  });
  return slots;
}
