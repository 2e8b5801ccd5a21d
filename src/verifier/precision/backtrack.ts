/**
 * One step back along the path: which registers and slots must have been known exactly before an instruction, so that those wanted
 * after it are. Source: backtrack_insn, bt_sync_linked_regs in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import { isSyncCallbackHelper } from '../call/helper-kinds.ts';
import type { Env } from '../env.ts';
import { MAX_CALL_FRAMES } from '../limits.ts';
import {
  ATOMIC_CMPXCHG,
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_LD,
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  MODE_ABS,
  MODE_IMM,
  MODE_IND,
  modeOf,
  OP_CALL,
  OP_END,
  OP_EXIT,
  OP_MOV,
  OP_NEG,
  opOf,
  SRC_X,
} from '../program.ts';
import { FP } from '../state/layout.ts';
import { subprogAt } from '../structure/subprogs.ts';
import {
  accessedFrame,
  accessedSlot,
  DST_IS_STACK,
  linkedFrame,
  linkedIndex,
  linkedIsReg,
  SRC_IS_STACK,
  STACK_ACCESS,
} from './history.ts';

/** r1 to r5. */
const ARGUMENTS = 0x3e;

/**
 * Steps back over instruction `i`; `after` is the instruction that came next on the path, -1 if none. `entry` is its history entry, or
 * -1. False if the kernel gives up here: then everything must be precise.
 */
export function stepBack(env: Env, i: number, after: number, entry: number): boolean {
  const { program, backtrack: bt } = env;
  const code = program.code[i]!;
  if (code === 0) return true;
  env.observer?.precisionStep?.(env, bt.frame, bt.regMask, bt.slotsLo[bt.frame]!, bt.slotsHi[bt.frame]!, i);
  // Linked scalars get their bounds together: if one is wanted, all are. Before and after the instruction's own effect.
  addLinked(env, entry);
  let done = false;
  switch (classOf(code)) {
    case CLASS_ALU:
    case CLASS_ALU64:
      done = backOverAlu(env, i);
      break;
    case CLASS_LDX:
      done = backOverLoad(env, program.dst[i]!, entry);
      break;
    case CLASS_STX:
    case CLASS_ST:
      if (program.isAtomicFetch(i)) {
        const loaded = program.imm[i] === ATOMIC_CMPXCHG ? 0 : program.src[i]!;
        done = backOverLoad(env, loaded, entry);
        break;
      }
      // A pointer is wanted as a number: this is not followed.
      if (bt.hasReg(program.dst[i]!)) return false;
      done = backOverStore(env, i, entry);
      break;
    case CLASS_JMP:
    case CLASS_JMP32:
      done = backOverJump(env, i, after, entry);
      break;
    case CLASS_LD: {
      const mode = modeOf(code);
      if (mode === MODE_IMM) {
        bt.clearReg(program.dst[i]!);
        return true;
      }
      if (mode === MODE_ABS || mode === MODE_IND) {
        if (bt.hasReg(program.dst[i]!)) return false;
        // Outside of the packet the function returns: then the path goes on in the caller.
        if (after !== i + 1) enterFrame(env);
        return true;
      }
    }
  }
  if (!done) addLinked(env, entry);
  return true;
}

function addLinked(env: Env, entry: number): void {
  const { history, backtrack: bt } = env;
  const count = history.linkedCount(entry);
  let wanted = false;
  for (let k = 0; k < count && !wanted; k++) {
    const linked = history.linkedAt(entry, k);
    wanted = linkedIsReg(linked)
      ? (bt.regs[linkedFrame(linked)]! & (1 << linkedIndex(linked))) !== 0
      : bt.hasSlot(linkedFrame(linked), linkedIndex(linked));
  }
  if (!wanted) return;
  for (let k = 0; k < count; k++) {
    const linked = history.linkedAt(entry, k);
    if (linkedIsReg(linked)) bt.regs[linkedFrame(linked)]! |= 1 << linkedIndex(linked);
    else bt.setSlot(linkedFrame(linked), linkedIndex(linked));
  }
}

/** True if nothing more is to be done for this instruction. */
function backOverAlu(env: Env, i: number): boolean {
  const { program, backtrack: bt } = env;
  const code = program.code[i]!;
  const dst = program.dst[i]!;
  const op = opOf(code);
  if (!bt.hasReg(dst)) return true;
  if (op === OP_END || op === OP_NEG) return true;
  if (op === OP_MOV) bt.clearReg(dst);
  if ((code & SRC_X) !== 0 && program.src[i] !== FP) bt.setReg(program.src[i]!);
  return false;
}

function backOverLoad(env: Env, loaded: number, entry: number): boolean {
  const { backtrack: bt } = env;
  if (!bt.hasReg(loaded)) return true;
  bt.clearReg(loaded);
  const flags = env.history.flagsOf(entry);
  // Values from elsewhere than a spill are unknown, whoever wants them.
  if ((flags & STACK_ACCESS) === 0) return true;
  bt.setSlot(accessedFrame(flags), accessedSlot(flags));
  return false;
}

function backOverStore(env: Env, i: number, entry: number): boolean {
  const { program, backtrack: bt } = env;
  const flags = env.history.flagsOf(entry);
  if ((flags & STACK_ACCESS) === 0) return true;
  const frame = accessedFrame(flags);
  const spi = accessedSlot(flags);
  if (!bt.hasSlot(frame, spi)) return true;
  bt.clearSlot(frame, spi);
  if (classOf(program.code[i]!) === CLASS_STX) bt.setReg(program.src[i]!);
  return false;
}

function backOverJump(env: Env, i: number, after: number, entry: number): boolean {
  const { program, backtrack: bt } = env;
  const code = program.code[i]!;
  if (program.isSubprogCall(i)) return backOverSubprogCall(env, i);
  // The callback of this call was walked next: back to the frame of the call.
  if (program.isHelperCall(i) && isSyncCallbackHelper(program.imm[i]!) && i !== after - 1) {
    expectNoRegs(env, ~ARGUMENTS);
    expectNoSlots(env);
    bt.regs[bt.frame]! &= ~ARGUMENTS;
    leaveFrame(env);
    return true;
  }
  const op = opOf(code);
  if (op === OP_CALL) {
    bt.clearReg(0);
    expectNoRegs(env, ARGUMENTS);
  } else if (op === OP_EXIT) {
    backOverExit(env, after);
    return true;
  } else if ((code & SRC_X) !== 0) {
    const dst = program.dst[i]!;
    const src = program.src[i]!;
    if (!bt.hasReg(dst) && !bt.hasReg(src)) return true;
    // Both sides of a comparison gave the bounds of each other. Stack pointers are no scalars.
    const flags = env.history.flagsOf(entry);
    if ((flags & SRC_IS_STACK) === 0) bt.setReg(src);
    if ((flags & DST_IS_STACK) === 0) bt.setReg(dst);
  }
  return false;
}

function backOverSubprogCall(env: Env, i: number): boolean {
  const { program, backtrack: bt } = env;
  const callee = subprogAt(env, i + program.imm[i]! + 1);
  if (callee < 0) bug(env, `BUG no subprogram at ${i}`);
  if (env.functionAux[callee]?.global === true) {
    // A global function is not walked here; its result is unknown.
    expectNoRegs(env, ARGUMENTS);
    bt.clearReg(0);
    return true;
  }
  expectNoRegs(env, ~ARGUMENTS);
  expectNoSlots(env);
  bt.regs[bt.frame - 1]! |= bt.regMask & ARGUMENTS;
  bt.regs[bt.frame]! &= ~ARGUMENTS;
  leaveFrame(env);
  return true;
}

/** Into the callee, whose r0 became the caller's; a callback's r0 did not. */
function backOverExit(env: Env, after: number): void {
  const { program, backtrack: bt } = env;
  const fromCall = after - 1 >= 0 && program.isSubprogCall(after - 1);
  const wantsResult = fromCall && bt.hasReg(0);
  if (fromCall) expectNoRegs(env, ARGUMENTS);
  bt.clearReg(0);
  enterFrame(env);
  if (wantsResult) bt.setReg(0);
}

function enterFrame(env: Env): void {
  if (env.backtrack.frame === MAX_CALL_FRAMES - 1)
    bug(env, `BUG subprog enter from frame ${env.backtrack.frame}`);
  env.backtrack.frame++;
}

function leaveFrame(env: Env): void {
  if (env.backtrack.frame === 0) bug(env, 'BUG subprog exit from frame 0');
  env.backtrack.frame--;
}

function expectNoRegs(env: Env, mask: number): void {
  if ((env.backtrack.regMask & mask) !== 0)
    bug(env, `BUG regs ${(env.backtrack.regMask >>> 0).toString(16)}`);
}

function expectNoSlots(env: Env): void {
  if (!env.backtrack.noSlots) bug(env, 'BUG stack slots');
}

/** The kernel's verifier distrusts itself here: such a program is rejected. */
export function bug(env: Env, message: string): never {
  env.reject('verifier-bug', Errno.EFAULT, message);
}
