/** What the compiler's tests share: an engine with its memory, and the fault of a run. */
import { u64FromHalves } from '../../../src/base/int64.ts';
import { type HelperTable, Memory, type PreparedProgram, VmFault } from '../../../src/vm/index.ts';
import { JitEngine, type JitEngineOptions } from '../../../src/vm/jit/index.ts';
import { helperTable, program } from '../support.ts';

export class Jit {
  readonly memory: Memory;
  readonly engine: JitEngine;
  readonly helpers: HelperTable;

  constructor(helpers: HelperTable = helperTable(), options: JitEngineOptions = {}, memory = new Memory()) {
    this.memory = memory;
    this.helpers = helpers;
    this.engine = new JitEngine(memory, helpers, options);
  }

  /** r0 as an unsigned 64-bit number. */
  run(prepared: PreparedProgram, r1 = 0, r2 = 0): bigint {
    const low = this.engine.execute(prepared, r1, r2);
    return u64FromHalves(low, this.engine.r0High);
  }

  /** Runs assembly text. */
  text(text: string, r1 = 0, r2 = 0): bigint {
    return this.run(program(text, this.helpers), r1, r2);
  }

  /** The fault that running the program ends with. */
  fault(prepared: PreparedProgram, r1 = 0): VmFault {
    try {
      this.run(prepared, r1);
    } catch (error) {
      if (error instanceof VmFault) return error;
      throw error;
    }
    throw new Error('the program did not fault');
  }
}
