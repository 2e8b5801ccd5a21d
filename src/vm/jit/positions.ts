/**
 * Where a compiled program stood when an error was made: stack traces of V8 and SpiderMonkey name WebAssembly functions with the byte at
 * which they stand. Where a platform does not say, there is nothing.
 */
import type { PreparedProgram } from '../abi.ts';
import { type FaultFrame, frameAt } from '../fault.ts';
import type { CompiledCode, Positions } from './compile.ts';

/** Function index and byte offset in the module. */
const WASM_FRAME = /wasm-function\[(\d+)\]:(?:0x)?([0-9a-f]+)/;

/** Stack frames of the platform that are looked at: those of two runs of MAX_CALL_FRAMES functions with helpers in between fit. */
const TRACE_FRAMES = 100;

/** An error whose stack is that of the caller, with more frames than the platform notes by default. */
export function traceHere(): Error {
  const platform = Error as { stackTraceLimit?: number };
  const limit = platform.stackTraceLimit;
  if (limit === undefined) return new Error('trace');
  platform.stackTraceLimit = TRACE_FRAMES;
  const error = new Error('trace');
  platform.stackTraceLimit = limit;
  return error;
}

/** A compiled program that may be on the stack. */
export interface Traced {
  readonly program: PreparedProgram;
  readonly code: Pick<CompiledCode, 'name' | 'positions'>;
}

/**
 * The BPF functions of one run on the stack of an error, innermost first. `candidates`: the programs that the run went through, its first
 * one first. `skipRuns`: inner runs whose frames come before those of this run.
 */
export function framesOf(error: unknown, candidates: readonly Traced[], skipRuns: number): FaultFrame[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const frames: FaultFrame[] = [];
  let skip = skipRuns;
  for (const line of stack.split('\n')) {
    const match = WASM_FRAME.exec(line);
    if (match === null) continue;
    const index = Number(match[1]);
    const traced = candidates.find(({ code }) => line.includes(`/${code.name}-`)) ?? candidates[0];
    if (traced === undefined) break;
    const { positions } = traced.code;
    // Of the entries that compile() puts behind the program's functions, `run` and `repeat` begin a run.
    const entry = index - positions.firstFunction - positions.pairs.length;
    const isEntry = entry === 0 || entry === 1;
    if (isEntry && skip === 0) break;
    if (isEntry) skip--;
    else if (skip === 0) {
      const slot = slotAt(positions, index, Number.parseInt(match[2]!, 16));
      if (slot !== undefined) frames.push(frameAt(traced.program, slot));
    }
  }
  return frames;
}

/** The slot of the instruction whose code begins last before a byte of the module. */
function slotAt(positions: Positions, functionIndex: number, offset: number): number | undefined {
  const subprog = functionIndex - positions.firstFunction;
  const pairs = positions.pairs[subprog];
  const start = positions.starts[subprog];
  if (pairs === undefined || start === undefined) return undefined;
  let low = 0;
  let high = pairs.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start + pairs[2 * middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : pairs[2 * low - 1];
}
