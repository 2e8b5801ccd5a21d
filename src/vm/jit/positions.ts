/**
 * Where compiled programs stood when an error was made: stack traces of V8 and SpiderMonkey name WebAssembly functions with the byte at
 * which they stand. Where a platform does not say, there is nothing.
 */
import type { PreparedProgram } from '../abi.ts';
import { type FaultFrame, frameAt } from '../fault.ts';
import type { CompiledCode, Positions } from './compile.ts';
import { isRunEntry } from './entries.ts';

/** Function name as the platform writes it, function index, and byte offset in the module. */
const WASM_FRAME = /^(.*)wasm-function\[(\d+)\]:(?:0x)?([0-9a-f]+)/;

/** Stack frames of the platform that are looked at: those of two runs of MAX_CALL_FRAMES functions with helpers in between fit. */
const TRACE_FRAMES = 100;

interface TracingPlatform {
  stackTraceLimit?: number;
}

/** Makes errors note more stack frames than platforms do by default; gives what `restoreTraces` takes. */
export function deepenTraces(): number | undefined {
  const platform = Error as TracingPlatform;
  const limit = platform.stackTraceLimit;
  if (limit !== undefined && limit < TRACE_FRAMES) platform.stackTraceLimit = TRACE_FRAMES;
  return limit;
}

/** Undoes what `deepenTraces` did. */
export function restoreTraces(limit: number | undefined): void {
  if (limit !== undefined) (Error as TracingPlatform).stackTraceLimit = limit;
}

/** A compiled program that may be on the stack. */
export interface Traced {
  readonly program: PreparedProgram;
  readonly code: Pick<CompiledCode, 'name' | 'positions' | 'calls'>;
}

/** What a stack trace says of compiled programs. */
export interface Trace<T> {
  /** The BPF functions of one run, innermost first. */
  readonly frames: FaultFrame[];
  /** The program of the innermost one. */
  readonly innermost: T | undefined;
}

/**
 * The BPF functions of one run on the stack of an error. `candidates`: the programs that the run went through, its first one first.
 * `skipRuns`: inner runs whose frames come before those of this run.
 */
export function traceOf<T extends Traced>(
  error: unknown,
  candidates: readonly T[],
  skipRuns: number,
): Trace<T> {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const frames: FaultFrame[] = [];
  let innermost: T | undefined;
  let skip = skipRuns;
  for (const line of stack.split('\n')) {
    const [, name = '', index, offset = ''] = WASM_FRAME.exec(line) ?? [];
    if (index === undefined) continue;
    if (isRunEntry(name)) {
      if (skip-- === 0) break;
      continue;
    }
    if (skip > 0) continue;
    const traced = candidates.find(({ code }) => line.includes(`/${code.name}-`)) ?? candidates[0];
    if (traced === undefined) break;
    const slot = slotAt(traced.code.positions, Number(index), Number.parseInt(offset, 16));
    // A tail call that went through is still on the platform's stack, but no more on that of the program.
    if (slot === undefined || (innermost !== undefined && isTailCall(traced, slot))) continue;
    innermost ??= traced;
    frames.push(frameAt(traced.program, slot));
  }
  return { frames, innermost };
}

function isTailCall({ program, code }: Traced, slot: number): boolean {
  const insn = program.insns[slot];
  return (
    insn?.kind === 'call-helper' &&
    code.calls.some(
      ({ target, entry }) => target.kind === 'helper' && target.id === insn.id && entry?.kind === 'tail-call',
    )
  );
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
