/** The interpreter's loop (module.ts) compiled, once a process, and joined to a memory. */
import { type WasmMemory, type WasmModule, wasm } from '../wasm/platform.ts';
import { type LoopCalls, loopModule } from './module.ts';

/**
 * Runs at most `budget` (unsigned, 32 bits) instructions of the machine whose state is at `state`; 1 when the program has ended, else 0. What the
 * imported functions throw goes through.
 */
export type Loop = (state: number, budget: number) => number;

/** Readies a run of the program whose rows are at `rows`, with r1 and r2 zero-extended, all other registers and the stack zero. */
export type Start = (state: number, rows: number, r1: number, r2: number) => void;

let module: WasmModule | undefined;

/** The loop on a memory. */
export function instantiateLoop(memory: WasmMemory, calls: LoopCalls): { run: Loop; start: Start } {
  module ??= new wasm.Module(loopModule());
  const { exports } = new wasm.Instance(module, { e: { memory }, f: { ...calls } });
  return { run: exports.run as Loop, start: exports.start as Start };
}
