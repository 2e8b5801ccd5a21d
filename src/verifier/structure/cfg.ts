/**
 * The control flow graph, walked depth first: every instruction must be reachable; and where the walk will have to compare states, because
 * paths meet or calls return there. Source: check_cfg, visit_insn, push_insn in kernel/bpf/verifier.c.
 */

import { changesPacketData, isSyncCallbackHelper, TIMER_SET_CALLBACK } from '../call/helper-kinds.ts';
import { CALLS_CALLBACK, type Env, FORCE_CHECKPOINT, JMP_POINT, JUMP_TARGET, PRUNE_POINT } from '../env.ts';
import { EINVAL, Rejection } from '../errors.ts';
import {
  CLASS_JMP,
  CLASS_JMP32,
  classOf,
  LD_IMM64,
  OP_CALL,
  OP_EXIT,
  OP_JA,
  opOf,
  SRC_X,
} from '../program.ts';
import { subprogAround } from './subprogs.ts';

/** An edge from an instruction: to the next one, or elsewhere. */
const FALLTHROUGH = 1;
const BRANCH = 2;
/** State of an instruction: seen, plus the last edge that was followed; or done. */
const DISCOVERED = 0x10;
const EXPLORED = 0x20;

/** One depth-first search. */
class Search {
  readonly env: Env;
  readonly states: Uint8Array;
  readonly stack: Int32Array;
  depth = 0;

  constructor(env: Env) {
    this.env = env;
    this.states = new Uint8Array(env.program.length);
    this.stack = new Int32Array(env.program.length);
  }

  /** Searches from an instruction. */
  run(start: number): void {
    this.states[start] = DISCOVERED;
    this.stack[0] = start;
    this.depth = 1;
    while (this.depth > 0) {
      const insn = this.stack[this.depth - 1]!;
      if (this.visit(insn)) continue;
      this.states[insn] = EXPLORED;
      this.depth--;
    }
  }

  /** Follows the next edge of an instruction. False when all have been followed. */
  private visit(t: number): boolean {
    const { program } = this.env;
    const code = program.code[t]!;
    if (program.isFunctionAddress(t)) return this.visitCall(t, true);
    const kind = classOf(code);
    if (kind !== CLASS_JMP && kind !== CLASS_JMP32)
      return this.push(t, t + (code === LD_IMM64 ? 2 : 1), FALLTHROUGH);
    switch (opOf(code)) {
      case OP_EXIT:
        return false;
      case OP_CALL:
        this.markCall(t);
        return this.visitCall(t, program.isSubprogCall(t));
      case OP_JA:
        if ((code & SRC_X) !== 0) throw new Rejection('reserved-field', EINVAL, '');
        return this.visitGoto(t, t + 1 + (kind === CLASS_JMP ? program.off[t]! : program.imm[t]!));
      default:
        this.mark(t, PRUNE_POINT);
        if (program.isMayGoto(t)) this.mark(t, FORCE_CHECKPOINT);
        return this.push(t, t + 1, FALLTHROUGH) || this.push(t, t + 1 + program.off[t]!, BRANCH);
    }
  }

  private visitGoto(t: number, target: number): boolean {
    if (this.push(t, target, FALLTHROUGH)) return true;
    this.mark(target, PRUNE_POINT | JMP_POINT | JUMP_TARGET);
    return false;
  }

  /** What is special about the call of a helper. */
  private markCall(t: number): void {
    const { program } = this.env;
    if (!program.isHelperCall(t)) return;
    const id = program.imm[t]!;
    if (id === TIMER_SET_CALLBACK) this.mark(t, PRUNE_POINT);
    if (isSyncCallbackHelper(id)) this.mark(t, CALLS_CALLBACK | FORCE_CHECKPOINT | PRUNE_POINT | JMP_POINT);
    if (changesPacketData(id)) this.env.subprogs[subprogAround(this.env, t)]!.changesPacketData = true;
  }

  private visitCall(t: number, visitCallee: boolean): boolean {
    const { program } = this.env;
    const next = t + (program.code[t] === LD_IMM64 ? 2 : 1);
    if (this.push(t, next, FALLTHROUGH)) return true;
    this.mark(next, PRUNE_POINT | JMP_POINT);
    if (!visitCallee) return false;
    this.mark(t, PRUNE_POINT);
    const callee = t + program.imm[t]! + 1;
    const { env } = this;
    if (env.subprogs[subprogAround(env, callee)]!.changesPacketData)
      env.subprogs[subprogAround(env, t)]!.changesPacketData = true;
    return this.push(t, callee, BRANCH);
  }

  /** Follows the edge from t to w, unless that was done before. True if w is new. */
  private push(t: number, w: number, edge: number): boolean {
    if (this.states[t]! >= (DISCOVERED | edge)) return false;
    if (w < 0 || w >= this.env.program.length) {
      this.env.observer?.source?.(t, `${t}: `);
      this.env.reject('jump-out-of-range', EINVAL, `jump out of range from insn ${t} to ${w}`);
    }
    if (edge === BRANCH) this.mark(w, PRUNE_POINT | JMP_POINT | JUMP_TARGET);
    if (this.states[w] === 0) {
      this.states[t] = DISCOVERED | edge;
      this.states[w] = DISCOVERED;
      this.stack[this.depth++] = w;
      return true;
    }
    if (this.states[w] === EXPLORED) this.states[t] = DISCOVERED | edge;
    return false;
  }

  private mark(insn: number, marks: number): void {
    this.env.marks[insn]! |= marks;
  }
}

/** Walks the graph, sets the marks of instructions, and refuses code that can never run. */
export function checkCfg(env: Env): void {
  const search = new Search(env);
  search.run(0);
  for (let i = 0; i < env.program.length; i++) {
    if (search.states[i] !== EXPLORED) env.reject('unreachable-code', EINVAL, `unreachable insn ${i}`);
    if (env.program.code[i] !== LD_IMM64) continue;
    if (search.states[i + 1] !== 0)
      env.reject('jump-into-ld-imm64', EINVAL, `jump into the middle of ldimm64 insn ${i}`);
    i++;
  }
}
