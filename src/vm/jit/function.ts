/** Compiles one BPF function: instructions within blocks, and the blocks as the structured control flow that cfg/ finds. */
import { analyzeFlow, type Cfg, type ControlSink, structure } from '../../cfg/index.ts';
import { FRAME_POINTER, type Insn } from '../../isa/index.ts';
import { MAX_LOOPS } from '../engine.ts';
import { codePointer } from '../pack.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { emitAtomic, emitLoad, emitStore } from './accesses.ts';
import { emitAlu, emitEndian, emitNegate, emitSignExtendingMove } from './alu.ts';
import { emitCallSubprog, emitCallx, emitOutsideCall, emitPacketLoad } from './calls.ts';
import { emitCondition } from './condition.ts';
import { type CompileContext, FaultNumber } from './context.ts';
import { Emitter, Local } from './emitter.ts';
import { budgetSpill, emitFault, type Spill } from './frames.ts';

/** A function's code and, in pairs, where in it each instruction's code begins. */
export interface CompiledFunction {
  readonly code: Uint8Array;
  readonly positions: readonly number[];
}

/** The code of the function that a graph is of. */
export function compileFunction(context: CompileContext, cfg: Cfg): CompiledFunction {
  const compiler = new FunctionCompiler(context, cfg);
  structure(analyzeFlow(cfg), compiler);
  return compiler.finish();
}

class FunctionCompiler implements ControlSink {
  private readonly context: CompileContext;
  private readonly cfg: Cfg;
  private readonly e: Emitter;
  private readonly spill: Spill;

  constructor(context: CompileContext, cfg: Cfg) {
    this.context = context;
    this.cfg = cfg;
    this.e = new Emitter(slotsIn(cfg), writesFramePointer(cfg));
    this.spill = budgetSpill(this.e, context);
    // A function begins as it goes on behind a call.
    this.spill.after();
    // Callbacks without loops count too, so that no helper can call them for ever.
    this.countDown(cfg.first[0]!, 1);
    if (cfg.end.some((end) => cfg.insns[end - 1]?.kind === 'may-goto')) {
      this.e.i32(MAX_LOOPS);
      this.e.set(Local.LOOPS);
    }
  }

  finish(): CompiledFunction {
    this.e.op(W.UNREACHABLE);
    this.e.op(W.END);
    return { code: this.e.code.written(), positions: this.e.positions };
  }

  block(): void {
    this.e.op(W.BLOCK);
    this.e.op(Type.EMPTY);
  }

  loop(header: number, cost: number): void {
    this.e.op(W.LOOP);
    this.e.op(Type.EMPTY);
    this.countDown(this.cfg.first[header] ?? 0, cost);
  }

  ifCondition(block: number, whenTaken: boolean): void {
    this.condition(block, whenTaken);
    this.e.ifThen();
  }

  end(): void {
    this.e.op(W.END);
  }

  branchIf(block: number, whenTaken: boolean, depth: number): void {
    this.condition(block, whenTaken);
    this.e.op(W.BR_IF);
    this.e.code.u32(depth);
  }

  branch(depth: number): void {
    this.e.op(W.BR);
    this.e.code.u32(depth);
  }

  setLabel(label: number): void {
    this.e.i32(label);
    this.e.set(Local.LABEL);
  }

  dispatch(depths: readonly number[]): void {
    this.e.get(Local.LABEL);
    this.e.op(W.BR_TABLE);
    this.e.code.u32(depths.length - 1);
    for (const depth of depths) this.e.code.u32(depth);
  }

  offEnd(): void {
    emitFault(this.e, this.context, FaultNumber.OFF_END, this.cfg.insns.length, () => {
      this.e.i32(0);
      this.e.i32(0);
    });
  }

  code(block: number): void {
    this.e.forgetConstants();
    for (let slot = this.cfg.first[block]!; slot < this.cfg.end[block]!; slot++) {
      const insn = this.cfg.insns[slot];
      if (insn !== undefined) this.insn(insn, slot);
    }
  }

  /** Takes instructions off the budget. A dispatcher, which is no block, counts as the function's first slot. */
  private countDown(slot: number, cost: number): void {
    const { e, context } = this;
    if (context.options.instalment === undefined) return;
    e.mark(slot);
    e.get(Local.BUDGET);
    e.i32(cost);
    e.op(W.I32_SUB);
    e.tee(Local.BUDGET);
    e.i32(0);
    e.op(W.I32_LT_S);
    e.ifThen();
    e.i32(slot);
    e.call(context.imports.refill);
    e.set(Local.BUDGET);
    e.op(W.END);
  }

  private condition(block: number, whenTaken: boolean): void {
    const insn = this.cfg.insns[this.cfg.end[block]! - 1];
    if (insn?.kind === 'jmp' || insn?.kind === 'may-goto') emitCondition(this.e, insn, whenTaken);
  }

  private insn(insn: Insn, slot: number): void {
    const { e, context, spill } = this;
    switch (insn.kind) {
      case 'alu':
        emitAlu(e, insn);
        break;
      case 'neg':
        emitNegate(e, insn);
        break;
      case 'movsx':
        emitSignExtendingMove(e, insn);
        break;
      case 'endian':
        emitEndian(e, insn);
        break;
      case 'addr-space-cast':
        // Both address spaces are this linear memory, whose pointers have no high half.
        e.low(insn.src);
        e.setReg32(insn.dst);
        break;
      case 'ld-imm64':
        this.ldImm64(insn);
        break;
      case 'ld-packet':
        e.mark(slot);
        emitPacketLoad(e, context, insn, slot, () => {
          this.exit();
        });
        break;
      case 'load':
        e.mark(slot);
        emitLoad(e, context, insn, slot);
        break;
      case 'store':
        e.mark(slot);
        emitStore(e, context, insn, slot);
        break;
      case 'atomic':
        e.mark(slot);
        emitAtomic(e, context, insn, slot);
        break;
      case 'call-helper':
        e.mark(slot);
        emitOutsideCall(e, context, context.helper(insn.id), slot, spill);
        break;
      case 'call-kfunc':
        e.mark(slot);
        emitOutsideCall(e, context, context.kfunc(insn.btfId, insn.module), slot, spill);
        break;
      case 'call-subprog':
        e.mark(slot);
        emitCallSubprog(e, context, insn, slot, spill);
        break;
      case 'callx':
        e.mark(slot);
        emitCallx(e, context, insn, slot, spill);
        break;
      case 'exit':
        this.exit();
        break;
      case 'ja':
      case 'jmp':
      case 'may-goto':
        // Ends its block: the structure says where it leads.
        break;
    }
  }

  /** Whether references are resolved and pointers lead to functions, pack() has checked. */
  private ldImm64(insn: Extract<Insn, { kind: 'ld-imm64' }>): void {
    const isFunction = insn.pseudo === 'func';
    const lo = isFunction ? (codePointer(this.context.program, insn.lo) ?? 0) : insn.lo;
    const hi = isFunction ? 0 : insn.hi;
    this.e.i64(lo, hi);
    this.e.setReg(insn.dst);
    this.e.setConstant(insn.dst, hi === 0 ? lo : undefined);
  }

  private exit(): void {
    this.spill.before();
    this.e.reg(0);
    this.e.op(W.RETURN);
  }
}

/** Only programs that were not verified do. */
function writesFramePointer({ first, end, insns }: Cfg): boolean {
  for (let block = 0; block < first.length; block++) {
    for (let slot = first[block]!; slot < end[block]!; slot++) {
      const insn = insns[slot];
      if (insn !== undefined && written(insn) === FRAME_POINTER) return true;
    }
  }
  return false;
}

/** The register that an instruction names as its destination, or undefined. Calls write r0 only. */
function written(insn: Insn): number | undefined {
  switch (insn.kind) {
    case 'alu':
    case 'neg':
    case 'movsx':
    case 'endian':
    case 'addr-space-cast':
    case 'ld-imm64':
    case 'load':
      return insn.dst;
    case 'atomic':
      return insn.fetch && insn.op !== 'cmpxchg' ? insn.src : undefined;
    default:
      return undefined;
  }
}

function slotsIn({ first, end }: Cfg): number {
  return end.reduce((sum, behind, block) => sum + behind - first[block]!, 0);
}
