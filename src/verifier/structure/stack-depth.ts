/**
 * How deep calls can nest, and how much stack a chain of calls uses. Runs after the walk, which found out what each function uses.
 * Source: check_max_stack_depth, check_max_stack_depth_subprog, round_up_stack_depth in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import { type Env, SEEN } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';
import { MAX_CALL_FRAMES, MAX_STACK, MAX_STACK_BEFORE_TAIL_CALL } from '../limits.ts';
import { subprogAt, subprogEnd } from './subprogs.ts';

/** A function on the chain, and the next of its instructions to look at. */
interface Caller {
  readonly subprog: number;
  next: number;
}

/**
 * Follows every chain of calls from the program. The kernel follows all of them, of which there can be any number; here a function
 * is not followed again where it was already, as deep on a chain as long with as much stack in use.
 */
export function checkStackDepth(env: Env): void {
  const chain: Caller[] = [];
  const followed = new Map<number, number>();
  let depth = enter(env, chain, 0, 0);
  let tailCallReachable = false;
  for (let caller = chain.at(-1); caller !== undefined; caller = chain.at(-1)) {
    const callee = nextCallee(env, caller);
    if (callee >= 0) {
      if (env.subprogs[callee]!.hasTailCall) tailCallReachable = true;
      if (chain.length >= MAX_CALL_FRAMES)
        env.reject('too-many-frames', Errno.E2BIG, `the call stack of ${chain.length} frames is too deep !`);
      const place = placeOf(env, chain, callee, tailCallReachable);
      if ((followed.get(place) ?? -1) >= depth) {
        // The chain that would have been left again.
        if (tailCallReachable) markTailCallReachable(env, chain);
        continue;
      }
      followed.set(place, depth);
      depth = enter(env, chain, callee, depth);
      continue;
    }
    // From here on, the kernel takes every function on the chain for one that a tail call can be reached from.
    if (tailCallReachable) markTailCallReachable(env, chain.slice(0, -1));
    depth -= roundedDepth(env, caller.subprog);
    chain.pop();
  }
}

/** All that decides what following a function finds, apart from the stack in use, as one number. */
function placeOf(env: Env, chain: readonly Caller[], callee: number, tailCallReachable: boolean): number {
  const inCallback = chain.some(({ subprog }) => env.subprogs[subprog]!.isCallback);
  return ((callee * MAX_CALL_FRAMES + chain.length) * 2 + Number(inCallback)) * 2 + Number(tailCallReachable);
}

function markTailCallReachable(env: Env, chain: readonly Caller[]): void {
  for (const { subprog } of chain) env.subprogs[subprog]!.tailCallReachable = true;
}

function enter(env: Env, chain: Caller[], index: number, before: number): number {
  const subprog = env.subprogs[index]!;
  chain.push({ subprog: index, next: subprog.start });
  if (subprog.hasLdAbs && chain.some((caller) => env.subprogs[caller.subprog]!.isCallback))
    env.reject('ld-abs-in-callback', EINVAL, 'cannot use BPF_LD_[ABS|IND] within callback');
  if (index > 0 && subprog.hasTailCall && before >= MAX_STACK_BEFORE_TAIL_CALL)
    env.reject(
      'stack-before-tail-call',
      EACCES,
      `tail_calls are not allowed when call stack of previous frames is ${before} bytes. Too large`,
    );
  const depth = before + roundedDepth(env, index);
  if (depth > MAX_STACK)
    env.reject(
      'stack-too-deep',
      EACCES,
      `combined stack size of ${chain.length} calls is ${depth}. Too large`,
    );
  return depth;
}

/** The next function that is called, or whose address is taken, from here on; -1 at the end. */
function nextCallee(env: Env, caller: Caller): number {
  const { program } = env;
  const end = subprogEnd(env, caller.subprog);
  for (let i = caller.next; i < end; i++) {
    if (!program.isSubprogCall(i) && !program.isFunctionAddress(i)) continue;
    caller.next = i + 1;
    return subprogAt(env, i + program.imm[i]! + 1);
  }
  return -1;
}

/** The JIT compiler aligns frames to 16 bytes. */
function roundedDepth(env: Env, index: number): number {
  return Math.ceil(env.subprogs[index]!.stackDepth / 16) * 16;
}

/** Stack that an inlined bpf_loop keeps its state in, and that a function with may_goto keeps its budget in. */
const LOOP_STACK = 24;
const MAY_GOTO_STACK = 8;

/**
 * Bytes of stack of each function, as the log's statistics have them: functions that are never reached are gone by then, and what the
 * kernel adds to programs uses stack too (opt_remove_dead_code, optimize_bpf_loop, do_misc_fixups).
 */
export function finalStackDepths(env: Env): number[] {
  const depths: number[] = [];
  env.subprogs.forEach((subprog, index) => {
    if (!env.isMarked(subprog.start, SEEN)) return;
    const end = subprogEnd(env, index);
    let depth = subprog.stackDepth;
    let loop = false;
    let mayGoto = false;
    for (let i = subprog.start; i < end; i++) {
      if (!env.isMarked(i, SEEN)) continue;
      if ((env.loopCalls.get(i)?.subprog ?? -1) >= 0) loop = true;
      if (env.program.isMayGoto(i)) mayGoto = true;
    }
    if (loop) depth += LOOP_STACK;
    if (mayGoto) depth += MAY_GOTO_STACK;
    depths.push(depth);
  });
  return depths;
}
