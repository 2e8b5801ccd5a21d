/**
 * The state of one run of the interpreter, and what is too rare for its loop: starting a run, calls out, callbacks, tail calls, faults. Knows
 * nothing of dispatch. Numbers that the loop works on lie in linear memory (loop/state.ts).
 */

import { Errno } from '../base/errno.ts';
import { BpfError } from '../base/errors.ts';
import { u64FromHalves } from '../base/int64.ts';
import type { CallbackDriver, HelperTable, PreparedProgram } from './abi.ts';
import { type CallPlan, planCall, RETURN_CODES, resultHigh } from './calls.ts';
import { CodeArea, type LinkedProgram } from './code-area.ts';
import { MAX_CALL_FRAMES, MAX_LOOPS, MAX_TAIL_CALLS, STACK_BYTES } from './engine.ts';
import {
  describeAccess,
  type FaultCode,
  type FaultFrame,
  frameAt,
  makeFault,
  type VmFault,
} from './fault.ts';
import { instantiateLoop, type Loop, type Start } from './loop/instance.ts';
import { CALLBACK, Frame, REGISTER_WORDS, STATE_BYTES, State } from './loop/state.ts';
import type { Memory } from './memory.ts';
import { Op, pack, ROW, ROW_BYTES, slotOfCodePointer } from './pack.ts';
import { allocateStack, FIRST_FRAME, FRAME_STRIDE } from './stack.ts';

const PC = State.PC >> 2;
const LEFT = State.LEFT >> 2;
const DEPTH = State.DEPTH >> 2;
const LOOPS_LEFT = State.LOOPS_LEFT >> 2;
const ROWS = State.ROWS >> 2;
const MEMORY_SIZE = State.MEMORY_SIZE >> 2;
const RESULT_HIGH = State.RESULT_HIGH >> 2;
const STACK_TOPS = State.STACK_TOPS >> 2;

/** Indices in `regs`. In r6 is the context where packets are loaded in the legacy way. */
const R6 = 12;
const FRAME_POINTER = 20;

/** For the loop: no function to enter. */
const GO_ON = 0;

/** A helper call that is calling back. */
interface ActiveDriver {
  readonly driver: CallbackDriver;
  readonly plan: CallPlan;
  /** First slot of the callback. */
  readonly entry: number;
}

/** What a machine holds before its first run. */
const NO_PROGRAM: PreparedProgram = { name: 'none', insns: [], subprogs: [0], subprogNames: ['none'] };

/** One run, its stacks and its callers; it is used again for the next. */
export class Machine {
  readonly memory: Memory;
  readonly helpers: HelperTable;
  /** The program that ran when JavaScript was last told; see `linked`. */
  private known: LinkedProgram;
  private readonly loop: { readonly run: Loop; readonly start: Start };
  /** Address of the state, and the same as an index of 32-bit words. */
  private readonly state: number;
  private readonly words: number;
  private readonly stack: number;
  private readonly code: CodeArea;
  private readonly drivers: ActiveDriver[] = [];
  private readonly callbackArgs = new Int32Array(10);
  private readonly cache = new WeakMap<PreparedProgram, LinkedProgram>();
  private tailCalls = 0;
  private lastFault: VmFault | undefined;
  private registers!: Int32Array<ArrayBuffer>;
  /** The view of memory that `registers` belongs to. */
  private seen: Int32Array | undefined;

  constructor(memory: Memory, helpers: HelperTable) {
    this.memory = memory;
    this.helpers = helpers;
    this.code = new CodeArea(memory);
    this.stack = allocateStack(memory);
    this.state = memory.allocate({ size: STATE_BYTES, kind: 'kernel', name: 'interpreter', align: 16 });
    memory.setAccess(this.state, STATE_BYTES, 'none');
    this.words = this.state >>> 2;
    this.known = this.link(NO_PROGRAM);
    const firstTop = this.stack + FIRST_FRAME + STACK_BYTES;
    for (let depth = 0; depth < MAX_CALL_FRAMES; depth++) {
      memory.i32[this.words + STACK_TOPS + depth] = firstTop + depth * FRAME_STRIDE;
    }
    this.loop = instantiateLoop(memory.wasm, {
      fault: () => {
        throw this.loopFault();
      },
      call: (index) => this.call(index),
      callSpecial: (index) => this.callSpecial(this.linked.plans[index]!),
      callRegister: () => this.callRegister(),
      callbackReturned: () => this.callbackReturned(),
      loadPacket: () => this.loadPacket(),
    });
  }

  dispose(): void {
    this.code.clear();
    this.memory.free(this.stack);
    this.memory.free(this.state);
  }

  /** r0 to r10 as low and high halves at 2n and 2n + 1. Replaced when memory grows. */
  get regs(): Int32Array<ArrayBuffer> {
    const { i32 } = this.memory;
    if (i32 !== this.seen) {
      this.seen = i32;
      this.registers = new Int32Array(i32.buffer, this.state, REGISTER_WORDS);
    }
    return this.registers;
  }

  /** The program that runs; a tail call changes it. */
  get linked(): LinkedProgram {
    const rows = this.word(ROWS);
    if (rows !== this.known.address) this.known = this.code.at(rows) ?? this.known;
    return this.known;
  }

  /** The slot that runs next. */
  get slot(): number {
    return (this.word(PC) - this.word(ROWS)) / ROW_BYTES;
  }

  set slot(slot: number) {
    this.setWord(PC, this.word(ROWS) + slot * ROW_BYTES);
  }

  /** Callers that are waiting. */
  get depth(): number {
    return this.word(DEPTH);
  }

  /** Instructions of its budget that the last `run` left. */
  get left(): number {
    return this.word(LEFT);
  }

  /** Runs at most `budget` (a 32-bit number) instructions; true when the program has ended. Throws VmFault. */
  run(budget: number): boolean {
    this.setWord(MEMORY_SIZE, this.memory.size);
    return this.loop.run(this.state, budget) === 1;
  }

  /** Packs a program and resolves its calls, once. */
  link(program: PreparedProgram): LinkedProgram {
    let linked = this.cache.get(program);
    if (linked === undefined) {
      const { rows, calls } = pack(program);
      const plans = calls.map((target) => planCall(target, this.helpers));
      linkCalls(rows, plans);
      linked = { program, rows, plans, address: 0 };
      this.cache.set(program, linked);
    }
    return linked;
  }

  /** Readies a run: all registers but the arguments and the frame pointer are zero, and so is the stack. */
  reset(program: PreparedProgram, r1: number, r2: number): void {
    const linked = program === this.known.program ? this.known : this.link(program);
    if (linked.address === 0) this.code.place(linked);
    this.loop.start(this.state, linked.address, r1, r2);
    this.known = linked;
    this.tailCalls = 0;
    if (this.drivers.length > 0) this.drivers.length = 0;
  }

  /** Calls a plain helper or kernel function. May grow memory. */
  private call(index: number): number {
    const plan = this.linked.plans[index]!;
    const result = this.callPlain(plan, plan.call!);
    if (plan.returns === RETURN_CODES.u64) this.setWord(RESULT_HIGH, this.helpers.high);
    return result;
  }

  private callPlain(plan: CallPlan, call: NonNullable<CallPlan['call']>): number {
    if (plan.pointers.length > 0) this.needPointers(plan);
    const { i32 } = this.memory;
    let result: number;
    try {
      result = call(i32, this.words);
    } catch (error) {
      throw this.helperFault(plan, error);
    }
    if (this.memory.i32 !== i32) this.setWord(MEMORY_SIZE, this.memory.size);
    return result;
  }

  /** Calls what is no plain helper. Gives the row of a callback to enter, or GO_ON. */
  private callSpecial(plan: CallPlan): number {
    const { entry, target } = plan;
    this.needPointers(plan);
    if (entry === undefined) {
      const what =
        target.kind === 'helper' ? `helper ${target.id}` : `kernel function with BTF id ${target.btfId}`;
      throw this.fault('unknown-helper', `there is no ${what}`);
    }
    let row = GO_ON;
    try {
      if (entry.kind === 'tail-call') this.tailCall(entry.target);
      else if (plan.start !== undefined)
        row = this.startDriver(plan, plan.start(this.memory.i32, this.words));
    } catch (error) {
      throw this.helperFault(plan, error);
    }
    this.setWord(MEMORY_SIZE, this.memory.size);
    return row;
  }

  /** callx: gives the row of the function that a register points to, or calls the helper whose number it holds where that is allowed. */
  private callRegister(): number {
    const { helpers, linked } = this;
    const insn = linked.program.insns[this.slot - 1];
    const reg = insn?.kind === 'callx' ? insn.reg : 0;
    const low = this.regs[2 * reg]!;
    const high = this.regs[2 * reg + 1]!;
    const slot = slotOfCodePointer(linked.program, low, high);
    if (slot !== undefined) return this.rowOf(slot);
    if (helpers.callxByNumber === true && high === 0) return this.callByNumber(low);
    const value = u64FromHalves(low, high);
    throw this.fault(
      'bad-function-pointer',
      `0x${value.toString(16)} in r${reg} is no function of this program`,
    );
  }

  private callByNumber(id: number): number {
    const plan = planCall({ kind: 'helper', id }, this.helpers);
    if (plan.call === undefined) return this.callSpecial(plan);
    this.storeResult(plan, this.callPlain(plan, plan.call));
    return GO_ON;
  }

  /** As JMP_TAIL_CALL in kernel/bpf/core.c; a failed one, of which the kernel leaves r0 undefined, sets it to -ENOENT. */
  private tailCall(find: (mapAddress: number, index: number) => PreparedProgram | undefined): void {
    const { regs } = this;
    const target = this.tailCalls < MAX_TAIL_CALLS ? find(regs[4]! >>> 0, regs[6]! >>> 0) : undefined;
    if (target === undefined) {
      this.setResult(-Errno.ENOENT, -1);
      return;
    }
    this.tailCalls++;
    const linked = this.link(target);
    this.code.placeBeside(linked);
    this.setWord(ROWS, linked.address);
    this.setWord(LOOPS_LEFT, MAX_LOOPS);
    // As any function, the target begins with r0 and r6 to r9 zero.
    this.setResult(0, 0);
    regs.fill(0, R6, FRAME_POINTER);
    this.resetFramePointer();
    this.setWord(PC, linked.address);
  }

  private startDriver(plan: CallPlan, started: CallbackDriver | number): number {
    if (typeof started === 'number') return this.endDriver(plan, started);
    const slot = slotOfCodePointer(this.linked.program, started.callback, 0);
    if (slot === undefined) {
      const value = (started.callback >>> 0).toString(16);
      throw this.fault('bad-function-pointer', `0x${value} is no function of this program to call back`);
    }
    this.drivers.push({ driver: started, plan, entry: slot });
    return this.advanceDriver();
  }

  private callbackReturned(): number {
    const { regs } = this;
    const active = this.drivers[this.drivers.length - 1]!;
    let row: number;
    try {
      active.driver.returned(regs[0]!, regs[1]!);
      row = this.advanceDriver();
    } catch (error) {
      throw this.helperFault(active.plan, error);
    }
    this.setWord(MEMORY_SIZE, this.memory.size);
    return row;
  }

  /** Calls back once more, or ends the helper call. */
  private advanceDriver(): number {
    const { driver, plan, entry } = this.drivers[this.drivers.length - 1]!;
    if (driver.next(this.callbackArgs)) {
      this.regs.set(this.callbackArgs, 2);
      return this.rowOf(entry) + CALLBACK;
    }
    const result = driver.result();
    this.drivers.pop();
    return this.endDriver(plan, result);
  }

  /** A helper that may have called back has returned: as behind a call, r1 to r5 are zero and r10 is the frame pointer. */
  private endDriver(plan: CallPlan, result: number): number {
    const { regs } = this;
    regs.fill(0, 2, 12);
    this.resetFramePointer();
    this.storeResult(plan, result);
    return GO_ON;
  }

  private resetFramePointer(): void {
    const { regs } = this;
    regs[FRAME_POINTER] = this.word(STACK_TOPS + this.depth);
    regs[FRAME_POINTER + 1] = 0;
  }

  /** Loads into r0, or sets it to 0 and returns 0 when the packet is too short. */
  private loadPacket(): number {
    const insn = this.linked.program.insns[this.slot - 1];
    const load = this.helpers.loadPacket;
    if (load === undefined || insn?.kind !== 'ld-packet')
      throw this.fault('no-packet', 'there is no packet for legacy packet access here');
    const { regs } = this;
    const offset = insn.imm + (insn.mode === 'ind' ? regs[2 * insn.src]! : 0);
    const value = load(regs[R6]! >>> 0, offset | 0, insn.size);
    this.setWord(MEMORY_SIZE, this.memory.size);
    this.setResult(Math.max(value, 0), 0);
    return value >= 0 ? 1 : 0;
  }

  /** The call stack from the innermost function outwards; `slot` is where the innermost one stands. */
  callStack(slot: number): FaultFrame[] {
    const stack = [frameAt(this.linked.program, slot)];
    const { u32 } = this.memory;
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const frame = (this.state + State.FRAMES + depth * Frame.SIZE) >>> 2;
      const rows = u32[frame + (Frame.ROWS >> 2)]!;
      const call = (u32[frame + (Frame.PC >> 2)]! - rows) / ROW_BYTES - 1;
      stack.push(frameAt((this.code.at(rows) ?? this.known).program, call));
    }
    return stack;
  }

  /** A fault of the instruction before `slot`. */
  fault(code: FaultCode, message: string, more: Parameters<typeof makeFault>[4] = {}): VmFault {
    const slot = this.slot - 1;
    this.lastFault = makeFault(code, message, this.linked.program, this.callStack(slot), more);
    return this.lastFault;
  }

  /** What the loop stumbled over. */
  private loopFault(): VmFault {
    const insn = this.linked.program.insns[this.slot - 1];
    switch (insn?.kind) {
      case 'load':
        return this.accessFault(insn.src, insn.offset, insn.size, false);
      case 'store':
      case 'atomic':
        return this.accessFault(insn.dst, insn.offset, insn.size, true);
      case undefined:
        return this.fault('fell-off-end', 'the program runs past its last instruction');
      default:
        return this.fault('call-too-deep', `calls nest deeper than ${MAX_CALL_FRAMES} functions`);
    }
  }

  /** The fault of an access through a register that memory does not allow. */
  private accessFault(reg: number, offset: number, size: number, write: boolean): VmFault {
    const { regs } = this;
    const base = u64FromHalves(regs[2 * reg]!, regs[2 * reg + 1]!);
    const address = BigInt.asUintN(64, base + BigInt(offset));
    const { message, access } = describeAccess(this.memory, address, size, write);
    return this.fault(write ? 'invalid-write' : 'invalid-read', message, { access });
  }

  /** Throws when a register that should hold a pointer has a high half. */
  private needPointers({ pointers, entry }: CallPlan): void {
    const { i32 } = this.memory;
    for (const reg of pointers) {
      const low = this.words + 2 * reg;
      if (i32[low + 1] === 0) continue;
      const value = u64FromHalves(i32[low]!, i32[low + 1]!).toString(16);
      const name = entry?.name ?? 'the helper';
      throw this.fault('invalid-pointer', `r${reg} of ${name} is 0x${value}, which is no pointer`);
    }
  }

  private helperFault(plan: CallPlan, error: unknown): unknown {
    if (!(error instanceof BpfError) || error === this.lastFault) return error;
    const name = plan.entry?.name ?? 'the helper';
    return this.fault('helper-failed', `${name}: ${error.message}`, { cause: error });
  }

  private rowOf(slot: number): number {
    return this.word(ROWS) + slot * ROW_BYTES;
  }

  /** Writes a helper's result to r0. */
  private storeResult(plan: CallPlan, result: number): void {
    this.setResult(plan.returns === RETURN_CODES.void ? 0 : result, resultHigh(plan, this.helpers, result));
  }

  private setResult(low: number, high: number): void {
    const { regs } = this;
    regs[0] = low;
    regs[1] = high;
  }

  /** A word of the state, unsigned. */
  private word(index: number): number {
    return this.memory.u32[this.words + index]!;
  }

  private setWord(index: number, value: number): void {
    this.memory.i32[this.words + index] = value;
  }
}

/** Turns the calls of plain helpers into the operations that call them. Changes `rows`. */
function linkCalls(rows: Int32Array, plans: readonly CallPlan[]): void {
  for (let at = 0; at < rows.length; at += ROW) {
    if (rows[at] !== Op.CALL_SPECIAL) continue;
    const plan = plans[rows[at + 1]!]!;
    if (plan.call !== undefined) rows[at] = Op.CALL_PLAIN + plan.returns;
  }
}
