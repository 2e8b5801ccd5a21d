/**
 * Conditional jumps: decided, or both sides explored with what each teaches. Source: check_cond_jmp_op, is_branch_taken,
 * reg_set_min_max in kernel/bpf/verifier.c.
 */
import type { JmpOp, Width } from '../../isa/index.ts';
import { baseType } from '../../spec/index.ts';
import { assume, branchTaken, MIRRORED, OPPOSITE, REG_WORDS } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EINVAL } from '../errors.ts';
import { pushState } from '../explore/pending.ts';
import { markPrecise } from '../precision/chain.ts';
import { DST_IS_STACK, SRC_IS_STACK } from '../precision/history.ts';
import { CLASS_JMP, CLASS_JMP32, classOf, OP_JCOND, opOf, SRC_X } from '../program.ts';
import { previousRound, widenScalars } from '../prune/loops.ts';
import { checkInvariants } from '../registers/invariants.ts';
import { readRegister } from '../registers/liveness.ts';
import { decideNull, isNotNull, markNotNull } from '../registers/nullness.ts';
import { ID, regAt, TYPE } from '../state/layout.ts';
import { copyRegister, isConstScalar, isNull, markRegKnown } from '../state/reg.ts';
import { isPacketOrEnd, mayBeNull, PTR_TO_BTF_ID, PTR_TO_STACK, SCALAR_VALUE } from '../state/reg-type.ts';
import type { VerifierState } from '../state/state.ts';
import { LinkedScalars } from './linked.ts';
import { comparePacketPointers, packetBranchTaken } from './packet-compare.ts';

/** Conditions by the upper four bits of the opcode. */
const CONDITIONS: readonly (JmpOp | undefined)[] = [
  undefined,
  'eq',
  'gt',
  'ge',
  'set',
  'ne',
  'sgt',
  'sge',
  undefined,
  undefined,
  'lt',
  'le',
  'slt',
  'sle',
];

const linked = new LinkedScalars();

/** The current instruction is a conditional jump; moves `env.insn` to the target if the walk goes on there. */
export function checkJump(env: Env): void {
  const { program, insn, fake } = env;
  const code = program.code[insn]!;
  const op = opOf(code);
  if (op === OP_JCOND) {
    checkMayGoto(env);
    return;
  }
  const condition = CONDITIONS[op >> 4];
  if (condition === undefined)
    env.reject('unknown-opcode', EINVAL, `invalid BPF_JMP/JMP32 opcode ${op.toString(16)}`);
  const dst = program.dst[insn]!;
  const src = program.src[insn]!;
  const width: Width = classOf(code) === CLASS_JMP32 ? 32 : 64;
  const fromReg = (code & SRC_X) !== 0;
  readRegister(env, dst);
  if (fromReg ? program.imm[insn] !== 0 : src !== 0)
    env.reject('reserved-field', EINVAL, 'BPF_JMP/JMP32 uses reserved fields');
  if (fromReg) readRegister(env, src);
  else {
    fake.fill(0, 0, REG_WORDS);
    fake[TYPE] = SCALAR_VALUE;
    markRegKnown(fake, 0, program.imm[insn]!, program.imm[insn]! >> 31);
  }
  const { words } = env.frame;
  const source = fromReg ? words : fake;
  const s = fromReg ? regAt(src) : 0;
  noteStackPointers(env, words, regAt(dst), source, s);
  const decision = decide(condition, width, words, regAt(dst), source, s);
  if (decision < 0) {
    explore(env, condition, width, dst, fromReg ? src : -1);
    return;
  }
  if (words[regAt(dst) + TYPE] === SCALAR_VALUE) markPrecise(env, dst);
  if (fromReg && words[s + TYPE] === SCALAR_VALUE) markPrecise(env, src);
  announce(env, decision === 1);
  if (decision === 1) env.insn += program.off[insn]!;
}

/** Tells what was learnt; the instruction is done with. */
function announce(env: Env, taken: boolean | undefined): void {
  env.observer?.branch?.(env, taken);
  env.scratchNone();
}

/** Stack pointers are no scalars: backtracking must not look for them. */
function noteStackPointers(env: Env, words: Int32Array, d: number, source: Int32Array, s: number): void {
  const flags =
    (source[s + TYPE] === PTR_TO_STACK ? SRC_IS_STACK : 0) |
    (words[d + TYPE] === PTR_TO_STACK ? DST_IS_STACK : 0);
  if (flags !== 0) env.history.push(env.state, env.insn, env.prevInsn, flags);
}

/** 1 if the jump is surely taken, 0 if surely not, -1 if it depends (is_branch_taken). */
function decide(
  op: JmpOp,
  width: Width,
  words: Int32Array,
  d: number,
  source: Int32Array,
  s: number,
): 1 | 0 | -1 {
  const dstType = words[d + TYPE]!;
  const srcType = source[s + TYPE]!;
  if (width === 64 && isPacketOrEnd(dstType) && isPacketOrEnd(srcType))
    return packetBranchTaken(op, words, d, s);
  if (dstType === SCALAR_VALUE && srcType === SCALAR_VALUE)
    return branchTaken(op, width, words, d, source, s);
  if (width === 32) return -1;
  // A pointer that cannot be NULL, compared with 0.
  const swapped = !isConstScalar(source, s, 64);
  const null_ = swapped ? isNull(words, d) : isNull(source, s);
  const notNull = swapped ? isNotNull(source, s) : isNotNull(words, d);
  if (!null_ || !notNull) return -1;
  const how = swapped ? MIRRORED[op] : op;
  if (how === 'eq') return 0;
  return how === 'ne' ? 1 : -1;
}

/** Both sides are possible: puts the taken one aside, and teaches each (the rest of check_cond_jmp_op). `src` is -1 for an immediate. */
function explore(env: Env, op: JmpOp, width: Width, dst: number, src: number): void {
  const { program, insn, state, fake } = env;
  const { words } = state.frame;
  const d = regAt(dst);
  linked.count = 0;
  const srcLinked = src >= 0 && words[regAt(src) + TYPE] === SCALAR_VALUE && words[regAt(src) + ID] !== 0;
  if (srcLinked) linked.collect(state, words[regAt(src) + ID]!);
  if (words[d + TYPE] === SCALAR_VALUE && words[d + ID] !== 0) linked.collect(state, words[d + ID]!);
  if (linked.count > 1) {
    const entry = env.history.push(state, insn, env.prevInsn, 0);
    env.history.setLinked(entry, linked.items, linked.count);
  }
  const other = pushState(env, insn + program.off[insn]! + 1, insn);
  const taken = other.frame.words;
  const scalars = words[d + TYPE] === SCALAR_VALUE && (src < 0 || words[regAt(src) + TYPE] === SCALAR_VALUE);
  if (scalars) {
    copyRegister(fake, REG_WORDS, fake, 0);
    const s = src >= 0 ? regAt(src) : 0;
    assume(OPPOSITE[op], width, words, d, src >= 0 ? words : fake, src >= 0 ? s : REG_WORDS);
    assume(op, width, taken, d, src >= 0 ? taken : fake, s);
    checkInvariants(env, taken, d, 'true_reg1');
    checkInvariants(env, src >= 0 ? taken : fake, s, 'true_reg2');
    checkInvariants(env, words, d, 'false_reg1');
    checkInvariants(env, src >= 0 ? words : fake, src >= 0 ? s : REG_WORDS, 'false_reg2');
  }
  shareKnowledge(state, other, dst, src);
  if (width === 64) {
    learnNull(env, op, state, other, dst, src);
    comparePointers(env, op, state, other, dst, src);
  }
  announce(env, undefined);
}

function shareKnowledge(state: VerifierState, other: VerifierState, dst: number, src: number): void {
  const { words } = state.frame;
  for (const reg of [src, dst]) {
    if (reg < 0 || words[regAt(reg) + TYPE] !== SCALAR_VALUE || words[regAt(reg) + ID] === 0) continue;
    linked.share(state, reg);
    linked.share(other, reg);
  }
}

/** Two equal pointers: if one cannot be NULL, the other is not either. */
function learnNull(
  env: Env,
  op: JmpOp,
  here: VerifierState,
  there: VerifierState,
  dst: number,
  src: number,
): void {
  if (src < 0 || (op !== 'eq' && op !== 'ne')) return;
  const { words } = here.frame;
  const d = regAt(dst);
  const s = regAt(src);
  const dstType = words[d + TYPE]!;
  const srcType = words[s + TYPE]!;
  if (dstType === SCALAR_VALUE || srcType === SCALAR_VALUE) return;
  // Kernel pointers may be NULL although nothing says so.
  if (baseType(dstType) === PTR_TO_BTF_ID || baseType(srcType) === PTR_TO_BTF_ID) return;
  const equal = op === 'eq' ? there.frame.words : words;
  if (isNotNull(words, d) && mayBeNull(srcType)) markNotNull(env, equal, s);
  if (isNotNull(words, s) && mayBeNull(dstType)) markNotNull(env, equal, d);
}

/** A comparison of 64 bits with NULL, or of two pointers into a packet. */
function comparePointers(
  env: Env,
  op: JmpOp,
  here: VerifierState,
  there: VerifierState,
  dst: number,
  src: number,
): void {
  const type = here.frame.words[regAt(dst) + TYPE]!;
  const zero = src < 0 && env.program.imm[env.insn] === 0;
  if (zero && (op === 'eq' || op === 'ne') && mayBeNull(type)) {
    decideNull(env, here, dst, op === 'ne');
    decideNull(env, there, dst, op === 'eq');
  } else if (src >= 0) comparePacketPointers(op, here, there, dst, src);
}

/** may_goto: jumps when its budget is used up; the other side is one more round of a loop. */
function checkMayGoto(env: Env): void {
  const { program, insn, state } = env;
  const off = program.off[insn]!;
  const imm = program.imm[insn]!;
  const plain = program.code[insn] === (CLASS_JMP | OP_JCOND) && program.src[insn] === 0;
  if (!plain || program.dst[insn] !== 0 || imm !== 0 || off === 0)
    env.reject('reserved-field', EINVAL, `invalid may_goto off ${off} imm ${imm}`);
  const previous = state.parent === undefined ? undefined : previousRound(env, state.parent, insn);
  const queued = pushState(env, insn + 1, insn);
  queued.mayGotoDepth++;
  if (previous !== undefined) widenScalars(env, previous, queued);
  env.insn += off;
}
