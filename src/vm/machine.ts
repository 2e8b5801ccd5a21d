/**
 * The state of one run of the interpreter, and the transitions that are too rare for the hot loop: entering and leaving functions,
 * calls out, callbacks, tail calls, faults. Knows nothing of dispatch.
 */

import { Errno } from '../base/errno.ts';
import { BpfError } from '../base/errors.ts';
import { u64FromHalves } from '../base/int64.ts';
import type { CallbackDriver, HelperTable, PreparedProgram } from './abi.ts';
import { type CallPlan, callWithWords, planCall, storeResult } from './calls.ts';
import { MAX_CALL_FRAMES, MAX_LOOPS, MAX_TAIL_CALLS, STACK_BYTES } from './engine.ts';
import {
  describeAccess,
  type FaultCode,
  type FaultFrame,
  frameAt,
  makeFault,
  type VmFault,
} from './fault.ts';
import type { Memory } from './memory.ts';
import { pack, ROW, slotOfCodePointer } from './pack.ts';

/** A packed program together with the calls it makes into one helper table. */
export interface LinkedProgram {
  readonly program: PreparedProgram;
  readonly rows: Int32Array;
  readonly plans: readonly CallPlan[];
}

/** Words of a machine's registers: r0 to r10 as low and high halves at 2n and 2n + 1, and a pair that stays zero. */
const REGISTER_WORDS = 24;
const R6 = 12;
const R10 = 20;

/**
 * The registers of the machine that runs now. One array for all machines, and longer than any index the loop forms, because V8 then
 * compiles the loop with its address as a constant and without bounds checks: a fifth of the time (bench/).
 */
const registerFile = new Int32Array(256);
let owner: Machine | undefined;

/** The array that the loop works on. */
export function currentRegisters(): Int32Array {
  return registerFile;
}

// A saved caller in `frames`: where it goes on, its r6 to r9 as eight words, its may_goto budget, and what the callee is.
const FRAME_WORDS = 11;
const SAVED_REGISTERS = 1;
const SAVED_LOOPS = 9;
const CALLEE_KIND = 10;
/** The callee was called by the program. */
const BY_PROGRAM = 0;
/** The callee is a callback of the innermost driver. */
const BY_DRIVER = 1;

/** What a machine holds before its first run. */
const NO_PROGRAM: PreparedProgram = { name: 'none', insns: [], subprogs: [0], subprogNames: ['none'] };

/** A helper call that is calling back. */
interface ActiveDriver {
  readonly driver: CallbackDriver;
  readonly plan: CallPlan;
  /** First word of the callback's first row. */
  readonly entry: number;
}

export class Machine {
  readonly memory: Memory;
  readonly helpers: HelperTable;
  linked: LinkedProgram;
  /** First word of the row that runs next. */
  pc = 0;
  /** Callers that are waiting. */
  depth = 0;
  /** Instructions that the current call of the loop may still run. */
  left = 0;
  /** Times that may_goto may still fall through in this function call. */
  loopsLeft = 0;

  private readonly savedRegisters = new Int32Array(REGISTER_WORDS);
  private readonly stack: number[] = [];
  private readonly frames = new Int32Array(MAX_CALL_FRAMES * FRAME_WORDS);
  private readonly callers: LinkedProgram[] = [];
  private readonly drivers: ActiveDriver[] = [];
  private readonly callbackArgs = new Int32Array(10);
  private readonly cache = new WeakMap<PreparedProgram, LinkedProgram>();
  private tailCalls = 0;
  private lastFault: VmFault | undefined;
  /** Deepest frame whose stack the last run may have written. */
  private dirtyDepth = 0;

  constructor(memory: Memory, helpers: HelperTable) {
    this.memory = memory;
    this.helpers = helpers;
    this.linked = this.link(NO_PROGRAM);
    for (let frame = 0; frame < MAX_CALL_FRAMES; frame++) {
      this.stack.push(
        memory.allocate({ size: STACK_BYTES, kind: 'stack', name: `frame ${frame}`, align: 16 }),
      );
    }
  }

  dispose(): void {
    if (owner === this) owner = undefined;
    for (const address of this.stack.splice(0)) this.memory.free(address);
  }

  /** This machine's registers, wherever they are now. */
  get regs(): Int32Array {
    return owner === this ? registerFile : this.savedRegisters;
  }

  /** Makes this machine's registers the current ones; a helper may have run another machine. */
  takeRegisters(): void {
    if (owner === this) return;
    owner?.savedRegisters.set(registerFile.subarray(0, REGISTER_WORDS));
    registerFile.set(this.savedRegisters);
    owner = this;
  }

  /** Packs a program and resolves its calls, once. */
  link(program: PreparedProgram): LinkedProgram {
    let linked = this.cache.get(program);
    if (linked === undefined) {
      const packed = pack(program);
      const plans = packed.calls.map((target) => planCall(target, this.helpers));
      linked = { program, rows: packed.rows, plans };
      this.cache.set(program, linked);
    }
    return linked;
  }

  /** Readies a run: all registers but the arguments and the frame pointer are zero, and so is the stack. */
  reset(program: PreparedProgram, r1: number, r2: number): void {
    this.linked = this.link(program);
    const { u8 } = this.memory;
    for (let frame = 0; frame <= this.dirtyDepth; frame++) {
      const start = this.stack[frame]!;
      u8.fill(0, start, start + STACK_BYTES);
    }
    const { regs } = this;
    regs.fill(0, 0, REGISTER_WORDS);
    regs[2] = r1;
    regs[4] = r2;
    regs[R10] = this.stack[0]! + STACK_BYTES;
    this.pc = 0;
    this.depth = 0;
    this.dirtyDepth = 0;
    this.tailCalls = 0;
    this.loopsLeft = MAX_LOOPS;
    this.drivers.length = 0;
  }

  /** Calls a function of the program: saves what the caller keeps and gives the callee its own stack frame. */
  enter(entry: number, kind = BY_PROGRAM): void {
    const { regs, frames, depth } = this;
    if (depth + 1 >= MAX_CALL_FRAMES) {
      throw this.fault('call-too-deep', `calls nest deeper than ${MAX_CALL_FRAMES} functions`);
    }
    const frame = depth * FRAME_WORDS;
    frames[frame] = this.pc;
    for (let i = 0; i < 8; i++) frames[frame + SAVED_REGISTERS + i] = regs[R6 + i]!;
    frames[frame + SAVED_LOOPS] = this.loopsLeft;
    frames[frame + CALLEE_KIND] = kind;
    this.callers[depth] = this.linked;
    this.depth = depth + 1;
    if (depth + 1 > this.dirtyDepth) this.dirtyDepth = depth + 1;
    this.loopsLeft = MAX_LOOPS;
    regs[R10] = this.stack[depth + 1]! + STACK_BYTES;
    regs[R10 + 1] = 0;
    this.pc = entry;
  }

  /** Returns to the caller, or into the helper that called back. */
  leave(): void {
    const { regs, frames } = this;
    const depth = this.depth - 1;
    const frame = depth * FRAME_WORDS;
    this.depth = depth;
    this.pc = frames[frame]!;
    for (let i = 0; i < 8; i++) regs[R6 + i] = frames[frame + SAVED_REGISTERS + i]!;
    this.loopsLeft = frames[frame + SAVED_LOOPS]!;
    this.linked = this.callers[depth]!;
    regs[R10] = this.stack[depth]! + STACK_BYTES;
    regs[R10 + 1] = 0;
    if (frames[frame + CALLEE_KIND] === BY_DRIVER) this.callbackReturned();
  }

  /** callx: calls the function that a register points to, or the helper whose number it holds where that is allowed. */
  enterPointer(reg: number): void {
    const { regs, helpers } = this;
    const slot = slotOfCodePointer(this.linked.program, regs[reg]!, regs[reg + 1]!);
    if (slot === undefined && helpers.callxByNumber === true && regs[reg + 1] === 0) {
      this.callOut(planCall({ kind: 'helper', id: regs[reg]! }, helpers));
      return;
    }
    if (slot === undefined) {
      const value = u64FromHalves(regs[reg]!, regs[reg + 1]!);
      throw this.fault(
        'bad-function-pointer',
        `0x${value.toString(16)} in r${reg / 2} is no function of this program`,
      );
    }
    this.enter(slot * ROW);
  }

  /** Calls a helper or kernel function with `pc` behind the call. May change the program, `pc` and memory's views. */
  callOut(plan: CallPlan): void {
    const { regs } = this;
    const { call, high0, high1, high2, high3, high4 } = plan;
    if ((regs[high0]! | regs[high1]! | regs[high2]! | regs[high3]! | regs[high4]!) !== 0) {
      throw this.pointerFault(plan);
    }
    if (call === undefined) {
      this.callSpecial(plan);
      return;
    }
    let result: number;
    try {
      result = callWithWords(call, plan, regs);
    } catch (error) {
      throw this.helperFault(plan, error);
    }
    this.takeRegisters();
    storeResult(plan, regs, this.helpers, result);
  }

  private callSpecial(plan: CallPlan): void {
    const { entry, target } = plan;
    if (entry === undefined) {
      const what =
        target.kind === 'helper' ? `helper ${target.id}` : `kernel function with BTF id ${target.btfId}`;
      throw this.fault('unknown-helper', `there is no ${what}`);
    }
    try {
      if (entry.kind === 'tail-call') this.tailCall(entry.target);
      else if (entry.kind === 'callback') this.startDriver(plan, callWithWords(entry.start, plan, this.regs));
    } catch (error) {
      throw this.helperFault(plan, error);
    }
  }

  /** As JMP_TAIL_CALL in kernel/bpf/core.c; a failed one, of which the kernel leaves r0 undefined, sets it to -ENOENT. */
  private tailCall(find: (mapAddress: number, index: number) => PreparedProgram | undefined): void {
    const { regs } = this;
    const target = this.tailCalls < MAX_TAIL_CALLS ? find(regs[4]! >>> 0, regs[6]! >>> 0) : undefined;
    if (target === undefined) {
      regs[0] = -Errno.ENOENT;
      regs[1] = -1;
      return;
    }
    this.tailCalls++;
    this.linked = this.link(target);
    this.loopsLeft = MAX_LOOPS;
    this.pc = 0;
  }

  private startDriver(plan: CallPlan, started: CallbackDriver | number): void {
    this.takeRegisters();
    if (typeof started === 'number') {
      storeResult(plan, this.regs, this.helpers, started);
      return;
    }
    const slot = slotOfCodePointer(this.linked.program, started.callback, 0);
    if (slot === undefined) {
      const value = (started.callback >>> 0).toString(16);
      throw this.fault('bad-function-pointer', `0x${value} is no function of this program to call back`);
    }
    this.drivers.push({ driver: started, plan, entry: slot * ROW });
    this.advanceDriver();
  }

  private callbackReturned(): void {
    const { regs } = this;
    const active = this.drivers[this.drivers.length - 1]!;
    try {
      active.driver.returned(regs[0]!, regs[1]!);
      this.advanceDriver();
    } catch (error) {
      throw this.helperFault(active.plan, error);
    }
  }

  /** Calls back once more, or ends the helper call. */
  private advanceDriver(): void {
    const { driver, plan, entry } = this.drivers[this.drivers.length - 1]!;
    const more = driver.next(this.callbackArgs);
    this.takeRegisters();
    if (more) {
      this.regs.set(this.callbackArgs, 2);
      this.enter(entry, BY_DRIVER);
      return;
    }
    const result = driver.result();
    this.drivers.pop();
    storeResult(plan, this.regs, this.helpers, result);
  }

  /** The call stack from the innermost function outwards; `slot` is where the innermost one stands. */
  callStack(slot: number): FaultFrame[] {
    const stack = [frameAt(this.linked.program, slot)];
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const call = this.frames[depth * FRAME_WORDS]! / ROW - 1;
      stack.push(frameAt(this.callers[depth]!.program, call));
    }
    return stack;
  }

  /** A fault of the instruction before `pc`. */
  fault(code: FaultCode, message: string, more: Parameters<typeof makeFault>[4] = {}): VmFault {
    const slot = this.pc / ROW - 1;
    this.lastFault = makeFault(code, message, this.linked.program, this.callStack(slot), more);
    return this.lastFault;
  }

  /** The fault of an access through register `reg` that memory does not allow. */
  accessFault(reg: number, offset: number, size: number, write: boolean): VmFault {
    const { regs } = this;
    const address = BigInt.asUintN(64, u64FromHalves(regs[reg]!, regs[reg + 1]!) + BigInt(offset));
    const { message, access } = describeAccess(this.memory, address, size, write);
    return this.fault(write ? 'invalid-write' : 'invalid-read', message, { access });
  }

  private pointerFault(plan: CallPlan): VmFault {
    const highs = [plan.high0, plan.high1, plan.high2, plan.high3, plan.high4];
    const index = highs.find((high) => this.regs[high] !== 0) ?? plan.high0;
    const value = u64FromHalves(this.regs[index - 1]!, this.regs[index]!).toString(16);
    const name = plan.entry?.name ?? 'the helper';
    return this.fault('invalid-pointer', `r${(index - 1) / 2} of ${name} is 0x${value}, which is no pointer`);
  }

  private helperFault(plan: CallPlan, error: unknown): unknown {
    if (!(error instanceof BpfError) || error === this.lastFault) return error;
    const name = plan.entry?.name ?? 'the helper';
    return this.fault('helper-failed', `${name}: ${error.message}`, { cause: error });
  }
}
