/**
 * Which functions the program consists of, and that each is closed: jumps stay inside, the end cannot be fallen through.
 * Source: add_subprog_and_kfunc, check_subprogs in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import type { Env } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import type { Subprog } from '../found.ts';
import { LOG_LEVEL2 } from '../input.ts';
import { MAX_SUBPROGS } from '../limits.ts';
import {
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_LD,
  classOf,
  JMP_CALL,
  JMP_EXIT,
  JMP_JA,
  JMP32_JA,
  MODE_ABS,
  MODE_IND,
  modeOf,
  OP_CALL,
  OP_EXIT,
  opOf,
} from '../program.ts';

const TAIL_CALL = 12;

/** Finds the start of every function that is called or whose address is taken. */
export function findSubprogs(env: Env, logLevel: number): void {
  const { program } = env;
  const starts = new Set([0]);
  for (let i = 0; i < program.length; i++) {
    if (program.isKfuncCall(i)) checkKfunc(env, i);
    if (!program.isSubprogCall(i) && !program.isFunctionAddress(i)) continue;
    const start = i + program.imm[i]! + 1;
    if (start < 0 || start >= program.length) {
      // The statistics count the functions that were found by now.
      env.subprogs = [...starts].map(newSubprog);
      env.reject('call-out-of-range', EINVAL, 'call to invalid destination');
    }
    if (starts.size >= MAX_SUBPROGS && !starts.has(start)) {
      env.subprogs = [...starts].map(newSubprog);
      env.reject('too-many-subprogs', Errno.E2BIG, 'too many subprograms');
    }
    starts.add(start);
  }
  refuseExceptionCallback(env);
  env.subprogs = [...starts].sort((a, b) => a - b).map(newSubprog);
  if ((logLevel & LOG_LEVEL2) !== 0)
    env.subprogs.forEach(({ start }, i) => {
      env.print(`func#${i} @${start}\n`);
    });
}

/**
 * Number 0 stands for a weak kernel function that a loader did not find: such a call may be there as long as nothing reaches it.
 * Source: add_kfunc_call in kernel/bpf/verifier.c.
 */
function checkKfunc(env: Env, i: number): void {
  if (!env.gplCompatible)
    env.reject('gpl-only', EINVAL, 'cannot call kernel function from non-GPL compatible program');
  if (!env.program.isMissingKfuncCall(i)) throw unsupported('kernel functions (kfuncs)');
}

/** A tag on the program's BTF names a function that handles exceptions. */
function refuseExceptionCallback(env: Env): void {
  const { btf } = env.input;
  const main = env.functions[0];
  if (btf === undefined || main === undefined) return;
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kindOf(id) !== 'decl_tag') continue;
    const tag = btf.typeOfKind(id, 'decl_tag');
    if (tag.type === main.typeId && tag.componentIndex === -1 && tag.name.startsWith('exception_callback:'))
      throw unsupported('exceptions');
  }
}

function newSubprog(start: number): Subprog {
  return {
    start,
    stackDepth: 0,
    hasTailCall: false,
    tailCallReachable: false,
    hasLdAbs: false,
    isCallback: false,
    changesPacketData: false,
    fastcallStackOff: 0,
    keepFastcallStack: false,
    fastcallCalls: [],
    args: undefined,
  };
}

/** One after the last instruction of a function. */
export function subprogEnd(env: Env, index: number): number {
  return env.subprogs[index + 1]?.start ?? env.program.length;
}

/** Number of the function that an instruction is in. */
export function subprogAround(env: Env, insn: number): number {
  let low = 0;
  let high = env.subprogs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (env.subprogs[middle]!.start <= insn) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Number of the function that starts at an instruction, or -1. */
export function subprogAt(env: Env, insn: number): number {
  const index = subprogAround(env, insn);
  return env.subprogs[index]?.start === insn ? index : -1;
}

/** Every jump stays in its function, and every function ends in a jump or an exit. */
export function checkSubprogs(env: Env): void {
  env.subprogs.forEach((subprog, index) => {
    const end = subprogEnd(env, index);
    for (let i = subprog.start; i < end; i++) {
      noteSpecialInsn(env, subprog, i);
      checkJump(env, i, subprog.start, end);
    }
    const last = env.program.code[end - 1];
    if (last !== JMP_EXIT && last !== JMP32_JA && last !== JMP_JA)
      env.reject('falls-through', EINVAL, 'last insn is not an exit or jmp');
  });
}

function noteSpecialInsn(env: Env, subprog: Subprog, i: number): void {
  const { program } = env;
  const code = program.code[i]!;
  if (code === JMP_CALL && program.src[i] === 0 && program.imm[i] === TAIL_CALL) {
    subprog.hasTailCall = true;
    subprog.tailCallReachable = true;
  }
  if (classOf(code) === CLASS_LD && (modeOf(code) === MODE_ABS || modeOf(code) === MODE_IND))
    subprog.hasLdAbs = true;
}

function checkJump(env: Env, i: number, start: number, end: number): void {
  const { program } = env;
  const code = program.code[i]!;
  if (classOf(code) !== CLASS_JMP && classOf(code) !== CLASS_JMP32) return;
  if (opOf(code) === OP_EXIT || opOf(code) === OP_CALL) return;
  const target = i + 1 + (code === JMP32_JA ? program.imm[i]! : program.off[i]!);
  if (target < start || target >= end)
    env.reject('jump-out-of-range', EINVAL, `jump out of range from insn ${i} to ${target}`);
}
